"""The edge in front of any HTTP origin, as dialogues: what is kept, for whom, and what becomes of the rest."""

from __future__ import annotations

import asyncio

import pytest

from tests.kit.proxied import Proxied, answer, proxied
from tests.kit.upstream import until

DATE = "Tue, 14 Nov 2023 22:13:20 GMT"  # the clock's first moment


@pytest.mark.rule("RFC 9111 4.2", "a fresh answer is given again without asking, with its age")
async def test_a_miss_then_hits(edge: Proxied) -> None:
    edge.origin.says(200, b"hello", Cache_Control="max-age=9", Content_Type="text/plain", Server="old/1")
    first = await edge.ask("/a?x=1")
    assert (first.status, first.body) == (200, b"hello")
    assert first.headers["Cache-Status"] == "Headwater; fwd=uri-miss; stored"
    edge.passes(3)
    second = await edge.ask("/a?x=1")
    assert (second.body, second.headers["Age"]) == (b"hello", "3")
    assert second.headers["Cache-Status"] == "Headwater; hit; ttl=6"
    for given in (first, second):
        assert given.headers["Server"] == "old/1"
        assert "Access-Control-Allow-Origin" not in given.headers  # pages of other origins are not let in by us
    await edge.ask("/a?x=2")
    await edge.ask("/a?x=1", host="other.example")
    assert edge.origin.asked() == ["GET /a?x=1", "GET /a?x=2", "GET /a?x=1"]
    assert [one.headers["Host"] for one in edge.origin.heard] == ["www.example", "www.example", "other.example"]


# Storing (RFC 9111 3)


@pytest.mark.rule("RFC 9111 3", "what may not be kept is asked for by each viewer")
@pytest.mark.parametrize(
    "fields",
    [
        {"Cache_Control": "no-store, max-age=9"},
        {"Cache_Control": "private, max-age=9"},
        {"Cache_Control": "max-age=9", "Vary": "*"},
        {"Cache_Control": "max-age=9", "Vary": "accept, *"},
        {"Cache_Control": "max-age=9", "Set_Cookie": "a=b"},
        {},
        {"Cache_Control": "must-understand", "status": "299"},
    ],
)
async def test_what_is_not_kept(edge: Proxied, fields: dict[str, str]) -> None:
    status = int(fields.pop("status", "200"))
    edge.origin.says(status, b"x", **fields)
    for _ in range(2):
        found = await edge.ask()
        assert (found.status, found.body, found.headers["Cache-Status"]) == (status, b"x", "Headwater; fwd=uri-miss")
    assert len(edge.origin.heard) == 2
    assert [one.cache for one in edge.deliveries] == ["pass", "pass"]


@pytest.mark.rule("RFC 9111 5.2.2.3", "must-understand lifts no-store for a status that is understood")
async def test_must_understand(edge: Proxied) -> None:
    edge.origin.says(200, b"x", Cache_Control="must-understand, no-store, max-age=9")
    assert [(await edge.ask()).headers["Cache-Status"] for _ in range(2)] == [
        "Headwater; fwd=uri-miss; stored",
        "Headwater; hit; ttl=9",
    ]


@pytest.mark.rule("RFC 9111 3.5", "an answer to a request with Authorization is shared only if it says that it may be")
async def test_authorization(edge: Proxied) -> None:
    edge.origin.says(200, b"x", Cache_Control="max-age=9")
    for _ in range(2):
        await edge.ask("/a", "Authorization: Basic eDp5")
    assert [one.headers["Authorization"] for one in edge.origin.heard] == ["Basic eDp5"] * 2
    for leave in ("public, max-age=9", "s-maxage=9", "max-age=9, must-revalidate"):
        edge.passes(20)
        edge.origin.heard.clear()
        edge.origin.says(200, b"x", Cache_Control=leave)
        for _ in range(2):
            await edge.ask("/a", "Authorization: Basic eDp5")
        assert len(edge.origin.heard) == 1, leave


