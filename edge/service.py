"""The edge's full path: everything that the express lane does not answer, and the role's composition.

What is decided is decided in `request`, `freshness` and `fill`; here answers are written.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import aiohttp
import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from base import signing
from base.problems import Problem
from base.records import Delivery
from edge import request as asked
from edge.answer import SAID, Sent, from_fill, from_store, passed
from edge.counts import Counts
from edge.fill import CutShort, State
from edge.fills import Fills, Order
from edge.generic import CLOSING, Generic
from edge.lane import Lane
from edge.large import Large
from edge.request import Action, Plan
from edge.store import MemoryTier, Stored
from edge.upstream import PATIENCE_S, PATIENCE_WITH_STALE_S, Upstream
from node import web as rim
from node.express import ExpressProtocol
from node.process import Context

log = structlog.get_logger("edge")

_MOST_LICENCE_OCTETS = 32 << 10
_GENERIC = web.RequestKey("headwater_generic", bool)


class Edge:
    """One worker's cache and everything around it."""

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx
        self.clock = ctx.clock
        self.counts = Counts()
        self.store = MemoryTier(ctx.settings.number("edge.memory"))
        self.upstream = Upstream(
            ctx.upstream("edge.upstream", ctx.home.socket("origin", door="media")), self.counts.retry
        )
        self.keys = _keys(ctx.settings.text("edge.query_keys"))
        self.large = Large(Upstream(self.upstream.address, self.counts.retry), ctx.clock)
        self.fills = Fills(
            self.upstream,
            self.store,
            ctx.clock,
            ctx.tasks,
            self.counts.fill,
            negative_s=ctx.settings.number("edge.negative"),
            stale_s=ctx.settings.number("edge.stale"),
        )
        self.generic: Generic | None = None
        if ctx.settings.text("edge.upstream") and not ctx.settings.flag("edge.names_only"):
            self.generic = Generic(ctx, self.upstream, self.store, self.fills, self.counts)
        self.records: list[Callable[[Delivery], None]] = [_to_debug_log]
        fixed = bool(ctx.settings.text("edge.host"))
        self.lane = Lane(self.store, ctx.clock, self.counts, self.note, fixed_host=fixed)
        ctx.metrics.on_scrape(self._flush)

    def _flush(self) -> None:
        self.counts.flush(self.ctx.metrics, stored_bytes=self.store.bytes, stored_objects=len(self.store))

    def note(self, delivery: Delivery) -> None:
        """Hand a record to everybody who wants them. Until there is a spool that is the debug log."""
        for take in self.records:
            take(delivery)

    def app(self) -> web.Application:
        app = rim.make_app(self.ctx)
        app.router.add_route("*", "/{tail:.*}", self.handle)
        app.middlewares.append(_private_metrics)
        app.on_response_prepare.append(_open_to_pages)
        return app

    async def handle(self, request: web.Request) -> web.StreamResponse:
        started = self.clock.monotonic()
        sent = Sent()
        plan: Plan | None = None
        try:
            if isinstance(request.protocol, ExpressProtocol):  # no further answer for who has not read the last one
                await request.protocol.drained()
            url = request.rel_url
            if self.generic is not None and not asked.is_name(request.raw_path):
                request[_GENERIC] = True
                response = await self.generic.answer(request, sent)
            else:
                plan = asked.plan(request.method, url.raw_path, url.raw_query_string, request.headers, self.keys)
                response = await self._answer(request, plan, sent)
            sent.status = response.status
            sent.whole = True
            return response
        except Problem as problem:
            sent.status = problem.kind.status
            sent.whole = True
            raise
        except CutShort:
            rim.abort(request)
            raise ConnectionResetError("the body was cut short") from None
        finally:
            self.counts.full += 1
            self.counts.answers[sent.cache] += 1
            self.counts.sent += sent.bytes
            self.note(
                Delivery(
                    time_ms=self.clock.now_ms(),
                    request=request[rim.REQUEST_ID],
                    method=request.method,
                    path=plan.key if plan else sent.path or request.rel_url.raw_path,
                    status=sent.status,
                    size=sent.bytes,
                    cache=sent.cache,
                    duration_ms=round((self.clock.monotonic() - started) * 1000),
                    whole=sent.whole,
                    cmcd=plan.cmcd if plan else b"",
                )
            )

    async def _answer(self, request: web.Request, plan: Plan, sent: Sent) -> web.StreamResponse:
        match plan.action:
            case Action.LARGE:
                return await self.large.answer(request, plan, sent)
            case Action.PREFLIGHT:
                return web.Response(status=204, headers=dict(asked.preflight(request.rel_url.raw_path)))
            case Action.LICENCE:
                return await self._licence(request, plan, sent)
            case Action.TIME:
                headers = {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"}
                return web.Response(body=asked.time_body(self.clock.now_ms()), headers=headers)
        now = self.clock.monotonic()
        stored = self.store.get(plan.key)
        if stored is not None and stored.fresh(now):
            sent.cache = "hit"
            return await self._from_store(request, plan, stored, "Headwater; hit", sent)
        forwarded = "Headwater; fwd=uri-miss" if stored is None else "Headwater; fwd=stale"
        if self.fills.is_unshared(plan.key):
            return await self._pass(request, plan, None, forwarded, sent)
        return await self._follow(request, plan, stored, forwarded, sent)

    async def _follow(
        self, request: web.Request, plan: Plan, stored: Stored | None, forwarded: str, sent: Sent
    ) -> web.StreamResponse:
        """Join the fetch that is under way, or begin one."""
        stale = stored if stored and stored.usable_stale(self.clock.monotonic() + PATIENCE_WITH_STALE_S) else None
        fill = self.fills.find(plan.key)
        if fill is not None:
            self.counts.followers += 1
            forwarded += "; collapsed"
        else:
            fill = self.fills.start(
                Order(
                    key=plan.key,
                    use=plan.use,
                    held=plan.held,
                    request_id=request[rim.REQUEST_ID],
                    patience_s=PATIENCE_WITH_STALE_S if stale else PATIENCE_S,
                )
            )
        await fill.decided()
        if fill.state is State.PASSED:
            return await self._pass(request, plan, fill.claim(), forwarded.removesuffix("; collapsed"), sent)
        if fill.state is State.FAILED and fill.head is None:
            if stale is not None:
                sent.cache = "stale"
                ttl = stale.ttl_s(self.clock.monotonic())
                status = f"Headwater; fwd=stale; ttl={ttl}; detail=upstream-away"
                return await self._from_store(request, plan, stale, status, sent)
            assert fill.problem is not None
            sent.cache = "miss"
            raise Problem(fill.problem.kind.name, fill.problem.detail)
        sent.cache = "miss"
        now_ms = self.clock.now_ms()
        return await from_fill(request, fill, forwarded + "; stored", sent, body=plan.body, now_ms=now_ms)

    async def _from_store(
        self, request: web.Request, plan: Plan, stored: Stored, cache_status: str, sent: Sent
    ) -> web.StreamResponse:
        now, now_ms = self.clock.monotonic(), self.clock.now_ms()
        return await from_store(request, stored, cache_status, sent, body=plan.body, now=now, now_ms=now_ms)

    async def _licence(self, request: web.Request, plan: Plan, sent: Sent) -> web.StreamResponse:
        """The body goes upstream, the answer comes back: neither is looked at, logged or kept."""
        if request.method != "POST":
            answer = await self.upstream.open(plan.key, request_id=request[rim.REQUEST_ID])
            return await self._pass(request, plan, answer, "Headwater; fwd=bypass", sent)
        body = b""
        async for part in request.content.iter_any():
            body += part
            if len(body) > _MOST_LICENCE_OCTETS:
                raise Problem("too-large", f"a licence request has at most {_MOST_LICENCE_OCTETS} octets")
        answer = await self.upstream.open(plan.key, request_id=request[rim.REQUEST_ID], body=body)
        return await self._pass(request, plan, answer, "Headwater; fwd=method", sent)

    async def _pass(
        self,
        request: web.Request,
        plan: Plan,
        claimed: aiohttp.ClientResponse | None,
        cache_status: str,
        sent: Sent,
    ) -> web.StreamResponse:
        """An answer that is not shared: straight through, at the reader's pace."""
        sent.cache = "pass"
        answer = claimed or await self.upstream.open(plan.key, request_id=request[rim.REQUEST_ID])
        return await passed(request, answer, cache_status, sent, body=plan.body, now_ms=self.clock.now_ms())

    async def close(self) -> None:
        await self.upstream.close()
        await self.large.close()
        if self.generic is not None:
            await self.generic.close()


def _keys(path: str) -> signing.Keys | None:
    """What queries are signed with. Raises OSError: a file that cannot be used must not let everything through."""
    if not path:
        return None
    try:
        return signing.read(Path(path).read_text("ascii"))
    except ValueError as fault:
        raise OSError(f"edge.query_keys: {path}: {fault}") from None


def _to_debug_log(delivery: Delivery) -> None:
    log.debug("edge.delivery", delivery=delivery)


@web.middleware
async def _private_metrics(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Metrics are for this box: they are not served at the viewers' address."""
    sockname = request.transport.get_extra_info("sockname") if request.transport else None
    if request.path == "/metrics" and isinstance(sockname, tuple):
        raise Problem("unknown", "no object has this path")
    return await handler(request)


async def _open_to_pages(request: web.Request, response: web.StreamResponse) -> None:
    for name in ("Content-Type", "Server") if SAID in request else ():
        if name.lower() not in request[SAID]:
            response.headers.popall(name, None)
    if request.get(CLOSING):
        response.force_close()
        response.headers["Connection"] = "close"
    if request.get(_GENERIC):  # who may read it is its own origin's to say
        return
    for name, value in asked.CORS:
        response.headers.setdefault(name, value)


@contextlib.asynccontextmanager
async def serving(
    ctx: Context, listen: Sequence[Path | tuple[str, int]], *, reuse_port: bool = False
) -> AsyncIterator[tuple[Edge, web.AppRunner]]:
    """An edge that answers at `listen` until the block ends, then drains."""
    edge = Edge(ctx)
    app = edge.app()
    try:
        express = edge.lane.answer
        async with rim.serving(ctx, app, listen, express=express, reuse_port=reuse_port, coded_bodies=True) as runner:
            yield edge, runner
    finally:
        await ctx.tasks.close()  # fills that nobody waits for any more
        await edge.close()


async def run(ctx: Context) -> None:
    """The role: viewers' address shared by all workers, until told to stop."""
    async with serving(ctx, [ctx.listen("edge.listen", "edge")], reuse_port=True) as (edge, _):
        log.info("edge.listening", upstream=edge.upstream.address, memory=edge.store.capacity)
        await ctx.stopping.wait()
