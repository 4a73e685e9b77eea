"""A request is handed on and its answer handed back, as they come. Worker 0 is played by a script on a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest
import yarl
from aiohttp import web

from node import web as rim
from node.home import Home
from node.process import Context
from node.settings import Settings
from origin.forward import Forward
from tests.origin.conftest import Asker

Script = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Stage:
    """`first`: what worker 0 does with a request. `asker` speaks to the worker that hands on."""

    def __init__(self, ctx: Context, asker: Asker, socket: Path) -> None:
        self.ctx, self.asker, self.socket = ctx, asker, socket
        self.first: Script | None = None
        self.seen: list[web.Request] = []
        self._runner: web.AppRunner | None = None

    async def starts(self) -> None:
        async def handle(request: web.Request) -> web.StreamResponse:
            assert self.first is not None
            self.seen.append(request)
            return await self.first(request)

        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", handle)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.UnixSite(self._runner, str(self.socket)).start()

    async def ends(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
            self.socket.unlink(missing_ok=True)


@pytest.fixture
async def stage(home: Path) -> AsyncIterator[Stage]:
    ctx = Context(role="origin", worker=1, home=Home(home), settings=Settings({"drain.seconds": 0}))
    ctx.home.make()
    socket = ctx.home.socket("origin", door="media")
    forward = Forward(ctx, socket)
    app = rim.make_app(ctx)
    app.router.add_route("*", "/{tail:.*}", forward.answer)
    asker = Asker(ctx.home.socket("origin", 1))
    made = Stage(ctx, asker, socket)
    await made.starts()
    try:
        async with asyncio.timeout(20), rim.serving(ctx, app, []):
            yield made
            await asker.client.close()
    finally:
        await forward.close()
        await made.ends()


async def test_method_target_fields_and_status_go_through_unchanged(stage: Stage) -> None:
    async def first(request: web.Request) -> web.Response:
        return web.Response(status=206, body=b"octets", headers={"Cache-Control": "max-age=7", "Content-Range": "x"})

    stage.first = first
    target = "/live/a%62/x.m3u8?_HLS_msn=7&a=%2F"
    fields = {"Range": "bytes=0-5", "X-Request-Id": "request-1", "Connection": "x-mine", "X-Mine": "1"}
    async with stage.asker.client.get(yarl.URL(f"http://origin{target}", encoded=True), headers=fields) as answer:
        assert (answer.status, await answer.read(), answer.headers["Cache-Control"]) == (206, b"octets", "max-age=7")
        assert answer.headers["Content-Range"] == "x" and answer.headers["Content-Length"] == "6"
    (seen,) = stage.seen
    assert (seen.method, seen.raw_path) == ("GET", target)
    assert (seen.headers["Range"], seen.headers["X-Request-Id"]) == ("bytes=0-5", "request-1")
    assert "X-Mine" not in seen.headers, "RFC 9110 7.6.1: what Connection names is of that connection"
    assert "Content-Type" not in seen.headers
    assert stage.ctx.metrics.value("origin_forwarded") == 1


async def test_a_head_has_the_length_and_no_body(stage: Stage) -> None:
    async def first(request: web.Request) -> web.Response:
        return web.Response(body=b"octets")

    stage.first = first
    answer = await stage.asker.ask("HEAD", "/live/x")
    assert (answer.status, answer.headers["Content-Length"], answer.body) == (200, "6", b"")


@pytest.mark.parametrize("length", [None, 10])
async def test_a_body_goes_out_as_it_comes(stage: Stage, length: int | None) -> None:
    go_on = asyncio.Event()

    async def first(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_length = length
        await response.prepare(request)
        await response.write(b"first")
        await go_on.wait()
        await response.write(b"other")
        return response

    stage.first = first
    async with stage.asker.client.get("http://origin/live/x") as answer:
        assert await answer.content.readany() == b"first"
        go_on.set()
        assert await answer.content.read() == b"other"
        assert answer.headers.get("Content-Length") == (str(length) if length else None)


async def test_a_body_comes_in_as_it_is_sent(stage: Stage) -> None:
    go_on = asyncio.Event()

    async def first(request: web.Request) -> web.Response:
        begun = await request.content.readany()
        go_on.set()
        return web.Response(body=begun + await request.content.read())

    async def body() -> AsyncIterator[bytes]:
        yield b"first"
        await go_on.wait()
        yield b"other"

    stage.first = first
    answer = await stage.asker.ask("PUT", "/vod/x", data=body(), headers={"Content-Length": "10"})
    assert answer.body == b"firstother"
    assert stage.seen[0].headers["Content-Length"] == "10" and "Transfer-Encoding" not in stage.seen[0].headers


async def test_a_body_that_was_compressed_on_its_way_arrives_as_it_was(stage: Stage) -> None:
    async def first(request: web.Request) -> web.Response:
        return web.Response(body=await request.read())

    stage.first = first
    answer = await stage.asker.ask("PUT", "/vod/x", data=b"a" * 5000, compress="gzip")
    assert answer.body == b"a" * 5000


async def test_a_reader_that_takes_nothing_is_waited_for(stage: Stage) -> None:
    """Or else a download would be kept here whole."""
    sent = 0
    stuck = asyncio.Event()

    async def first(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while sent < 1 << 30:
                async with asyncio.timeout(0.5):
                    await response.write(bytes(1 << 18))
                sent += 1 << 18
        except TimeoutError:
            stuck.set()
        raise ConnectionResetError

    stage.first = first
    async with stage.asker.client.get("http://origin/vod/x"):
        await stuck.wait()
    assert sent < 32 << 20


@pytest.mark.parametrize("length", [None, 10])
async def test_a_body_that_breaks_off_does_not_seem_to_end(stage: Stage, length: int | None) -> None:
    async def first(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_length = length
        await response.prepare(request)
        await response.write(b"first")
        assert request.transport is not None
        request.transport.abort()
        raise ConnectionResetError

    stage.first = first
    with pytest.raises((aiohttp.ClientPayloadError, aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)):
        await stage.asker.get("/live/x")


async def test_an_upload_that_breaks_off_does_not_seem_to_end(stage: Stage) -> None:
    came: asyncio.Future[object] = asyncio.get_running_loop().create_future()

    async def first(request: web.Request) -> web.Response:
        try:
            came.set_result(await request.read())
        except Exception as fault:
            came.set_result(fault)
        return web.Response()

    stage.first = first
    _, writer = await asyncio.open_unix_connection(str(stage.ctx.home.socket("origin", 1)))
    writer.write(b"PUT /vod/x HTTP/1.1\r\nHost: o\r\nContent-Length: 10\r\n\r\nfirst")
    while not stage.seen:
        await asyncio.sleep(0.005)
    writer.close()
    assert isinstance(await came, Exception)


@pytest.mark.rule("RFC 9110 9.2.2", "a request whose body is gone is not sent again")
async def test_a_put_that_worker_0_dies_over_is_told_and_not_sent_again(stage: Stage) -> None:
    async def first(request: web.Request) -> web.Response:
        await request.content.readany()
        assert request.transport is not None
        request.transport.abort()
        raise ConnectionResetError

    stage.first = first
    answer = await stage.asker.ask("PUT", "/vod/x", data=bytes(1 << 20))
    assert answer.status == 502 and answer.headers["Retry-After"] == "1" and "broke off" in answer.detail
    assert len(stage.seen) == 1


async def test_worker_0_away_is_told_and_found_again(stage: Stage) -> None:
    async def first(request: web.Request) -> web.Response:
        return web.Response(body=b"back")

    stage.first = first
    await stage.ends()
    for method in ("GET", "PUT", "DELETE", "POST"):
        answer = await stage.asker.ask(method, "/live/x", data=b"x" if method in ("PUT", "POST") else None)
        assert (answer.status, answer.headers["Retry-After"]) == (503, "1"), answer.text
    await stage.starts()
    assert (await stage.asker.get("/live/x")).body == b"back"
    await stage.ends()  # a connection was kept, and is stale now
    await stage.starts()
    assert (await stage.asker.ask("PUT", "/live/x", data=b"x")).body == b"back"


async def test_an_answer_before_the_body_was_read_gets_through(stage: Stage) -> None:
    async def first(request: web.Request) -> web.Response:
        return web.Response(status=409, body=b"taken")

    stage.first = first
    answer = await stage.asker.ask("PUT", "/vod/x", data=bytes(4 << 20))
    assert (answer.status, answer.body) == (409, b"taken")