async def test_a_credential_is_no_lever_against_others(edge: Proxied) -> None:
    """Who shows one can neither drop what others share nor make them ask one by one."""
    edge.origin.says(200, b"x", Cache_Control="max-age=9, stale-while-revalidate=9", ETag='"1"')
    await edge.ask()
    assert (
        (await edge.ask("/a", "Authorization: a", "Cache-Control: no-cache"))
        .headers["Cache-Status"]
        .endswith("request")
    )
    assert (await edge.ask()).headers["Cache-Status"] == "Headwater; hit; ttl=9"
    edge.passes(20)
    for _ in range(2):
        await edge.ask("/a", "Authorization: a")
    edge.origin.heard.clear()
    edge.origin.gate.clear()
    viewers = [asyncio.get_running_loop().create_task(edge.ask()) for _ in range(5)]
    await until(lambda: edge.counted("edge_followers") >= 4)
    edge.origin.gate.set()
    assert {(await viewer).body for viewer in viewers} == {b"x"}
    assert len(edge.origin.heard) == 1


async def test_queries_and_cookies_reach_no_log(
    edge: Proxied, capsys: pytest.CaptureFixture[str], impatient: None
) -> None:
    edge.origin.says(200, b"x", Cache_Control="max-age=9", Vary="Cookie")
    for _ in range(2):
        await edge.ask("/a?token=secret", "Cookie: id=secret")
    await edge.ask("/b?token=secret", method="POST")
    assert {one.path for one in edge.deliveries} == {"/a", "/b"}
    edge.origin.reply = lambda _: b"rubbish\r\n\r\n"
    assert (await edge.ask("/c?token=secret", "Cookie: id=secret")).status == 502
    await edge.origin.stop()
    assert (await edge.ask("/c?token=secret", "Cookie: id=secret")).status == 502
    said = capsys.readouterr().out
    assert "fill.failed" in said and "/c" in said and "secret" not in said


@pytest.mark.rule("RFC 9111 7.3", "a cookie goes to the one for whom it was made, and is not kept")
async def test_cookies_are_not_replayed(edge: Proxied) -> None:
    edge.origin.says(200, b"x", Cache_Control="public, max-age=9", Set_Cookie="id=1")
    assert (await edge.ask()).headers["Set-Cookie"] == "id=1"
    again = await edge.ask()
    assert "Set-Cookie" not in again.headers and again.headers["Cache-Status"].startswith("Headwater; hit")


@pytest.mark.rule("RFC 9111 5.2.2.4", "fields that no-cache or private name go to the first only, the rest is kept")
@pytest.mark.parametrize("directive", ['no-cache="X-Mine"', 'private="x-mine, x-other"'])
async def test_fields_that_are_of_one(edge: Proxied, directive: str) -> None:
    edge.origin.says(200, b"x", Cache_Control=f"max-age=9, {directive}", X_Mine="secret", X_All="y")
    assert (await edge.ask()).headers["X-Mine"] == "secret"
    again = await edge.ask()
    assert "X-Mine" not in again.headers and again.headers["X-All"] == "y"
    assert len(edge.origin.heard) == 1


@pytest.mark.rule("RFC 9111 4.2.2", "without a stated lifetime, a tenth of the time since the last change")
async def test_heuristic_freshness(edge: Proxied) -> None:
    edge.origin.says(200, b"x", Date=DATE, Last_Modified="Tue, 14 Nov 2023 22:11:40 GMT")  # 100 s before
    await edge.ask()
    edge.passes(9.9)
    assert (await edge.ask()).headers["Cache-Status"] == "Headwater; hit; ttl=0"
    edge.passes(0.1)
    await edge.ask()
    assert len(edge.origin.heard) == 2
    assert edge.origin.heard[1].headers["If-Modified-Since"] == "Tue, 14 Nov 2023 22:11:40 GMT"


