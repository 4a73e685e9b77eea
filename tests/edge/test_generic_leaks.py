"""What must not pass from one viewer to another, and what no viewer may do to the others, in front of any origin."""

from __future__ import annotations

import asyncio

import pytest

from base import names
from tests.kit.proxied import Heard, Proxied, answer, proxied
from tests.kit.upstream import until


@pytest.mark.rule("RFC 9111 5.2.2.7", "an answer that is one viewer's goes to the one who asked, not to who waited too")
async def test_a_private_answer_to_a_background_validation(edge: Proxied) -> None:
    edge.origin.says(200, b"x", Cache_Control="max-age=1, stale-while-revalidate=5", ETag='"1"')
    await edge.ask()
    edge.passes(2)
    edge.origin.gate.clear()
    whose = {"a": "alice", "b": "bob"}
    edge.origin.reply = lambda one: answer(
        200, whose[one.headers["Cookie"]].encode(), Cache_Control="private", Set_Cookie=one.headers["Cookie"]
    )
    assert (await edge.ask("/a", "Cookie: a")).body == b"x"  # and asks behind it
    await until(lambda: len(edge.origin.heard) == 2)
    bob = asyncio.get_running_loop().create_task(edge.ask("/a", "Cookie: b", "Cache-Control: no-cache"))
    await until(lambda: edge.counted("edge_followers") == 1)
    edge.origin.gate.set()
    found = await bob
    assert (found.body, found.headers["Set-Cookie"]) == (b"bob", "b")


@pytest.mark.rule("RFC 9111 4.3.4", "a cookie beside a 304 is for the one who asked")
@pytest.mark.parametrize("control", ["max-age=9", "private", "no-store", "max-age=9, public", 'private="X-A"'])
async def test_a_cookie_beside_a_304(edge: Proxied, control: str) -> None:
    edge.origin.says(200, b"x", Cache_Control="max-age=1", ETag='"1"')
    await edge.ask()
    edge.passes(1)
    edge.origin.gate.clear()

    def reply(one: Heard) -> bytes:
        cookie = one.headers.get("Cookie", "none")
        status = 304 if "If-None-Match" in one.headers else 200
        return answer(status, b"x" if status == 200 else b"", Cache_Control=control, Set_Cookie=cookie, X_A=cookie)

    edge.origin.reply = reply
    viewers = [
        asyncio.get_running_loop().create_task(edge.ask("/a", f"Cookie: {number}", "X-Request-Id: viewer-00"))
        for number in range(5)
    ]
    await until(lambda: edge.counted("edge_followers") >= 4)
    edge.origin.gate.set()
    found = [await viewer for viewer in viewers]
    assert {one.body for one in found} == {b"x"}
    for number, one in enumerate(found):
        assert one.headers.get("Set-Cookie", str(number)) == str(number)
        if "private" in control:
            assert one.headers.get("X-A", str(number)) == str(number)
    assert sum("Set-Cookie" in one.headers for one in found) >= 1
    later = await edge.ask("/a", "Cookie: 9")
    assert later.headers.get("Set-Cookie", "9") == "9"


@pytest.mark.rule("RFC 9111 4.1", "a 304 that names another Vary chooses by that from then on")
async def test_a_304_with_another_vary(edge: Proxied) -> None:
    edge.origin.says(200, b"x", Cache_Control="max-age=1", ETag='"1"')
    await edge.ask("/a", "X-Who: a")
    edge.passes(1)
    edge.origin.says(304, ETag='"1"', Cache_Control="max-age=9", Vary="X-Who")
    assert (await edge.ask("/a", "X-Who: a")).body == b"x"
    edge.origin.says(200, b"for b", Cache_Control="max-age=9", Vary="X-Who")
    assert (await edge.ask("/a", "X-Who: b")).body == b"for b"
    assert (await edge.ask("/a", "X-Who: a")).body == b"x"


@pytest.mark.parametrize(
    "control",
    ["private; max-age=99", "max-age=99; no-store", 'max-age=99, private="a', "private=a b, max-age=99",
     'private="x-a", private, max-age=99', 'max-age=99, no-cache="x-a", no-cache'],
)  # fmt: skip
async def test_what_forbids_counts_however_it_is_spelt(edge: Proxied, control: str) -> None:
    edge.origin.says(200, b"x", Cache_Control=control, Last_Modified="Tue, 14 Nov 2000 22:13:20 GMT")
    await edge.ask()
    await edge.ask()
    assert len(edge.origin.heard) == 2


async def test_a_whole_address_is_no_way_round_the_rules_of_names(edge: Proxied) -> None:
    edge.origin.says(200, b"x", Cache_Control="max-age=9")
    path = "/vod/film/e1/v1/1.m4s"
    assert names.parse(path) is not None
    for target in (path, f"http://www.example{path}", f"HTTP://www.example{path}?x=1"):
        found = await edge.ask(target, "Cookie: a")
        assert found.headers["Server"] == "Headwater"
    assert (await edge.ask(f"http://www.example/{path}")).status == 404
    assert {one.target for one in edge.origin.heard} == {path}
    assert not any("Cookie" in one.headers for one in edge.origin.heard)


async def test_a_host_outside_the_key_chooses_nothing() -> None:
    async with proxied(host="app.internal") as edge:
        edge.origin.says(200, b"x", Cache_Control="max-age=9")
        await edge.ask("/a", host="evil.example")
        assert not any("evil" in value for value in edge.origin.heard[0].headers.values())
        await edge.ask("/a", host="good.example", method="POST")
        assert edge.origin.heard[1].headers["X-Forwarded-Host"] == "good.example"


async def test_a_field_that_a_gateway_may_take_for_another(edge: Proxied) -> None:
    """CGI and its kin make one name of `X-Forwarded-Host` and `X_Forwarded_Host`."""
    edge.origin.says(200, b"x", Cache_Control="max-age=9")
    await edge.ask("/a", "X_Forwarded_Host: evil", "X_Original-URL: /admin", "Content_Length: 5", "My_Own: 1")
    heard = edge.origin.heard[0].headers
    assert not {"X_Forwarded_Host", "X_Original-URL", "Content_Length"} & set(heard)
    assert heard["My_Own"] == "1"


@pytest.mark.parametrize(("status", "field"), [(401, "Authorization: bad"), (400, "X-Odd: 1"), (431, "X-Odd: 1")])
async def test_who_is_refused_takes_nothing_from_others(edge: Proxied, status: int, field: str) -> None:
    name = field.partition(":")[0]

    def reply(one: Heard) -> bytes:
        if name in one.headers:
            return answer(status, b"no", Cache_Control="no-store")
        return answer(200, b"x", Cache_Control="max-age=9")

    edge.origin.reply = reply
    assert (await edge.ask("/new", field)).status == status
    await edge.ask("/new")
    assert (await edge.ask("/new")).headers["Cache-Status"] == "Headwater; hit; ttl=9"
    assert (await edge.ask("/new", field, "Cache-Control: no-cache")).status == status
    assert (await edge.ask("/new")).headers["Cache-Status"] == "Headwater; hit; ttl=9"
