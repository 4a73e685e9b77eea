"""Channels with a source: each is fetched as long as it is wanted, and is a session while media comes."""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

import aiohttp
import structlog

from base.desired import ChannelSpec
from base.problems import Problem
from base.sources import Source, parse
from ingest.live import LiveSession
from ingest.pull import hls, http, udp
from ingest.registry import Registry
from ingest.session import Happening, ending
from ingest.ts.feed import Feed
from node.process import Context

log = structlog.get_logger("pull")

_TICK_S = 1.0
# Media for so long: the next fault is a new one.
_GOOD_S = 30.0
# An encoder publishes this channel: its turn.
_BUSY_S = 1.0
_MOST_WAIT_S = 7.0
_SLICE = 188 << 9
# Seconds between attempts: doubled from the first to the last.
_FIRST_S, _LAST_S = 1.0, 30.0


class Octets(Protocol):
    """`dropped`: what came and could not be kept, so far. `fresh`: nothing goes on in what a read gives that began in
    what was read before."""

    @property
    def peer(self) -> str: ...

    @property
    def fresh(self) -> bool: ...

    @property
    def dropped(self) -> int: ...

    async def read(self) -> bytes: ...


@asynccontextmanager
async def receiving(source: Source) -> AsyncIterator[Octets]:
    """Raises OSError, aiohttp.ClientError, TimeoutError or Problem where there is nothing to be had."""
    if source.datagrams:
        async with udp.receiving(source) as datagrams:
            yield datagrams
    elif source.playlist:
        async with hls.receiving(source) as segments:
            yield segments
    else:
        async with http.receiving(source) as body:
            yield body


class Puller:
    """Of one channel; runs until it is cancelled."""

    def __init__(self, ctx: Context, registry: Registry, spec: ChannelSpec) -> None:
        self._ctx = ctx
        self._registry = registry
        self._spec = spec

    async def run(self) -> None:
        channel, failures = self._spec.channel, 0
        try:
            source = parse(self._spec.source)
        except Problem as problem:
            log.warning("pull.unusable", channel=channel, why=problem.detail)
            return
        while not self._ctx.stopping.is_set():
            began = self._ctx.clock.monotonic()
            try:
                async with receiving(source) as octets:
                    why = await self._sessions(source, octets)
            except (OSError, aiohttp.ClientError) as fault:
                # A client error may spell the whole address: only its kind is said.
                why = type(fault).__name__ if isinstance(fault, aiohttp.ClientError) else str(fault) or "it fell silent"
            except Problem as problem:
                why = problem.detail
            except Exception as fault:  # ours: the channel shall not be silent until its source is changed
                why = "a fault of this node"
                # Where it is, but not what it says: that may be the address.
                at = traceback.extract_tb(fault.__traceback__)[-1]
                log.error("pull.fault", channel=channel, kind=type(fault).__name__, at=f"{at.name}:{at.lineno}")
            failures = 1 if self._ctx.clock.monotonic() - began > _GOOD_S else failures + 1
            pause = pause_s(failures)
            self._ctx.metrics.counter("ingest_pull_retries", channel=channel).inc()
            log.warning("pull.again", channel=channel, source=source.shown, why=why, in_s=pause)
            await asyncio.sleep(pause)

    async def _sessions(self, source: Source, octets: Octets) -> str:
        """A session whenever something comes, until the source ends; why it did."""
        while True:
            data = await octets.read()
            if not data or self._ctx.stopping.is_set():
                return "it ended"
            task = asyncio.current_task()
            admission, live = await self._registry.offer_own(self._spec, f"pull {source.scheme}", task)
            if live is None:
                log.debug("pull.waits", channel=self._spec.channel, why=admission.sentence)
                await _forget(octets)
                continue
            self._ctx.metrics.counter("ingest_offers", outcome=admission.outcome).inc()
            log.info("session.admitted", peer=octets.peer, channel=self._spec.channel, session=live.id)
            event = Happening.LOST
            try:
                event = await self._receive(Feed(live, self._ctx.metrics, source.program), live, octets, data)
            except asyncio.CancelledError:
                if live.cause is not Happening.DISPLACED or task is None:
                    raise
                task.uncancel()  # an encoder took over while nothing came from here
            except Problem as problem:
                event = ending(problem)
                raise
            finally:
                self._registry.close(live, live.cause or event)
            if not source.datagrams:
                return "it ended" if event is Happening.LOST else "it fell silent"

    async def _receive(self, feed: Feed, live: LiveSession, octets: Octets, data: bytes | None) -> Happening:
        """From the first octets until the source ends or is silent; how it ended."""
        clock, channel = self._ctx.clock, self._spec.channel
        counted, dropped = clock.monotonic(), octets.dropped
        reading: asyncio.Task[bytes | Exception] | None = None
        try:
            while True:
                if data:
                    await self._give(feed, octets, data)
                elif data is not None:
                    await feed.end()
                    return Happening.LOST
                if clock.monotonic() - counted >= _TICK_S:
                    counted = clock.monotonic()
                    feed.count()
                    if more := octets.dropped - dropped:
                        dropped += more
                        self._ctx.metrics.counter("ingest_pull_dropped", channel=channel).inc(more)
                    if live.tick():
                        return Happening.SILENCE
                # A read may take longer than a tick (a playlist's pause, a whole segment) and goes on over it.
                reading = reading or self._ctx.tasks.start(_kept(octets), f"read {channel}")
                await asyncio.wait([reading], timeout=_TICK_S)
                data = None
                if reading.done():
                    found, reading = reading.result(), None
                    if isinstance(found, Exception):
                        raise found
                    data = found
        finally:
            if reading is not None:
                reading.cancel()

    async def _give(self, feed: Feed, octets: Octets, data: bytes) -> None:
        """By slices, so that a segment of some megabytes does not keep the other channels of this process waiting."""
        if octets.fresh:
            await feed.end()
        for at in range(0, len(data), _SLICE):
            wait = await feed.take(data[at : at + _SLICE])
            await asyncio.sleep(min(wait, _MOST_WAIT_S))


class Pullers:
    """A puller for each channel that has a source."""

    def __init__(self, ctx: Context, registry: Registry) -> None:
        self._ctx = ctx
        self._registry = registry
        self._pulling: dict[str, tuple[ChannelSpec, asyncio.Task[None]]] = {}

    def follow(self, channels: tuple[ChannelSpec, ...]) -> None:
        """A new desired state: sources that changed are fetched anew."""
        wanted = {spec.channel: spec for spec in channels if spec.source}
        for channel, (spec, task) in list(self._pulling.items()):
            found = wanted.get(channel)
            if found is None or (found.source, found.edition) != (spec.source, spec.edition):
                task.cancel()
                del self._pulling[channel]
        for channel, spec in wanted.items():
            if channel not in self._pulling:
                puller = Puller(self._ctx, self._registry, spec)
                self._pulling[channel] = spec, self._ctx.tasks.start(puller.run(), f"pull {channel}")


def pause_s(failures: int) -> float:
    """Before the next attempt, after so many that came to nothing, from 1 on."""
    return min(_FIRST_S * 2.0 ** min(failures - 1, 16), _LAST_S)


async def _kept(octets: Octets) -> bytes | Exception:
    """What a read gave, or why it gave nothing: a source that is away is no fault of the task."""
    try:
        return await octets.read()
    except Exception as fault:
        return fault


async def _forget(octets: Octets) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_BUSY_S):
            while await octets.read():
                pass
