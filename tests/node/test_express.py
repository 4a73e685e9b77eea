"""The express lane's judgement of heads, and the lane in front of a real aiohttp server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from node.express import PLAIN, ExpressRunner, PlainHeads, after
from tests.kit.upstream import Wire, get

SMALL = "/live/news/e1/v1/101.m4s"


class Desk:
    """A server that has `/ready` ready; everything else is aiohttp's."""

    def __init__(self) -> None:
        self.plain, self.express = PlainHeads(), 0

    def answer(self, data: bytes, transport: asyncio.WriteTransport) -> bool:
        line, _, head = data.partition(b"\r\n")
        if line != b"GET /ready HTTP/1.1" or head not in self.plain:
            return False
        self.express += 1
        transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlane")
        return True


@pytest.fixture
async def desk() -> AsyncIterator[tuple[Desk, Wire]]:
    async def full(_: web.Request) -> web.Response:
        return web.Response(text="full")

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", full)
    desk = Desk()
    runner = ExpressRunner(app, desk.answer)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    wire = await Wire.to(runner.addresses[0][1])
    try:
        yield desk, wire
    finally:
        await wire.close()
        await runner.cleanup()


async def test_what_is_ready_is_answered_in_front_of_aiohttp(desk: tuple[Desk, Wire]) -> None:
    found, wire = desk
    wire.get("/other")  # the connection's handler is waiting from here on
    assert (await wire.answer()).body == b"full"
    for _ in range(3):
        wire.get("/ready")
        assert (await wire.answer()).body == b"lane"
    wire.get("/ready", "Range: bytes=0-1")
    assert (await wire.answer()).body == b"full"
    assert found.express == 3


async def test_a_request_behind_half_a_request_is_its_body(desk: tuple[Desk, Wire]) -> None:
    found, wire = desk
    wire.get("/other")
    await wire.answer()
    wire.send(get("/other", "Content-Length: 40", method="POST"))
    wire.get("/ready")
    assert (await wire.answer()).body == b"full"
    assert found.express == 0


@pytest.mark.parametrize(
    "sent",
    [
        get(SMALL, method="get"),
        f"GET {SMALL} HTTP/1.1\r\n\r\n".encode(),
        get(SMALL, "Bad Name: x"),
        get(SMALL, "Host: two.example"),
        get(SMALL, "X: a\x00b"),
        get(SMALL).replace(b"\r\n", b"\n"),
    ],
)
def test_what_is_no_plain_head_is_left_to_aiohttp(sent: bytes) -> None:
    end = sent.find(b" HTTP/1.1\r\n")
    assert not sent.startswith(b"GET ") or end < 0 or PLAIN.fullmatch(sent[end + 11 :]) is None


def test_a_browsers_head_is_plain() -> None:
    head = (
        b"Host: 127.0.0.1:8080\r\nConnection: keep-alive\r\nUser-Agent: Mozilla/5.0 (X11)\r\nAccept: */*\r\n"
        b"Origin: http://127.0.0.1:8081\r\nReferer: http://127.0.0.1:8081/\r\nAccept-Encoding: gzip, br\r\n"
        b'Accept-Language: en\r\nsec-ch-ua: "x"\r\nSec-Fetch-Mode: cors\r\nCache-Control: no-cache\r\n\r\n'
    )
    assert PLAIN.fullmatch(head)
    heads = PlainHeads()
    assert head in heads and head in heads
    assert head[:-2] + b"Range: bytes=0-1\r\n\r\n" not in heads
    assert b"Host: a\r\n" + b"X: y\r\n" * 2000 + b"\r\n" not in heads


def test_where_a_message_begins() -> None:
    """What is known of aiohttp's parser after it was given some bytes."""
    assert after(get(SMALL)) == b""
    assert after(get(SMALL, method="HEAD")) == b""
    assert after(get(SMALL)[:30]) == get(SMALL)[:30]
    for never in (
        get(SMALL) * 2,
        get(SMALL) + b"x",
        get(SMALL, method="POST"),
        get(SMALL, method="CONNECT"),
        get(SMALL, "Content-Length: 5"),
        get(SMALL, "content-length : 5"),
        get(SMALL, "Transfer-Encoding: chunked"),
        get(SMALL, "Upgrade: websocket"),
        b"GET / HTTP/1.1\nContent-Length: 5\r\n\r\n",
        b"x" * 9000,
    ):
        assert after(never) is None
