"""The web rim: request ids, problems, health, metrics, listening and draining."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
import structlog
from aiohttp import web as aio

from base.problems import Problem
from node import web
from node.home import Home
from node.process import Context
from node.settings import Settings
from tests.node.conftest import free_port_base

Handler = Callable[[aio.Request], Awaitable[aio.StreamResponse]]


@pytest.fixture
def ctx(home: Home) -> Context:
    return Context(role="edge", home=home)


@asynccontextmanager
async def rim(ctx: Context, handler: Handler | None = None) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of the role's own socket; `handler` answers /x."""
    app = web.make_app(ctx)
    if handler:
        app.router.add_get("/x", handler)
    connector = aiohttp.UnixConnector(str(ctx.home.socket(ctx.role)))
    async with (
        web.serving(ctx, app, []),
        aiohttp.ClientSession("http://box", connector=connector) as session,
    ):
        yield session


async def test_a_problem_is_rendered_once_as_rfc_9457(ctx: Context) -> None:
    async def handler(request: aio.Request) -> aio.Response:
        raise Problem("early", "wait for part 3", msn=7)

    async with rim(ctx, handler) as client:
        answer = await client.get("/x", headers={"X-Request-Id": "abcd-1234"})
        assert (answer.status, answer.content_type) == (425, "application/problem+json")
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Retry-After"] == "1"
        body = await answer.json()
    assert (body["detail"], body["msn"]) == ("wait for part 3", 7)
    assert body["instance"] == "urn:headwater:request:abcd-1234"
    assert ctx.metrics.value("http_problems", role="edge", kind="early") == 1
    assert ctx.metrics.value("http_requests", role="edge", method="GET", status="425") == 1


async def test_a_problem_may_be_cached_if_its_raiser_says_for_how_long(ctx: Context) -> None:
    async def handler(request: aio.Request) -> aio.Response:
        raise Problem("gone", "it left the window", cache_control="public, max-age=4")

    async with rim(ctx, handler) as client:
        answer = await client.get("/x")
        assert answer.headers["Cache-Control"] == "public, max-age=4"
        assert "cache_control" not in await answer.json()


@pytest.mark.parametrize("given", ["short", "x" * 65, "with space", 'quote"xxxxxxx'])
async def test_a_request_id_of_another_form_is_replaced(ctx: Context, given: str) -> None:
    async with rim(ctx) as client:
        answer = await client.get("/healthz", headers={"X-Request-Id": given})
        assert answer.headers["X-Request-Id"] != given
        assert len(answer.headers["X-Request-Id"]) == 16


async def test_a_request_id_is_kept_from_hop_to_hop(ctx: Context) -> None:
    async with rim(ctx) as client:
        answer = await client.get("/healthz", headers={"X-Request-Id": "0123456789abcdef"})
        assert answer.headers["X-Request-Id"] == "0123456789abcdef"


async def test_a_fault_is_a_problem_with_an_id_that_the_log_has(ctx: Context) -> None:
    async def handler(request: aio.Request) -> aio.Response:
        raise ZeroDivisionError("at /secret/path")

    with structlog.testing.capture_logs() as logged:
        async with rim(ctx, handler) as client:
            answer = await client.get("/x")
            body = await answer.json()
    assert (answer.status, body["type"]) == (500, "urn:headwater:problem:fault")
    assert "secret" not in json.dumps(body)
    (entry,) = [entry for entry in logged if entry["event"] == "request.fault"]
    assert body["instance"].endswith(entry["request_id"])
    assert ctx.metrics.value("http_problems", role="edge", kind="fault") == 1


