"""One channel's publishing point while a source pushes to it: uploads in, a session's configurations and frames out.

Requests come on many connections; what they carry goes through one presentation, one at a time. A task of the point's
own lets time pass: it closes holes, notices silence and the source's end, and is what a revocation cancels.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable

import structlog

from base.problems import Problem
from ingest.cmaf.events import Splice
from ingest.cmaf.presentation import Out, Presentation, Upload
from ingest.live import LiveSession
from ingest.media import TrackConfig
from ingest.registry import Registry
from ingest.session import Happening
from node.process import Context

log = structlog.get_logger("ingest")

_TICK_S = 0.25


class Point:
    """`key` is a secret. Made by the first upload, over with its session; `presentation` outlives it."""

    def __init__(self, ctx: Context, registry: Registry, channel: str, key: str, before: Presentation | None) -> None:
        self._ctx = ctx
        self._registry = registry
        self._channel = channel
        self._key = key
        self._lock = asyncio.Lock()
        self._opening: asyncio.Future[str] | None = None
        self.live: LiveSession | None = None
        self._closing: Happening | None = None
        self.presentation = before.again() if before is not None else Presentation()
        self.source = ""  # the address that pushes, where only one may
        self.heard = ctx.clock.monotonic()
        self.over = False

    def upload(self, path: str) -> Upload:
        return Upload(self.presentation, path)

    async def feed(self, upload: Upload, octets: bytes, software: str, peer: str) -> float:
        """Octets of one upload; the seconds that its sender should wait. Raises Problem."""
        async with self._lock:
            if self.over:
                raise Problem("malformed", "the session has ended: send the header and go on at the live edge")
            clock = self._ctx.clock
            now = clock.monotonic()
            outs, problem = _taken(upload.feed(octets, now, clock.now_ms()))
            if self.live is None and (upload.headers or upload.fragments):
                await self._open(software, peer)
            return await self._took(outs, problem, len(octets), now)

    async def transport(self, path: str, body: bytes, software: str, peer: str) -> float:
        """A whole MPEG-TS segment. Raises Problem."""
        async with self._lock:
            if self.over:
                raise Problem("malformed", "the session has ended: go on at the live edge")
            now = self._ctx.clock.monotonic()
            outs, problem = _taken(self.presentation.transport(path, body, now))
            if self.live is None and problem is None:
                await self._open(software, peer)
            return await self._took(outs, problem, len(body), now)

    async def manifest(self, path: str, body: bytes) -> None:
        async with self._lock:
            self.presentation.manifest(path, body)

    async def _took(self, outs: Iterable[Out], problem: Problem | None, octets: int, now: float) -> float:
        """Hand on what was good before a fault, then raise it; else count and give the seconds to wait."""
        wait = await self._give(outs)
        if problem is not None:
            raise problem
        self.heard = now
        if self.live is not None:
            self.live.received(octets)
        return wait

    async def _give(self, outs: Iterable[Out]) -> float:
        wait = 0.0
        for out in outs:
            wait = max(wait, await self._one(out))
        return wait

    async def _one(self, out: Out) -> float:
        """Raises Problem, after which the session is over: what the channel cannot take no later frame mends."""
        assert self.live is not None
        try:
            if isinstance(out, TrackConfig):
                if self.presentation.epoch:
                    self.live.anchor()
                self.live.config(out)
                return 0.0
            if isinstance(out, Splice):
                self.live.splice(out.section, out.pts, out.timescale, own=out.own)
                return 0.0
            return await self.live.frame(out)
        except Problem:
            self.over, self._closing = True, Happening.REFUSE
            raise

    async def _open(self, software: str, peer: str) -> None:
        """Offer the session. Raises Problem forbidden if it is not admitted."""
        self._opening = asyncio.get_running_loop().create_future()
        self._ctx.tasks.start(self._live_on(software, peer), f"push {self._channel}")
        if refusal := await self._opening:
            self.over = True
            raise Problem("forbidden", refusal)
        while self.live is None:  # the task sets it in the same step
            await asyncio.sleep(0)

    async def _live_on(self, software: str, peer: str) -> None:
        """The session's life."""
        assert self._opening is not None
        try:
            admission, live = await self._registry.offer(self._key, software, peer, asyncio.current_task())
            self._opening.set_result(admission.sentence)
        finally:
            if not self._opening.done():
                self._opening.set_result("this node is stopping: go on in a moment")
        self._ctx.metrics.counter("ingest_offers", outcome=admission.outcome).inc()
        if live is None:
            return
        log.info("session.admitted", peer=peer, channel=self._channel, session=live.id, software=software)
        self.live = live
        event = Happening.LOST
        try:
            event = await self._until_over(live)
        except asyncio.CancelledError:
            event = live.cause or Happening.DRAIN
        except Problem as problem:
            event = Happening.REFUSE
            log.warning("push.closed", channel=self._channel, kind=problem.kind.name, why=problem.detail)
        finally:
            self.over = True
            async with self._lock:  # no upload is giving frames now, and none will
                if event in (Happening.STOP, Happening.SILENCE, Happening.DRAIN):
                    await self._rest()
                self._registry.close(live, live.cause or event)

    async def _until_over(self, live: LiveSession) -> Happening:
        clock = self._ctx.clock
        while self._closing is None:
            await asyncio.sleep(_TICK_S)
            async with self._lock:
                now = clock.monotonic()
                await self._give(self.presentation.tick(now))
                if live.tick():
                    return Happening.SILENCE
                if self.presentation.over(now):
                    return Happening.STOP
        return self._closing

    async def _rest(self) -> None:
        """What was held for other tracks or for a hole belongs to the session."""
        with contextlib.suppress(Problem):
            await self._give(self.presentation.finish(self._ctx.clock.monotonic()))


def _taken(outs: Iterable[Out]) -> tuple[list[Out], Problem | None]:
    """All that comes, up to a Problem: what was good before it counts."""
    found: list[Out] = []
    try:
        found.extend(outs)  # keeps what came before the fault
    except Problem as problem:
        return found, problem
    return found, None
