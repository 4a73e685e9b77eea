"""Any origin: other methods, and what passes from one hop to the next."""

from __future__ import annotations

import asyncio

import pytest

from tests.kit.proxied import Proxied, answer, proxied
from tests.kit.upstream import until

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
