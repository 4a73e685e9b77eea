"""One linear channel on the air: the film of the moment, frame by frame with epoch times, in step with the clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import structlog

from base.desired import ChannelSpec, PlayoutSpec
from base.problems import Problem
from ingest.live import LiveSession
from ingest.media import Frame
from ingest.playout.film import Film, Films, FilmTrack
from ingest.playout.schedule import Slot, slot
from ingest.registry import Registry
from ingest.session import Happening
from node.clock import Clock
from node.process import Context

log = structlog.get_logger("playout")

# Frames are given this long before their time: what reads and cuts them takes some of it.
LEAD_MS = 700
_AGAIN_S = 1.0
# A film that could not be opened is asked for again after this.
_MISSING_S = 10.0
# Frames that are so late are not worth their hurry: the clock was set on, the machine slept, or the origin was away.
_LATE_MS = 30_000
# Of a second, when the clock was set back: the time that a channel has shown cannot come again, and is waited for.
_SLOWED = 0.995


class Late(Exception):
    """What is given is far behind what is on."""


class Onward:
    """UTC in ms that never goes back, nor stands: behind a clock that was set back it is ahead and runs slower."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ms = float(clock.now_ms())
        self._seen = clock.monotonic()

    def now_ms(self) -> int:
        seen, passed = self._seen, self._clock.monotonic()
        self._seen = passed
        self._ms = max(float(self._clock.now_ms()), self._ms + (passed - seen) * 1000 * _SLOWED)
        return int(self._ms)


