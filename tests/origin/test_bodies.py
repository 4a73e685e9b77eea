"""Bodies that are held: up to a limit, and whole."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from base.problems import Problem
from origin import bodies


async def held(data: bytes | AsyncIterator[bytes], most: int) -> str:
    async def handle(request: web.Request) -> web.Response:
        try:
            return web.Response(body=await bodies.whole(request, most, "at most that"))
        except Problem as problem:
            return web.Response(text=f"{problem.kind.name}: {problem.detail}")

    app = web.Application()
    app.router.add_put("/", handle)
    async with (
        TestServer(app) as server,
        aiohttp.ClientSession() as client,
        client.put(server.make_url("/"), data=data) as answer,
    ):
        return await answer.text()


async def two(block: bytes) -> AsyncIterator[bytes]:
    """Without a Content-Length."""
    yield block
    yield block


async def test_a_body_within_the_limit_is_whole() -> None:
    assert await held(b"12345678", 8) == "12345678"
    assert await held(two(b"1234"), 8) == "12341234"


async def test_a_larger_one_is_refused_whether_it_says_so_or_not() -> None:
    assert await held(b"123456789", 8) == "too-large: at most that"
    assert await held(two(b"12345"), 8) == "too-large: at most that"
