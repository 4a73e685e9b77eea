"""Requests that two servers would take apart in two ways: refused, and the connection ends (RFC 9112 11.2)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.kit.proxied import Proxied, answer, proxied

INNER = b"GET /inner HTTP/1.1\r\nHost: h\r\n\r\n"
POST = b"POST /outer HTTP/1.1\r\nHost: h\r\n"


@pytest.fixture
async def edge() -> AsyncIterator[Proxied]:
    async with proxied() as made:
        made.origin.says(200, b"x", Cache_Control="max-age=9")
        yield made


TWO_WAYS = {
    "both": POST + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
    "both, the other way": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\nG",
    "two lengths": POST + b"Content-Length: 0\r\nContent-Length: 32\r\n\r\n" + INNER,
    "one length twice": POST + b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n",
    "list": POST + b"Content-Length: 0, 32\r\n\r\n" + INNER,
    "plus": POST + b"Content-Length: +0\r\n\r\n",
    "hex": POST + b"Content-Length: 0x0\r\n\r\n",
    "negative": POST + b"Content-Length: -1\r\n\r\n",
    "empty": POST + b"Content-Length: \r\n\r\n",
    "huge": POST + b"Content-Length: 184467440737095516160\r\n\r\n",
    "unknown coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "identity": POST + b"Transfer-Encoding: identity\r\n\r\n" + INNER,
    "coded and chunked": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked not last": POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "chunked twice": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "tab": POST + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    "space before the colon": POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "chunked by 1.0": b"POST /outer HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "folded": b"GET /outer HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n",
    "folded at once": b"GET /outer HTTP/1.1\r\n Host: h\r\nHost: h\r\n\r\n",
    "lone LF": b"GET /outer HTTP/1.1\nHost: h\n\n",
    "lone LF in the head": b"GET /outer HTTP/1.1\r\nHost: h\r\nX: a\nContent-Length: 32\r\n\r\n" + INNER,
    "lone CR": b"GET /outer HTTP/1.1\r\nHost: h\r\nX: a\rContent-Length: 32\r\n\r\n" + INNER,
    "NUL": b"GET /outer HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n",
    "content of a GET": b"GET /outer HTTP/1.1\r\nHost: h\r\nContent-Length: 32\r\n\r\n" + INNER,
    "no host": b"GET /outer HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /outer HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n",
    "host with a path": b"GET /outer HTTP/1.1\r\nHost: h/x\r\n\r\n",
    "host with a user": b"GET /outer HTTP/1.1\r\nHost: a@h\r\n\r\n",
    "space in the target": b"GET /outer /x HTTP/1.1\r\nHost: h\r\n\r\n",
    "fragment": b"GET /outer#x HTTP/1.1\r\nHost: h\r\n\r\n",
    "other version": b"GET /outer HTTP/2.0\r\nHost: h\r\n\r\n",
}


@pytest.mark.rule("RFC 9112 6.3", "a length that can be read in two ways is a 400, and nothing goes upstream")
@pytest.mark.rule("RFC 9112 5.2", "a folded line in a request is a 400")
@pytest.mark.rule("RFC 9112 2.2", "a bare CR or LF in a request is a 400")
@pytest.mark.parametrize("case", TWO_WAYS)
async def test_what_could_be_read_in_two_ways(edge: Proxied, case: str) -> None:
    found = await edge.raw(TWO_WAYS[case])
    assert found.split(b" ", 2)[1] == b"400"
    assert found.count(b"\r\nDate: ") == 1  # what follows is not read as a request
    assert not edge.origin.heard


@pytest.mark.rule("RFC 9112 7.1", "a chunk that is none ends the connection, not the body")
@pytest.mark.parametrize(
    "body",
    [
        b"0x1\r\nx\r\n0\r\n\r\n",
        b"-1\r\nx\r\n0\r\n\r\n",
        b"1\nx\n0\n\n",
        b"1\r\nxx0\r\n\r\n",
        b"1;a\nb\r\nx\r\n0\r\n\r\n",
        b"ffffffffffffffff1\r\nx\r\n0\r\n\r\n",
    ],
)
async def test_chunks_that_are_none(edge: Proxied, body: bytes) -> None:
    found = await edge.raw(POST + b"Transfer-Encoding: chunked\r\n\r\n" + body + INNER)
    assert b" 200 " not in found
    assert not [one for one in edge.origin.heard if one.target == "/inner"]


@pytest.mark.rule("RFC 9112 6.3", "an answer whose length can be read in two ways is a 502")
@pytest.mark.parametrize(
    "sent",
    [
        b"HTTP/1.1 200 x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
        b"HTTP/1.1 200 x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxy",
        b"HTTP/1.1 200 x\r\nContent-Length: 1, 2\r\n\r\nxy",
        b"HTTP/1.1 200 x\r\nContent-Length: abc\r\n\r\nxy",
    ],
)
async def test_answers_that_could_be_read_in_two_ways(
    edge: Proxied, sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.generic.PATIENCE_S", 0.0)
    edge.origin.reply = lambda _: sent
    assert (await edge.ask("/outer")).status == 502
    assert len(edge.edge.store) == 0


@pytest.mark.rule("RFC 9112 6.3", "bytes after an answer are no second answer")
async def test_bytes_after_an_answer(edge: Proxied) -> None:
    edge.origin.reply = lambda one: answer(200, one.target.encode(), Cache_Control="no-store") + answer(200, b"forged")
    for target in ("/1", "/2", "/3"):
        assert (await edge.ask(target)).body == target.encode()


@pytest.mark.rule("RFC 9110 7.8", "Upgrade is not passed on, and what follows is not another protocol")
async def test_upgrades(edge: Proxied) -> None:
    ask = b"GET /outer HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: %b\r\nSec-WebSocket-Key: x\r\n\r\n"
    for protocol in (b"websocket", b"h2c"):
        wire = await edge.wire()
        wire.send(ask % protocol)
        assert (await wire.answer()).status == 200
        wire.send(INNER)
        try:
            found = await wire.answer()
        except (asyncio.IncompleteReadError, ConnectionError):
            continue  # or the connection ends
        assert found.status == 200
    assert "Upgrade" not in edge.origin.heard[0].headers
    assert {one.target for one in edge.origin.heard} <= {"/outer", "/inner"}


@pytest.mark.rule("RFC 9112 9.3", "requests in one write are answered in order")
async def test_pipelining(edge: Proxied) -> None:
    edge.origin.reply = lambda one: answer(200, one.target.encode(), Cache_Control="max-age=9")
    wire = await edge.wire()
    post = b"POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(INNER)
    wire.send(INNER.replace(b"/inner", b"/1") + post + INNER + INNER.replace(b"/inner", b"/2"))
    assert [(await wire.answer()).body for _ in range(3)] == [b"/1", b"/p", b"/2"]
    assert edge.origin.asked() == ["GET /1", "POST /p", "GET /2"] and edge.origin.heard[1].body == INNER