class Player:
    """Plays until it is cancelled."""

    def __init__(self, ctx: Context, registry: Registry, films: Films, spec: ChannelSpec) -> None:
        assert spec.playout is not None
        self._ctx = ctx
        self._registry = registry
        self._films = films
        self._channel = spec
        self._spec: PlayoutSpec = spec.playout
        self._onward = Onward(ctx.clock)
        self._open: dict[str, Film] = {}
        self._again: dict[str, float] = {}  # monotonic time at which to ask again for a film that could not be opened

    async def run(self) -> None:
        """A session as long as there is something on; a new one after a pause or a fault."""
        while not self._ctx.stopping.is_set():
            try:
                await asyncio.sleep(await self._once())
            except Exception:  # ours: the channel shall not be silent until its schedule is changed
                log.exception("playout.broken", channel=self._channel.channel)
                await asyncio.sleep(_MISSING_S)

    async def _once(self) -> float:
        """A session or a pause; the seconds up to the next."""
        now_ms = self._onward.now_ms()
        on = await self._on(now_ms)
        if on.asset:
            return 0 if await self._session() else _AGAIN_S
        return min(_AGAIN_S, (on.end_ms - now_ms) / 1000)

    async def _session(self) -> bool:
        """True if it ended since there is nothing on."""
        task = asyncio.current_task()
        admission, live = await self._registry.offer_own(self._channel, "playout", task)
        if live is None:
            log.debug("playout.waits", channel=self._channel.channel, why=admission.sentence)
            return False
        log.info("session.admitted", peer="playout", channel=self._channel.channel, session=live.id)
        live.anchor()
        event = Happening.LOST
        try:
            await self._play(live)
            event = Happening.STOP
        except asyncio.CancelledError:
            if live.cause is not Happening.DISPLACED or task is None:
                raise
            task.uncancel()  # an encoder took over while nothing came from here
        except Late:
            log.warning("playout.late", channel=self._channel.channel)
        except Problem as problem:
            event = Happening.REFUSE
            log.warning("playout.fault", channel=self._channel.channel, kind=problem.kind.name, why=problem.detail)
        finally:
            self._registry.close(live, live.cause or event)
        return event is Happening.STOP

    async def _play(self, live: LiveSession) -> None:
        """One film after the other, until a pause."""
        at_ms = self._onward.now_ms()
        while True:
            on = await self._on(at_ms)
            if not on.asset:
                return
            log.info("playout.on", channel=self._channel.channel, asset=on.asset, from_ms=at_ms - on.start_ms)
            try:
                await self._film(live, self._open[on.asset], on, at_ms)
            except Problem:  # the next session has the slate instead
                del self._open[on.asset]
                self._again[on.asset] = self._ctx.clock.monotonic() + _MISSING_S
                raise
            at_ms = max(on.end_ms, self._onward.now_ms() - LEAD_MS)

    async def _film(self, live: LiveSession, film: Film, on: Slot, at_ms: int) -> None:
        for track in film.tracks:
            live.config(track.config)
        readers = [self._frames(track, on, at_ms) for track in film.tracks]
        waiting: list[tuple[int, Frame] | None] = [await anext(reader, None) for reader in readers]
        while any(waiting):
            _, number = min((found[0], number) for number, found in enumerate(waiting) if found is not None)
            found = waiting[number]
            assert found is not None
            ms, frame = found
            while (ahead := ms - LEAD_MS - self._onward.now_ms()) > 0:
                await asyncio.sleep(min(ahead / 1000, _AGAIN_S))
            if ahead < -_LATE_MS:
                raise Late
            live.received(len(frame.data))
            await live.frame(frame)
            waiting[number] = await anext(readers[number], None)

    async def _frames(self, track: FilmTrack, on: Slot, at_ms: int) -> AsyncIterator[tuple[int, Frame]]:
        """Frames with epoch times, and when each is decoded (ms). From the first keyframe at or after `at_ms` on; the
        end is before the first frame that would be decoded after the slot, so nothing lacks what it refers to.
        """
        scale = track.source.timescale
        begin = on.start_ms * scale // 1000
        begun = False
        for piece in track.pieces:
            if on.start_ms + piece.start_ms + piece.duration_ms <= at_ms:
                continue
            if on.start_ms + piece.start_ms >= on.end_ms:
                return
            for fragment in await self._films.fragments(track, piece):
                for sample in fragment.samples:
                    dts = begin + sample.dts
                    if dts * 1000 >= on.end_ms * scale:
                        return
                    begun = begun or (sample.sync and dts * 1000 >= at_ms * scale - scale)
                    if not begun:
                        continue
                    yield (
                        dts * 1000 // scale,
                        Frame(
                            track=track.config.track,
                            dts=dts,
                            timescale=scale,
                            cto=sample.cto,
                            key=sample.sync,
                            data=sample.data,
                        ),
                    )

    async def _on(self, at_ms: int) -> Slot:
        """What is on, with films opened that were not."""
        now = self._ctx.clock.monotonic()
        for asset in dict.fromkeys([*(item.asset for item in self._spec.items), self._spec.slate]):
            if not asset or asset in self._open or now < self._again.get(asset, now):
                continue
            try:
                self._open[asset] = await self._films.open(asset)
            except Problem as problem:
                self._again[asset] = now + (_AGAIN_S if problem.kind.name == "upstream" else _MISSING_S)
                log.warning("playout.missing", channel=self._channel.channel, asset=asset, why=problem.detail)
        return slot(self._spec, {asset: film.duration_ms for asset, film in self._open.items()}, at_ms)


class Players:
    """A player for each channel that has a schedule."""

    def __init__(self, ctx: Context, registry: Registry, films: Films) -> None:
        self._ctx = ctx
        self._registry = registry
        self._films = films
        self._playing: dict[str, tuple[ChannelSpec, asyncio.Task[None]]] = {}

    def follow(self, channels: tuple[ChannelSpec, ...]) -> None:
        """A new desired state: schedules that changed are played anew."""
        wanted = {spec.channel: spec for spec in channels if spec.playout is not None}
        for channel, (spec, task) in list(self._playing.items()):
            if channel not in wanted or wanted[channel] != spec:
                task.cancel()
                del self._playing[channel]
        for channel, spec in wanted.items():
            if channel not in self._playing:
                player = Player(self._ctx, self._registry, self._films, spec)
                self._playing[channel] = spec, self._ctx.tasks.start(player.run(), f"playout {channel}")
