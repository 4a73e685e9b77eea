"""The push port: HTTP/1.1 PUT and POST of CMAF, MPD and HLS objects below `/push/` (DASH-IF live media ingest 1.2, 5).

Statuses are those of clause 5.3: 403 rights and path, 404 no such channel, 412 no header or the wrong one, 415 media
that is not taken, 5xx our fault, 400 everything else; and 401 where a source gave no key, so that it may try again
with one (RFC 9110 15.5.2). The body says why, in a sentence (RFC 9457).
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import structlog
from aiohttp import web
from aiohttp.http_exceptions import ContentEncodingError

from base.problems import Problem
from ingest.cmaf import manifest, names, transport
from ingest.cmaf.address import PREFIX, Target, target
from ingest.cmaf.point import Point
from ingest.registry import Registry
from ingest.session import STALL_S
from node import web as rim
from node.process import Context

log = structlog.get_logger("ingest")

MAX_REQUESTS = 512
# A long request of a sparse track may say nothing for a while; one that says nothing for longer is gone.
_SILENCE_S = 60.0
_LONGEST_WAIT_S = 10.0
_STATUSES = frozenset({401, 403, 404, 412, 415})
_GOES_ON = b"HTTP/1.1 100 Continue\r\n\r\n"


class PushListener:
    """Accepts sources until closed. `address` is where it listens: (host, port), or a unix socket's path."""

    def __init__(self, ctx: Context, registry: Registry, address: tuple[str, int] | Path) -> None:
        self._ctx = ctx
        self._registry = registry
        self._address = address
        self._points: dict[str, Point] = {}
        self._requests = 0
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Raises OSError that names the address."""
        app = web.Application()
        route = app.router.add_route
        for method in ("PUT", "POST", "DELETE"):
            route(method, PREFIX + "{tail:.*}", self._handle, expect_handler=self._expected)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.5)
        await self._runner.setup()
        if isinstance(self._address, Path):
            await web.UnixSite(self._runner, str(self._address)).start()
            return
        host, port = self._address
        try:
            await web.TCPSite(self._runner, host, port, backlog=128).start()
        except OSError as fault:
            raise OSError(fault.errno, f"cannot listen for pushes on {host}:{port}: {fault.strerror}") from fault

    async def close(self) -> None:
        """Close the port and what is open on it; the sessions have been ended by whoever drains the node."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _expected(self, request: web.Request) -> web.StreamResponse | None:
        """RFC 9110 10.1.1: a source that asks before it sends is told at once whether its key opens the channel."""
        if request.headers.get("Expect", "").lower() == "100-continue":
            try:
                self._allowed(request)
            except Problem as problem:
                return self._refusal(request, problem)
            assert request.transport is not None
            request.transport.write(_GOES_ON)
        return None

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self._requests += 1
        try:
            if self._ctx.stopping.is_set():
                raise Problem("busy", "this node is stopping: go on in a moment")
            if self._requests > MAX_REQUESTS:
                raise Problem("busy", f"{MAX_REQUESTS} requests are open already")
            goal = self._allowed(request)
            if request.method == "DELETE":
                return web.Response()  # interface 2: nothing of the source's files is kept, so it is gone
            await self._take(request, goal)
            return web.Response()
        except Problem as problem:
            return self._refusal(request, problem)
        except ConnectionError:  # broken off: the source sends it again, or not
            return web.Response(status=400)
        except Exception:
            # not the path: it may hold a key
            log.exception("push.fault", method=request.method, peer=_peer(request))
            return self._refusal(request, Problem("fault", "look for this request id in the log"))
        finally:
            self._requests -= 1

    def _allowed(self, request: web.Request) -> Target:
        """Raises Problem unauthorised, forbidden, unknown."""
        goal = target(request.raw_path.partition("?")[0], request.headers.get("Authorization", ""))
        if not goal.key:
            raise Problem("unauthorised", "give the stream key: as Basic password, as Bearer token, or in the path")
        spec = self._registry.allowed(goal.key)
        if spec is None or spec.channel != goal.channel:
            self._ctx.metrics.counter("ingest_offers", outcome="wrong-key").inc()
            if not self._registry.knows(goal.channel):
                raise Problem("unknown", "there is no such channel on this node: see the channel page")
            raise Problem("forbidden", "this stream key does not open this channel: copy it from the channel page")
        return goal

    async def _take(self, request: web.Request, goal: Target) -> None:
        sort = names.sort(goal.path) if goal.path else "media"
        if sort == "manifest":
            body = await _whole(request, manifest.MAX_BYTES)
            if body:
                await self._point(request, goal).manifest(goal.path, body)
            return
        if sort == "ts":
            await self._transport(request, goal)
            return
        if sort != "media":
            ending = names.suffix(goal.path)
            raise Problem("unsupported", f"objects that end in .{ending} are not taken: push CMAF (fMP4) segments")
        await self._media(request, goal)

    async def _transport(self, request: web.Request, goal: Target) -> None:
        body = await _whole(request, transport.MAX_SEGMENT)
        if body:
            software, peer = request.headers.get("User-Agent", "")[:64], _peer(request)
            wait = await self._point(request, goal).transport(goal.path, body, software, peer)
            await asyncio.sleep(min(wait, _LONGEST_WAIT_S))

    async def _media(self, request: web.Request, goal: Target) -> None:
        software, peer = request.headers.get("User-Agent", "")[:64], _peer(request)
        point, upload = None, None
        async for octets in _body(request):
            if point is None or upload is None:
                point = self._point(request, goal)
                upload = point.upload(goal.path)
            wait = await point.feed(upload, octets, software, peer)
            if wait:
                await asyncio.sleep(min(wait, _LONGEST_WAIT_S))
        if upload is not None and not upload.whole():
            raise Problem("malformed", "the body ends within a box: send the segment again")

    def _point(self, request: web.Request, goal: Target) -> Point:
        """The channel's point; a new one when the last session is over."""
        point = self._points.get(goal.channel)
        if point is None or point.over:
            before = point.presentation if point is not None else None
            point = self._points[goal.channel] = Point(self._ctx, self._registry, goal.channel, goal.key, before)
        source = str(request.remote)
        if point.source != source and point.presentation.epoch is False:
            if point.source and self._ctx.clock.monotonic() - point.heard < STALL_S:
                raise Problem(
                    "forbidden",
                    f"{goal.channel} is being pushed from another address: two sources need times since 1970 (tfdt)",
                )
            point.source = source
        elif not point.source:
            point.source = source
        return point

    def _refusal(self, request: web.Request, problem: Problem) -> web.Response:
        """Clause 5.3: what is not in its list is 400."""
        if problem.kind.name == "unplayable":
            problem = Problem("unsupported", problem.detail)
        elif problem.kind.status not in _STATUSES and problem.kind.status < 500:
            problem = Problem("malformed", problem.detail)
        if problem.kind.name not in ("unauthorised", "fault"):
            log.warning("push.refused", peer=_peer(request), kind=problem.kind.name, why=problem.detail)
        response = rim.problem_response(problem, secrets.token_hex(8))
        if problem.kind.status == 401:
            response.headers["WWW-Authenticate"] = 'Basic realm="Headwater"'
        response.force_close()  # what is left of the body is not read
        return response