async def test_negative_answers_are_kept_as_the_setting_says() -> None:
    async with proxied(negative=5) as edge:
        edge.origin.says(404, b"no")
        for _ in range(2):
            assert (await edge.ask()).status == 404
        assert len(edge.origin.heard) == 1
        edge.passes(5)
        await edge.ask()
        assert len(edge.origin.heard) == 2
        edge.origin.says(404, b"no", Cache_Control="no-store")
        for _ in range(2):
            await edge.ask("/b")
        assert len(edge.origin.heard) == 4


# Targeted fields (RFC 9213)


@pytest.mark.rule("RFC 9213 2.2", "CDN-Cache-Control decides alone; what cannot be parsed is as if absent")
@pytest.mark.parametrize(
    ("field", "cache_control", "kept"),
    [
        ("max-age=9", "no-store", True),
        ("none", "no-store, max-age=0", False),  # lifts no-store, and says no lifetime
        ("no-store", "max-age=9", False),
        ("Max-Age=9", "no-store", False),
        ("max-age=9,", "no-store", False),
        ('max-age="9"', "max-age=9", False),  # a wrong type is not used; Cache-Control does not come back for it
        ("max-age=9;x=y", "no-store", True),
        ("", "max-age=9", True),
    ],
)
async def test_targeted_fields(edge: Proxied, field: str, cache_control: str, kept: bool) -> None:
    edge.origin.says(200, b"x", Cache_Control=cache_control, CDN_Cache_Control=field)
    for _ in range(2):
        assert (await edge.ask()).headers["Cache-Control"] == cache_control
    assert len(edge.origin.heard) == (1 if kept else 2)


# Variants (RFC 9111 4.1)


@pytest.mark.rule("RFC 9111 4.1", "each variant is kept beside the others and given to whom it suits")
async def test_variants(edge: Proxied) -> None:
    edge.origin.reply = lambda one: answer(
        200,
        one.headers.get("Accept-Encoding", "none").encode(),
        Cache_Control="max-age=9",
        Vary="Accept-Encoding",
    )
    assert (await edge.ask("/a", "Accept-Encoding: gzip, br")).body == b"gzip, br"
    assert (await edge.ask("/a", "Accept-Encoding: br;q=0.5,gzip")).body == b"gzip, br"
    missed = await edge.ask("/a", "Accept-Encoding: br")
    assert (missed.body, missed.headers["Cache-Status"]) == (b"br", "Headwater; fwd=vary-miss; stored")
    assert (await edge.ask()).body == b"none"  # absent matches only absent
    assert (await edge.ask("/a", "Accept-Encoding: gzip", "Accept-Encoding: br")).body == b"gzip, br"
    assert (await edge.ask()).headers["Cache-Status"] == "Headwater; hit; ttl=9"
    assert len(edge.origin.heard) == 3


@pytest.mark.rule("RFC 9111 4.1", "a follower of a fetch that turns out to be another's variant gets its own")
async def test_followers_of_another_variant(edge: Proxied) -> None:
    edge.origin.reply = lambda one: answer(
        200, one.headers["Accept-Language"].encode(), Cache_Control="max-age=9", Vary="Accept-Language"
    )
    edge.origin.gate.clear()
    asks = [edge.ask("/a", f"Accept-Language: {tongue}") for tongue in ("de", "fr", "de", "fr", "it")]
    viewers = [asyncio.get_running_loop().create_task(one) for one in asks]
    await until(lambda: edge.counted("edge_followers") >= 4)
    edge.origin.gate.set()
    assert [(await viewer).body for viewer in viewers] == [b"de", b"fr", b"de", b"fr", b"it"]
    assert len(edge.origin.heard) == 3


# Age (RFC 9111 4.2.3)


