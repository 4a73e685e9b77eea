"""The edge in front of any HTTP origin, as dialogues: what a viewer asks, what the origin hears, what comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.kit.proxied import Proxied, answer, proxied
from tests.kit.upstream import until

DATE = "Tue, 14 Nov 2023 22:13:20 GMT"  # the clock's first moment


@pytest.fixture
async def edge() -> AsyncIterator[Proxied]:
    async with proxied() as made:
        yield made


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.generic.PATIENCE_S", 0.1)


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


# Validation (RFC 9111 4.3)


@pytest.mark.rule("RFC 9111 4.3.1", "what is stale is validated with the validators that it has")
@pytest.mark.rule("RFC 9111 3.2", "a 304 replaces the fields that it brings and keeps the others")
async def test_a_304_renews_what_is_stored(edge: Proxied) -> None:
    edge.origin.says(200, b"x", Cache_Control="max-age=1", ETag='"v1"', X_Old="a", Content_Type="text/plain")
    await edge.ask()
    edge.passes(1)
    edge.origin.says(304, ETag='"v1"', Cache_Control="max-age=5", X_New="b", Content_Type="text/html")
    found = await edge.ask()
    assert (found.status, found.body) == (200, b"x")
    assert found.headers["Cache-Status"] == "Headwater; fwd=stale; fwd-status=304; stored"
    assert edge.origin.heard[1].headers["If-None-Match"] == '"v1"'
    edge.passes(4.9)
    again = await edge.ask()
    assert again.headers["Cache-Status"] == "Headwater; hit; ttl=0"
    assert (again.headers["X-Old"], again.headers["X-New"], again.headers["Content-Type"]) == ("a", "b", "text/html")
    assert again.headers["Age"] == "4"
    assert len(edge.origin.heard) == 2
    assert edge.counted("edge_fills", result="validated") == 1


@pytest.mark.rule("RFC 9111 4.3.3", "a full answer to a validation takes the stored one's place")
async def test_a_full_answer_to_a_validation(edge: Proxied) -> None:
    edge.origin.says(200, b"one", Cache_Control="max-age=1", ETag='"1"')
    await edge.ask()
    edge.passes(1)
    edge.origin.says(200, b"two", Cache_Control="max-age=5", ETag='"2"')
    assert (await edge.ask()).body == b"two"
    assert (await edge.ask()).body == b"two"
    assert len(edge.origin.heard) == 2


@pytest.mark.rule("RFC 9111 4.3.4", "a 304 about something else updates nothing: the object is asked for again")
async def test_a_304_of_something_else(edge: Proxied) -> None:
    edge.origin.says(200, b"one", Cache_Control="max-age=1", ETag='"1"')
    await edge.ask()
    edge.passes(1)

    edge.origin.reply = lambda one: (
        answer(304, ETag='"2"')
        if "If-None-Match" in one.headers
        else answer(200, b"two", ETag='"2"', Cache_Control="max-age=1")
    )
    assert (await edge.ask()).body == b"two"
    assert len(edge.origin.heard) == 3


@pytest.mark.rule("RFC 9111 4.3.1", "one validation for all who ask")
async def test_one_validation_for_all(edge: Proxied) -> None:
    edge.origin.says(200, b"x", Cache_Control="max-age=1", ETag='"1"')
    await edge.ask()
    edge.passes(1)
    edge.origin.says(304, ETag='"1"', Cache_Control="max-age=1")
    edge.origin.gate.clear()
    viewers = [asyncio.get_running_loop().create_task(edge.ask()) for _ in range(20)]
    await until(lambda: edge.counted("edge_followers") >= 19)
    edge.origin.gate.set()
    assert {(await viewer).body for viewer in viewers} == {b"x"}
    assert len(edge.origin.heard) == 2


@pytest.mark.rule("RFC 9111 5.2.2.4", "no-cache: kept, and validated before each use")
async def test_no_cache_is_kept_and_validated(edge: Proxied) -> None:
    edge.origin.says(200, b"x", Cache_Control="no-cache, max-age=99", ETag='"1"')
    await edge.ask()
    edge.origin.says(304, ETag='"1"')
    for _ in range(2):
        assert (await edge.ask()).body == b"x"
    assert [one.headers.get("If-None-Match") for one in edge.origin.heard] == [None, '"1"', '"1"']


@pytest.mark.rule("RFC 9111 4.3.2", "a viewer's condition is answered from what is stored, before and after validation")
async def test_conditions_of_viewers(edge: Proxied) -> None:
    edge.origin.says(200, b"x", Cache_Control="max-age=1", ETag='"1"')
    assert (await edge.ask("/a", 'If-None-Match: "1"')).status == 304
    assert "If-None-Match" not in edge.origin.heard[0].headers
    assert (await edge.ask("/a", 'If-None-Match: "0", W/"1"')).status == 304
    edge.passes(1)
    edge.origin.says(304, ETag='"1"', Cache_Control="max-age=1")
    assert (await edge.ask("/a", 'If-None-Match: "0"')).body == b"x"  # 304 to us, 200 to the viewer
    edge.passes(1)
    edge.origin.says(304, Cache_Control="max-age=1")  # one that says little
    assert (await edge.ask("/a", 'If-None-Match: "1"')).status == 304
    edge.passes(1)
    assert (await edge.ask("/a", "If-None-Match: *")).status == 304
    assert [one.headers.get("If-None-Match") for one in edge.origin.heard] == [None, *['"1"'] * 3]


@pytest.mark.rule("RFC 9110 13.1.1", "If-Match that what is stored does not fulfil is left to the origin")
async def test_if_match(edge: Proxied) -> None:
    edge.origin.says(200, b"x", Cache_Control="max-age=9", ETag='"1"', Last_Modified=DATE)
    await edge.ask()
    assert (await edge.ask("/a", 'If-Match: "0", "1"')).headers["Cache-Status"] == "Headwater; hit; ttl=9"
    assert (await edge.ask("/a", f"If-Unmodified-Since: {DATE}")).headers["Cache-Status"] == "Headwater; hit; ttl=9"
    edge.origin.says(412)
    assert (await edge.ask("/a", 'If-Match: W/"1"')).status == 412
    assert edge.origin.heard[-1].headers["If-Match"] == 'W/"1"'
    assert (await edge.ask("/a", "If-Unmodified-Since: Mon, 13 Nov 2023 22:13:20 GMT")).status == 412
    assert len(edge.origin.heard) == 3


@pytest.mark.rule("RFC 9111 4.3.5", "a HEAD that agrees renews what is stored, another one makes it ask")
async def test_head(edge: Proxied) -> None:
    edge.origin.says(200, b"four", Cache_Control="max-age=2", ETag='"1"')
    await edge.ask()
    head = await edge.ask(method="HEAD")
    assert (head.headers["Content-Length"], head.headers["Cache-Status"]) == ("4", "Headwater; hit; ttl=2")
    edge.passes(2)
    edge.origin.reply = lambda one: answer(200, length=4, Cache_Control="max-age=5", ETag='"1"')
    assert (await edge.ask(method="HEAD")).headers["Cache-Status"] == "Headwater; fwd=stale; stored"
    assert (await edge.ask()).headers["Cache-Status"] == "Headwater; hit; ttl=5"
    edge.passes(5)
    edge.origin.reply = lambda one: answer(200, length=5, Cache_Control="max-age=5", ETag='"2"')
    await edge.ask(method="HEAD")
    edge.origin.says(200, b"fifth", Cache_Control="max-age=5", ETag='"2"')
    assert (await edge.ask()).body == b"fifth"
    assert edge.origin.asked() == ["GET /a", "HEAD /a", "HEAD /a", "GET /a"]


@pytest.mark.rule("RFC 9110 9.3.2", "HEAD of what is not stored is asked as HEAD, and kept for HEAD alone")
async def test_head_alone(edge: Proxied) -> None:
    edge.origin.reply = lambda one: answer(200, length=7, Cache_Control="max-age=5")
    for _ in range(2):
        assert (await edge.ask(method="HEAD")).headers["Content-Length"] == "7"
    assert edge.origin.asked() == ["HEAD /a"]
    edge.origin.says(200, b"7 bytes", Cache_Control="max-age=5")
    assert (await edge.ask()).body == b"7 bytes"


# Stale answers (RFC 9111 4.2.4, RFC 5861)


@pytest.mark.rule("RFC 5861 3", "stale-while-revalidate: the answer at once, and one validation behind it")
async def test_stale_while_revalidate(edge: Proxied) -> None:
    edge.origin.says(200, b"old", Cache_Control="max-age=1, stale-while-revalidate=5", ETag='"1"')
    await edge.ask()
    edge.passes(2)
    edge.origin.gate.clear()
    for _ in range(3):
        found = await edge.ask()
        assert (found.body, found.headers["Age"]) == (b"old", "2")
        assert found.headers["Cache-Status"] == "Headwater; hit; ttl=-1"
    await until(lambda: len(edge.origin.heard) == 2)
    assert edge.origin.heard[1].headers["If-None-Match"] == '"1"'
    edge.origin.says(200, b"new", Cache_Control="max-age=9", ETag='"2"')
    edge.origin.gate.set()
    await until(lambda: not len(edge.edge.fills))
    assert (await edge.ask()).body == b"new"
    assert len(edge.origin.heard) == 2


@pytest.mark.rule("RFC 5861 3", "and not a second longer")
async def test_stale_while_revalidate_ends(edge: Proxied) -> None:
    edge.origin.says(200, b"old", Cache_Control="max-age=1, stale-while-revalidate=5")
    await edge.ask()
    edge.passes(6)
    edge.origin.says(200, b"new", Cache_Control="max-age=1")
    assert (await edge.ask()).body == b"new"


@pytest.mark.rule("RFC 5861 4", "stale-if-error: given while upstream fails or is away")
@pytest.mark.parametrize("failure", [500, 502, 503, 504, None])
async def test_stale_if_error(edge: Proxied, failure: int | None) -> None:
    edge.origin.says(200, b"old", Cache_Control="max-age=1, stale-if-error=9")
    await edge.ask()
    edge.passes(5)
    if failure is None:
        await edge.origin.stop()
    else:
        edge.origin.says(failure, b"broken")
    found = await edge.ask()
    assert (found.status, found.body) == (200, b"old")
    assert found.headers["Cache-Status"] == "Headwater; fwd=stale; ttl=-4; detail=upstream-away"
    assert edge.deliveries[-1].cache == "stale"
    if failure is not None:
        edge.passes(5)
        assert (await edge.ask()).status == failure


@pytest.mark.rule("RFC 5861 4", "stale-if-error of the request")
async def test_stale_if_error_of_the_request(edge: Proxied) -> None:
    edge.origin.says(200, b"old", Cache_Control="max-age=1")
    await edge.ask()
    edge.passes(5)
    edge.origin.says(503, b"broken")
    assert (await edge.ask("/a", "Cache-Control: stale-if-error=4")).body == b"old"
    assert (await edge.ask("/a", "Cache-Control: stale-if-error=3")).status == 503


@pytest.mark.rule("RFC 9111 4.2.4", "stale by configuration, but not against what the answer says")
async def test_stale_by_configuration(impatient: None) -> None:
    async with proxied(stale=60) as edge:
        said = {"/a": "max-age=1", "/b": "max-age=1, must-revalidate", "/c": "max-age=1, stale-if-error=0"}
        edge.origin.reply = lambda one: answer(200, b"old", Cache_Control=said[one.target])
        for target in said:
            await edge.ask(target)
        edge.passes(30)
        edge.origin.says(500, b"broken")
        assert [(await edge.ask(target)).status for target in said] == [200, 500, 500]
        await edge.origin.stop()
        assert [(await edge.ask(target)).status for target in said] == [200, 504, 502]
        edge.passes(31)
        assert (await edge.ask("/a")).status == 502


@pytest.mark.rule("RFC 9111 5.2.2.2", "what must be validated is a 504 while upstream is away")
@pytest.mark.parametrize("directive", ["must-revalidate", "proxy-revalidate", "s-maxage=1", "no-cache"])
async def test_must_revalidate(edge: Proxied, directive: str, impatient: None) -> None:
    edge.origin.says(200, b"old", Cache_Control=f"max-age=1, stale-if-error=99, {directive}", ETag='"1"')
    await edge.ask()
    edge.passes(2)
    await edge.origin.stop()
    assert (await edge.ask("/a", "Cache-Control: max-stale, stale-if-error=99")).status == 504


async def test_an_origin_that_is_away_is_a_502(edge: Proxied, impatient: None) -> None:
    await edge.origin.stop()
    found = await edge.ask()
    assert (found.status, found.headers["Content-Type"].split(";")[0]) == (502, "application/problem+json")


async def test_an_error_is_the_origins_to_word(edge: Proxied) -> None:
    edge.origin.says(500, b"our own page", X_App="1")
    found = await edge.ask()
    assert (found.status, found.body, found.headers["X-App"]) == (500, b"our own page", "1")
    assert len(edge.origin.heard) == 1


# What viewers want (RFC 9111 5.2.1)


@pytest.mark.rule("RFC 9111 5.2.1", "directives of a request")
@pytest.mark.parametrize(
    ("age", "directive", "asks", "fwd"),
    [
        (3, "max-age=2", True, "request"),
        (3, "max-age=3", False, ""),
        (3, "min-fresh=8", True, "request"),
        (3, "min-fresh=7", False, ""),
        (3, "no-cache", True, "request"),
        (12, "max-stale", False, ""),
        (12, "max-stale=2", False, ""),
        (12, "max-stale=1", True, "stale"),
        (12, "min-fresh=1, max-stale", True, "stale"),
        (3, "only-if-cached", False, ""),
    ],
)
async def test_directives_of_a_request(edge: Proxied, age: int, directive: str, asks: bool, fwd: str) -> None:
    edge.origin.says(200, b"x", Cache_Control="max-age=10")
    await edge.ask()
    edge.passes(age)
    found = await edge.ask("/a", f"Cache-Control: {directive}")
    assert len(edge.origin.heard) == (2 if asks else 1)
    assert f"fwd={fwd}" in found.headers["Cache-Status"] if asks else "hit" in found.headers["Cache-Status"]


@pytest.mark.rule("RFC 9111 5.2.1.7", "only-if-cached: 504 where nothing that is stored will do")
@pytest.mark.rule("RFC 9111 5.4", "Pragma: no-cache is a request's no-cache where it has no Cache-Control")
async def test_only_if_cached_and_pragma(edge: Proxied) -> None:
    edge.origin.says(200, b"x", Cache_Control="max-age=10")
    assert (await edge.ask("/a", "Cache-Control: only-if-cached")).status == 504
    assert not edge.origin.heard
    await edge.ask()
    await edge.ask("/a", "Pragma: no-cache")
    assert len(edge.origin.heard) == 2
    await edge.ask("/a", "Pragma: no-cache", "Cache-Control: max-age=5")
    assert len(edge.origin.heard) == 2


@pytest.mark.rule("RFC 9111 5.2.1.5", "no-store of a request: nothing of it is kept; what is stored may answer it")
async def test_no_store_of_a_request(edge: Proxied) -> None:
    edge.origin.says(200, b"x", Cache_Control="max-age=10")
    await edge.ask("/a", "Cache-Control: no-store")
    await edge.ask()
    await edge.ask("/a", "Cache-Control: no-store")
    assert len(edge.origin.heard) == 2


async def test_an_operator_may_spare_the_origin_what_viewers_want() -> None:
    async with proxied(request_directives=False) as edge:
        edge.origin.says(200, b"x", Cache_Control="max-age=10")
        await edge.ask()
        await edge.ask("/a", "Cache-Control: no-cache")
        assert len(edge.origin.heard) == 1


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


# Other methods (RFC 9110 9.3, RFC 9111 4.4)


@pytest.mark.rule("RFC 9111 4.4", "a change that succeeded invalidates its target and what it names on the same origin")
@pytest.mark.parametrize(
    ("method", "status", "fields", "gone"),
    [
        ("POST", 200, {}, {"/a"}),
        ("PUT", 204, {}, {"/a"}),
        ("DELETE", 302, {"Location": "/b?x"}, {"/a", "/b?x"}),
        ("PATCH", 201, {"Content_Location": "http://WWW.example:80/b?x"}, {"/a", "/b?x"}),
        ("POST", 201, {"Location": "http://other.example/b?x"}, {"/a"}),
        ("POST", 400, {"Location": "/b?x"}, set()),
        ("DELETE", 500, {}, set()),
        ("OPTIONS", 200, {}, set()),
    ],
)
async def test_invalidation(edge: Proxied, method: str, status: int, fields: dict[str, str], gone: set[str]) -> None:
    edge.origin.says(200, b"x", Cache_Control="max-age=99")
    for target in ("/a", "/b?x"):
        await edge.ask(target)
    edge.origin.says(status, b"" if status == 204 else b"done", **fields)
    found = await edge.ask("/a", method=method)
    assert (found.status, found.headers["Cache-Status"]) == (status, "Headwater; fwd=method")
    edge.origin.heard.clear()
    edge.origin.says(200, b"y", Cache_Control="max-age=99")
    for target in ("/a", "/b?x"):
        await edge.ask(target)
    assert {one.target for one in edge.origin.heard} == gone


@pytest.mark.rule("RFC 9111 4.4", "what was being fetched when the change was made is not kept")
async def test_a_fetch_that_a_change_overtakes(edge: Proxied) -> None:
    edge.origin.dripping = True
    edge.origin.reply = lambda one: answer(200, b"old", length=6, Cache_Control="max-age=99")
    viewer = await edge.wire()
    viewer.get("/a")
    viewer_head = await viewer.header()
    assert viewer_head.headers["Content-Length"] == "6"
    await until(lambda: edge.edge.fills.find("edge.example/a"))
    edge.origin.dripping = False
    # the origin's first connection still drips
    edge.origin.says(204)
    writer = await edge.wire()
    writer.send(b"DELETE /a HTTP/1.1\r\nHost: edge.example\r\n\r\n")
    assert (await writer.answer()).status == 204
    edge.origin.drips.put_nowait(b"old")
    edge.origin.drips.put_nowait(None)
    assert await viewer.read(6) == b"oldold"
    edge.origin.says(200, b"new", Cache_Control="max-age=99")
    assert (await edge.ask("/a", host="edge.example")).body == b"new"


@pytest.mark.rule("RFC 9110 7.6.2", "OPTIONS goes as many hops as it says")
async def test_max_forwards(edge: Proxied) -> None:
    edge.origin.says(200, b"", Allow="GET")
    assert (await edge.ask(method="OPTIONS")).headers["Allow"] == "GET"
    assert (await edge.ask("/a", "Max-Forwards: 2", method="OPTIONS")).status == 200
    assert [one.headers.get("Max-Forwards") for one in edge.origin.heard] == [None, "1"]
    assert (await edge.ask("/a", "Max-Forwards: 0", method="OPTIONS")).status == 204
    assert len(edge.origin.heard) == 2


async def test_bodies_are_streamed_both_ways(edge: Proxied) -> None:
    edge.origin.reply = lambda one: answer(200, one.body[::-1], X_Kind=one.headers.get("Content-Type", "none"))
    wire = await edge.wire()
    wire.send(b"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\nContent-Encoding: gzip\r\n\r\nabc")
    await asyncio.sleep(0)
    wire.send(b"def")
    found = await wire.answer()
    assert (found.body, found.headers["X-Kind"]) == (b"fedcba", "none")
    assert edge.origin.heard[0].headers["Content-Encoding"] == "gzip"  # untouched, whatever it is
    wire.send(b"PUT /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Type: a/b\r\n\r\n")
    wire.send(b"2\r\nab\r\n1;x=y\r\nc\r\n0\r\nX-Trailer: 1\r\n\r\n")
    found = await wire.answer()
    assert (found.body, found.headers["X-Kind"]) == (b"cba", "a/b")
    assert "X-Trailer" not in edge.origin.heard[1].headers and "Trailer" not in edge.origin.heard[1].headers


@pytest.mark.rule("RFC 9110 9.2.2", "what is not idempotent is sent once")
async def test_a_post_is_never_repeated(edge: Proxied) -> None:
    edge.origin.reply = lambda _: None
    assert (await edge.ask(method="POST")).status == 502
    assert edge.origin.asked() == ["POST /a"]


# Hops (RFC 9110 7.6)


@pytest.mark.rule("RFC 9110 7.6.1", "what Connection names goes no further, in both directions")
@pytest.mark.rule("RFC 9110 7.6.3", "Via names this hop, after those before it")
async def test_fields_of_a_hop(edge: Proxied) -> None:
    edge.origin.says(
        200, b"x", Connection="X-Theirs", X_Theirs="1", Keep_Alive="5", X_End="2", Cache_Control="max-age=9"
    )
    fields = ("Connection: keep-alive, X-Mine", "X-Mine: 1", "TE: trailers", "Proxy-Authorization: a", "Via: 1.0 first")
    found = await edge.ask("/a", *fields, "X-End: 3", "Cookie: c=d", "User-Agent: u", "X-Forwarded-For: forged")
    heard = edge.origin.heard[0].headers
    assert not {"x-mine", "te", "proxy-authorization", "keep-alive"} & {name.lower() for name in heard}
    assert (heard["X-End"], heard["Cookie"], heard["User-Agent"]) == ("3", "c=d", "u")
    assert heard["Via"] == "1.0 first, 1.1 Headwater"
    assert heard["Forwarded"] == 'for=127.0.0.1;host="www.example";proto=http'
    assert (heard["X-Forwarded-For"], heard["X-Forwarded-Host"]) == ("127.0.0.1", "www.example")
    assert found.headers["X-End"] == "2" and "X-Theirs" not in found.headers and "Keep-Alive" not in found.headers


@pytest.mark.rule("RFC 8586 2", "a request that comes round again is refused")
async def test_a_loop(edge: Proxied) -> None:
    edge.origin.says(200, b"x")
    await edge.ask()
    ours = edge.origin.heard[0].headers["CDN-Loop"]
    assert (await edge.ask("/a", f"CDN-Loop: other; x=1, {ours}")).status == 508
    assert (await edge.ask("/a", "CDN-Loop: other")).status == 200
    assert edge.origin.heard[1].headers["CDN-Loop"] == f"other, {ours}"


async def test_fields_outside_the_key_choose_nothing(edge: Proxied) -> None:
    """Cache poisoning: what some origins heed and no cache has in its key is not passed on with what is shared."""
    edge.origin.says(200, b"x", Cache_Control="max-age=9")
    forged = (
        "X-Forwarded-Host: evil",
        "X-Forwarded-Proto: ftp",
        "X-Original-URL: /admin",
        "X-HTTP-Method-Override: PUT",
    )
    await edge.ask("/a", *forged)
    heard = edge.origin.heard[0].headers
    assert heard["X-Forwarded-Host"] == "www.example" and heard["X-Forwarded-Proto"] == "http"
    assert "X-Original-URL" not in heard and "X-HTTP-Method-Override" not in heard


async def test_a_proxy_in_front_may_be_trusted() -> None:
    async with proxied(trust_forwarded=True, host="app.internal") as edge:
        edge.origin.says(200, b"x", Cache_Control="max-age=9")
        await edge.ask("/a", "X-Forwarded-For: 192.0.2.7", "X-Forwarded-Proto: https")
        heard = edge.origin.heard[0].headers
        assert (heard["X-Forwarded-For"], heard["X-Forwarded-Proto"]) == ("192.0.2.7, 127.0.0.1", "https")
        assert heard["Host"] == "app.internal"
        await edge.ask("/a", host="other.example")  # with one Host upstream, all names share the objects
        assert len(edge.origin.heard) == 1


@pytest.mark.rule("RFC 9110 15.2", "1xx of upstream are not the answer")
async def test_informational_answers(edge: Proxied) -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </s.css>; rel=preload\r\n\r\n"
    edge.origin.reply = lambda _: (
        b"HTTP/1.1 100 Continue\r\n\r\n" + early + answer(200, b"x", Cache_Control="max-age=9")
    )
    found = await edge.ask()
    assert (found.status, found.body) == (200, b"x") and "Link" not in found.headers


async def test_trailers_of_an_answer_are_dropped(edge: Proxied) -> None:
    edge.origin.reply = lambda _: (
        b"HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\nCache-Control: max-age=9\r\n\r\n"
        b"1\r\nx\r\n0\r\nX-T: 1\r\nSet-Cookie: a=b\r\n\r\n"
    )
    for _ in range(2):
        found = await edge.ask()
        assert found.body == b"x" and not {"X-T", "Trailer", "Set-Cookie"} & set(found.headers)


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


# Ranges (RFC 9110 14)


@pytest.mark.rule("RFC 9110 14.2", "ranges of what is stored: one, the last bytes, several, none that can be")
async def test_ranges(edge: Proxied) -> None:
    body = bytes(range(256)) * 4
    edge.origin.says(200, body, Cache_Control="max-age=99", ETag='"1"', Content_Type="video/mp4")
    first = await edge.ask("/a", "Range: bytes=10-19")
    assert (first.status, first.body, first.headers["Content-Range"]) == (206, body[10:20], "bytes 10-19/1024")
    last = await edge.ask("/a", "Range: bytes=-5")
    assert (last.body, last.headers["Accept-Ranges"]) == (body[-5:], "bytes")
    beyond = await edge.ask("/a", "Range: bytes=1024-")
    assert (beyond.status, beyond.headers["Content-Range"]) == (416, "bytes */1024")
    parts = await edge.ask("/a", "Range: bytes=0-1, 500-501, -2")
    assert parts.status == 206 and "Content-Range" not in parts.headers
    boundary = parts.headers["Content-Type"].removeprefix("multipart/byteranges; boundary=")
    pieces = parts.body.split(f"--{boundary}".encode())
    assert [piece.split(b"\r\n\r\n")[1][:2] for piece in pieces[1:-1]] == [body[:2], body[500:502], body[-2:]]
    assert b"Content-Range: bytes 500-501/1024" in pieces[2] and b"Content-Type: video/mp4" in pieces[2]
    near = await edge.ask("/a", "Range: bytes=0-1, 5-6")  # what is nearer than a part's header is sent along
    assert (near.headers["Content-Range"], near.body) == ("bytes 0-6/1024", body[:7])
    many = await edge.ask("/a", "Range: bytes=" + ",".join(f"{at}-{at}" for at in range(0, 1024, 40)))
    assert (many.status, many.body) == (206, body[:1001])
    assert len(edge.origin.heard) == 1


@pytest.mark.rule("RFC 9110 13.1.5", "If-Range: the range if it is the same object, else all of it")
async def test_if_range(edge: Proxied) -> None:
    edge.origin.says(
        200, b"0123456789", Cache_Control="max-age=99", ETag='"1"', Last_Modified="Tue, 14 Nov 2023 22:13:18 GMT"
    )
    await edge.ask()
    for same, status in (
        ('"1"', 206),
        ('W/"1"', 200),
        ('"2"', 200),
        ("Tue, 14 Nov 2023 22:13:18 GMT", 206),
        ("Tue, 14 Nov 2023 22:13:19 GMT", 200),
    ):
        assert (await edge.ask("/a", "Range: bytes=0-1", f"If-Range: {same}")).status == status, same


@pytest.mark.rule(
    "RFC 9110 14.2", "a range of an object that is still coming is answered as soon as its bytes are there"
)
async def test_a_range_of_what_is_still_coming(edge: Proxied) -> None:
    edge.origin.dripping = True
    edge.origin.reply = lambda _: answer(200, b"0123", length=12, Cache_Control="max-age=99")
    wire, late, several = await edge.wire(), await edge.wire(), await edge.wire()
    wire.get("/a", "Range: bytes=1-2")
    part = await wire.answer()
    assert (part.status, part.body, part.headers["Content-Range"]) == (206, b"12", "bytes 1-2/12")
    late.get("/a", "Range: bytes=-4")
    several.get("/a", "Range: bytes=0-0,11-11")
    edge.origin.drips.put_nowait(b"456789ab")
    edge.origin.drips.put_nowait(None)
    assert (await late.answer()).body == b"89ab"
    assert (await several.answer()).headers["Content-Range"] == "bytes 0-11/12"
    assert len(edge.origin.heard) == 1