def _peer(request: web.Request) -> str:
    peer = request.transport.get_extra_info("peername") if request.transport is not None else None
    return f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) else "unix"


async def _body(request: web.Request) -> AsyncIterator[bytes]:
    """The octets as they come, gzip undone. Raises Problem malformed if none come for long or the coding is damaged,
    ConnectionError if the source broke off.
    """
    content = request.content
    try:
        while True:
            async with asyncio.timeout(_SILENCE_S):
                octets = await content.readany()
            if not octets:
                return
            yield octets
    except TimeoutError as fault:
        raise Problem("malformed", f"nothing came for {_SILENCE_S:.0f} s: end a request that has no media") from fault
    except (web.RequestPayloadError, ContentEncodingError) as fault:
        raise Problem("malformed", "the body broke off, or its coding is damaged: send it again") from fault
    except ConnectionError:
        # Sources close once they have sent all, without waiting for the answer. aiohttp's reader then refuses what it
        # has, though it may be whole.
        octets = b"".join(content._buffer)[content._buffer_offset :]
        if octets:
            yield octets
        if not content.is_eof():
            raise


async def _whole(request: web.Request, most: int) -> bytes:
    """A manifest, or a segment that is taken at once. Raises Problem too-large or malformed."""
    body = bytearray()
    async for octets in _body(request):
        body += octets
        if len(body) > most:
            raise Problem("too-large", f"{names.suffix(request.path)} objects have at most {most >> 20} MiB")
    return bytes(body)