async def test_a_body_that_breaks_does_not_end_cleanly(ctx: Context) -> None:
    async def handler(request: aio.Request) -> aio.StreamResponse:
        response = aio.StreamResponse()
        await response.prepare(request)
        await response.write(b"half")
        raise ZeroDivisionError

    async with rim(ctx, handler) as client:
        answer = await client.get("/x")
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"), [("GET", "/none", 404, "unknown"), ("POST", "/x", 405, "method")]
)
async def test_what_the_router_refuses_is_a_problem_too(
    ctx: Context, method: str, path: str, status: int, kind: str
) -> None:
    async def handler(request: aio.Request) -> aio.Response:
        return aio.Response()

    async with rim(ctx, handler) as client:
        answer = await client.request(method, path)
        assert (answer.status, (await answer.json())["type"]) == (status, f"urn:headwater:problem:{kind}")
        if status == 405:
            assert set(answer.headers["Allow"].split(",")) == {"GET", "HEAD"}  # RFC 9110 15.5.6


async def test_health_says_who_answers_and_that_it_drains(ctx: Context) -> None:
    async with rim(ctx) as client:
        assert (await (await client.get("/healthz")).json())["state"] == "ok"
        ctx.stopping.set()
        body = await (await client.get("/healthz")).json()
    assert (body["role"], body["worker"], body["state"]) == ("edge", 0, "draining")


async def test_an_open_answer_is_finished_while_it_drains(ctx: Context) -> None:
    asked, go = asyncio.Event(), asyncio.Event()

    async def handler(request: aio.Request) -> aio.Response:
        asked.set()
        await go.wait()
        return aio.Response(text="whole")

    async with aiohttp.ClientSession(
        "http://box", connector=aiohttp.UnixConnector(str(ctx.home.socket("edge")))
    ) as client:
        app = web.make_app(ctx)
        app.router.add_get("/x", handler)
        async with web.serving(ctx, app, []):
            answer = asyncio.create_task(client.get("/x"))
            await asked.wait()
            asyncio.get_running_loop().call_later(0.05, go.set)
        assert await (await answer).text() == "whole"
        with pytest.raises(aiohttp.ClientConnectorError):
            await client.get("/x")


async def test_a_drain_has_an_end(home: Home) -> None:
    ctx = Context(role="edge", home=home, settings=Settings({"drain.seconds": 0}))
    asked = asyncio.Event()

    async def handler(request: aio.Request) -> aio.Response:
        asked.set()
        await asyncio.Event().wait()
        return aio.Response()

    app = web.make_app(ctx)
    app.router.add_get("/x", handler)
    async with asyncio.timeout(5):
        async with web.serving(ctx, app, []):
            reader, writer = await asyncio.open_unix_connection(str(home.socket("edge")))
            writer.write(b"GET /x HTTP/1.1\r\nHost: box\r\n\r\n")
            await asked.wait()
        assert await reader.read() == b"", "cut, not answered"
    writer.close()


async def test_a_taken_port_is_named(ctx: Context) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=rf"cannot listen on 127\.0\.0\.1:{port}: .*in use"):
            async with web.serving(ctx, web.make_app(ctx), [("127.0.0.1", port)]):
                pass


async def test_workers_share_a_port(home: Home) -> None:
    port = free_port_base()
    one, two = (Context(role="edge", worker=worker, home=home) for worker in (0, 1))
    async with (
        web.serving(one, web.make_app(one), [("127.0.0.1", port)], reuse_port=True),
        web.serving(two, web.make_app(two), [("127.0.0.1", port)], reuse_port=True),
    ):
        assert home.socket("edge", 1).is_socket()


async def test_a_socket_that_a_killed_process_left_is_replaced(ctx: Context) -> None:
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(ctx.home.socket("edge")))
    left.close()
    async with rim(ctx) as client:
        assert (await client.get("/healthz")).status == 200


async def test_a_socket_that_somebody_answers_is_not_taken(ctx: Context) -> None:
    async with rim(ctx):
        with pytest.raises(OSError, match="another appliance runs in this home"):
            async with web.serving(ctx, web.make_app(ctx), []):
                pass


async def test_a_file_in_the_way_is_not_removed(ctx: Context) -> None:
    path: Path = ctx.home.socket("edge")
    path.write_text("precious")
    with pytest.raises(OSError, match="is not a socket"):
        async with web.serving(ctx, web.make_app(ctx), []):
            pass
    assert path.read_text() == "precious"
