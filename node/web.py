"""The web rim of every role: request ids, problems as RFC 9457, metrics, health, listening and draining.

async def run(ctx: Context) -> None:
    app = web.make_app(ctx)
    app.router.add_get("/live/{tail:.*}", handler)
    async with web.serving(ctx, app, [ctx.home.socket("origin", door="media")]):
        await ctx.stopping.wait()
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import socket
import stat
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from base.problems import Problem
from node.express import Answer, ExpressRunner

if TYPE_CHECKING:
    from node.process import Context

log = structlog.get_logger("web")

REQUEST_ID = web.RequestKey("headwater_request_id", str)
_PREPARED = web.RequestKey("headwater_prepared", bool)
REQUEST_ID_FIELD = "X-Request-Id"
# SO_LINGER on, with no time: closing sends a reset (socket(7))
_RESET = struct.pack("ii", 1, 0)
_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


def make_app(
    ctx: Context,
    *,
    client_max_size: int = 1 << 20,
    health: Handler | None = None,
    metrics: Handler | None = None,
    bare: bool = False,
) -> web.Application:
    """An application with the rim's middleware and `/healthz`, `/metrics` of this process, or those that are given.

    `bare`: without those two, for a further door of a role that has them elsewhere.
    """
    app = web.Application(middlewares=[_rim(ctx)], client_max_size=client_max_size)

    async def note_prepared(request: web.Request, _: web.StreamResponse) -> None:
        request[_PREPARED] = True

    app.on_response_prepare.append(note_prepared)
    if bare:
        return app

    async def own_health(_: web.Request) -> web.Response:
        state = "draining" if ctx.stopping.is_set() else "ok"
        return web.json_response({"role": ctx.role, "worker": ctx.worker, "state": state, "pid": os.getpid()})

    async def own_metrics(_: web.Request) -> web.Response:
        return web.Response(body=ctx.metrics.text(), headers={"Content-Type": "text/plain; version=0.0.4"})

    app.router.add_get("/healthz", health or own_health)
    app.router.add_get("/metrics", metrics or own_metrics)
    return app


def problem_response(problem: Problem, request_id: str) -> web.Response:
    """RFC 9457 section 3: `application/problem+json`, never cached unless the raiser says for how long."""
    body = problem.as_json(request_id)
    headers = {"Cache-Control": str(body.pop("cache_control", "no-store"))}
    if allow := body.pop("allow", None):
        headers["Allow"] = str(allow)
    if problem.kind.retry:
        headers["Retry-After"] = "1"
    if problem.kind.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return web.json_response(body, status=problem.kind.status, headers=headers, content_type="application/problem+json")


def _rim(ctx: Context) -> Middleware:
    seconds = ctx.metrics.histogram("http_seconds", role=ctx.role)

    @web.middleware
    async def rim(request: web.Request, handler: Handler) -> web.StreamResponse:
        started = ctx.clock.monotonic()
        given = request.headers.get(REQUEST_ID_FIELD, "")
        request_id = given if _GIVEN_ID.fullmatch(given) else secrets.token_hex(8)
        request[REQUEST_ID] = request_id
        try:
            response = await handler(request)
        except Problem as problem:
            ctx.metrics.counter("http_problems", role=ctx.role, kind=problem.kind.name).inc()
            response = problem_response(problem, request_id)
        except web.HTTPException as plain:
            kind = {404: "unknown", 405: "method", 413: "too-large"}.get(plain.status)
            if kind is None:
                raise
            extra = {"allow": plain.headers.get("Allow", "")} if plain.status == 405 else {}
            response = problem_response(Problem(kind, plain.reason, **extra), request_id)
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception:
            log.exception("request.fault", request_id=request_id, method=request.method, path=request.path)
            ctx.metrics.counter("http_problems", role=ctx.role, kind="fault").inc()
            if request.get(_PREPARED):  # a body has begun: it must not end cleanly
                raise
            response = problem_response(Problem("fault", "look for this request id in the log"), request_id)
        if not response.prepared:
            response.headers[REQUEST_ID_FIELD] = request_id
        seconds.observe(ctx.clock.monotonic() - started)
        ctx.metrics.counter("http_requests", role=ctx.role, method=request.method, status=str(response.status)).inc()
        return response

    return rim


@asynccontextmanager
async def serving(
    ctx: Context,
    app: web.Application,
    listen: Sequence[Path | tuple[str, int]],
    *,
    express: Answer | None = None,
    reuse_port: bool = False,
    coded_bodies: bool = False,
    own_socket: bool = True,
) -> AsyncIterator[web.AppRunner]:
    """Listen on sockets and ports until the block ends, then drain: refuse new work, let open requests finish.

    `express`: the role's lane in front of aiohttp. The role's own rim socket (health, metrics) is added but for a
    further door of a role (`own_socket`). `coded_bodies`: content of requests stays in its coding.

    Raises OSError that names the address.
    """
    made = web.AppRunner if express is None else partial(ExpressRunner, answer=express)
    runner = made(
        app,
        access_log=None,
        handle_signals=False,
        shutdown_timeout=max(0.05, ctx.settings.number("drain.seconds")),  # to aiohttp 0 means for ever
        keepalive_timeout=75,
        auto_decompress=not coded_bodies,
    )
    await runner.setup()
    try:
        for where in [*([ctx.home.socket(ctx.role, ctx.worker)] if own_socket else []), *listen]:
            if isinstance(where, Path):
                _remove_stale_socket(where)
                # a full backlog of a unix socket is refused at once (EAGAIN), not retried as TCP's is
                await web.UnixSite(runner, str(where), backlog=1024).start()
            else:
                host, port = where
                try:
                    await web.TCPSite(runner, host, port, reuse_port=reuse_port, backlog=1024).start()
                except OSError as fault:
                    raise OSError(fault.errno, f"cannot listen on {host}:{port}: {fault.strerror}") from fault
        yield runner
    finally:
        await runner.cleanup()


def abort(request: web.Request) -> None:
    """End a body that was cut short so that nobody takes it for whole: reset, also where its length was not stated."""
    transport = request.transport
    if transport is None:
        return
    connection = transport.get_extra_info("socket")
    if connection is not None and connection.family != socket.AF_UNIX:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    transport.abort()


def _remove_stale_socket(path: Path) -> None:
    """A socket file left by kill -9 is in the way of its successor; one that somebody answers is not ours to take."""
    try:
        if not stat.S_ISSOCK(path.stat().st_mode):
            raise OSError(f"{path} is in the way and is not a socket: remove it")
    except FileNotFoundError:
        return
    probe = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        probe.connect(str(path))
    except OSError:
        path.unlink(missing_ok=True)
    else:
        raise OSError(f"{path} is in use: another appliance runs in this home; stop it or give another --home")
    finally:
        probe.close()