@pytest.mark.rule("RFC 9111 4.2.3", "age: what was said and the time since, or the Date if that says more")
@pytest.mark.parametrize(
    ("fields", "age"),
    [
        ({"Age": "4"}, "6"),
        ({"Age": "4, 9"}, "6"),
        ({"Age": "-4"}, "2"),
        ({"Age": "4", "Date": "Tue, 14 Nov 2023 22:13:10 GMT"}, "12"),
        ({"Date": "Tue, 14 Nov 2023 23:13:20 GMT"}, "2"),  # a clock that is ahead
    ],
)
async def test_age(edge: Proxied, fields: dict[str, str], age: str) -> None:
    edge.origin.says(200, b"x", Cache_Control="max-age=99", **fields)
    await edge.ask()
    edge.passes(2)
    assert (await edge.ask()).headers["Age"] == age


@pytest.mark.rule("RFC 9111 4.2.3", "the time that the origin took counts from the request")
async def test_age_of_a_slow_answer(edge: Proxied) -> None:
    edge.origin.says(200, b"x", Cache_Control="max-age=9")
    edge.origin.gate.clear()
    viewer = asyncio.get_running_loop().create_task(edge.ask())
    await until(lambda: edge.origin.heard)
    edge.passes(3)
    edge.origin.gate.set()
    assert (await viewer).headers["Age"] == "3"
    assert (await edge.ask()).headers["Cache-Status"] == "Headwater; hit; ttl=6"


# Names of a Headwater origin


async def test_names_go_their_own_way(edge: Proxied) -> None:
    edge.origin.says(200, b"segment", Cache_Control="public, max-age=31536000, immutable")
    found = await edge.ask("/live/news/e1/v1/1.m4s?x=y", "Cookie: a=b")
    assert found.headers["Access-Control-Allow-Origin"] == "*"
    assert edge.origin.asked() == ["GET /live/news/e1/v1/1.m4s"] and "Cookie" not in edge.origin.heard[0].headers
    for disguise in ("/vod/film/%6Dezzanine.mp4", "//vod/film/mezzanine.mp4", "/vod/film/./mezzanine.mp4"):
        for method in ("GET", "PUT"):
            assert (await edge.ask(disguise, method=method)).status in (404, 405)
    assert len(edge.origin.heard) == 1


async def test_an_edge_for_names_only() -> None:
    async with proxied(names_only=True) as edge:
        assert (await edge.ask("/index.html")).status == 404
        assert not edge.origin.heard


# Lengths, ends and limits


async def test_what_outgrows_the_memory_is_streamed_to_its_end(edge: Proxied) -> None:
    edge.origin.dripping = True
    edge.origin.reply = lambda _: b"HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\nCache-Control: max-age=9\r\n\r\n"
    block = bytes(1 << 20)
    wires = [await edge.wire(), await edge.wire()]
    for wire in wires:
        wire.get("/a")
    loop = asyncio.get_running_loop()
    readers = [loop.create_task(wire.answer()) for wire in wires]
    for _ in range(9):  # a quarter of the tier is 4 MiB
        edge.origin.drips.put_nowait(b"100000\r\n" + block + b"\r\n")
    edge.origin.drips.put_nowait(b"0\r\n\r\n")
    edge.origin.drips.put_nowait(None)
    assert [len((await reader).body) for reader in readers] == [9 << 20] * 2
    assert len(edge.edge.store) == 0 and len(edge.origin.heard) == 1


@pytest.mark.rule("RFC 9112 8", "an answer that ends early is cut, and not kept")
async def test_an_answer_that_ends_early(edge: Proxied) -> None:
    edge.origin.dripping = True
    edge.origin.reply = lambda one: answer(200, b"half", length=8, Cache_Control="max-age=99")
    viewer = await edge.wire()
    viewer.get("/a")
    await viewer.header()
    assert await viewer.read(4) == b"half"
    await edge.origin.stop()
    edge.origin.drips.put_nowait(None)
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await viewer.read(4)
    assert len(edge.edge.store) == 0
