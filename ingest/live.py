"""One admitted publisher: its frames through intake and channel, its session's state, its end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from ingest.channel import Channel
from ingest.cues import near
from ingest.drift import MAX_AHEAD_US
from ingest.intake import Intake
from ingest.limits import Allowance
from ingest.media import Frame, TrackConfig
from ingest.session import Happening, Session
from node.clock import Clock
from node.metrics import Metrics

# A publisher faster than time (a file without -re) is read no faster than its media may be watched.
MAX_AHEAD_MS = MAX_AHEAD_US // 1000
_MOST_EARLY = 50
Octets = bytes  # LiveSession counts its `bytes`
# One that says epoch times may have a clock that is fast, and is real time all the same.
MAX_AHEAD_ANCHORED_MS = 30_000


@dataclass(slots=True, kw_only=True)
class LiveSession:
    """The session as others see it. `task` serves the connection: cancelling it ends the session."""

    id: str
    channel: Channel
    hashed: str  # of the key, to notice that it was revoked
    peer: str
    software: str
    started_ms: int
    clock: Clock
    metrics: Metrics
    session: Session
    task: asyncio.Task[Any]
    bytes: int = 0
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    cause: Happening | None = None  # why `task` is being cancelled
    intake: Intake = field(init=False)
    _allowance: Allowance = field(init=False)
    _resyncs: dict[str, int] = field(default_factory=dict)
    _early: list[tuple[Octets, int | None, bool]] = field(default_factory=list)  # sections that came before the media

    def __post_init__(self) -> None:
        self.intake = Intake(segment_ms=self.channel.spec.segment_ms, not_before_ms=self.channel.ends_ms)
        self._allowance = Allowance(self.started_ms)
        self.channel.open_session(self.id, self.started_ms)

    def happen(self, event: Happening) -> None:
        self.session = self.session.after(event, self.clock.monotonic())

    def tick(self) -> Happening | None:
        """Let time pass; returns SILENCE if the session is over by it."""
        due = self.session.due(self.clock.monotonic())
        if due is Happening.STALL:
            self.happen(due)
        return due if due is Happening.SILENCE else None

    def cancel(self, cause: Happening) -> None:
        if self.cause is None:
            self.cause = cause
            self.task.cancel()

    def anchor(self) -> None:
        """The source's times are epoch times: keep them. To be said before the first frame."""
        self.intake.anchored = True

    def config(self, config: TrackConfig) -> None:
        """Take a decoder configuration. Raises Problem unplayable, or forbidden: larger than the key allows."""
        self._allowance.format(self.channel.spec.limits, config.format)
        self.intake.config(config)

    async def frame(self, frame: Frame) -> float:
        """Take one frame. Returns the seconds that the source is ahead of time and should wait.

        Raises Problem unplayable, malformed or too-large, or forbidden: more than the key allows.
        """
        if self.cause is None:  # what still comes of one that has to go does not revive it
            self.happen(Happening.MEDIA)
        now_ms = self.clock.now_ms()
        self._allowance.frame(self.channel.spec.limits, len(frame.data), now_ms, self.intake.ends_ms)
        self.channel.now_ms = now_ms
        for outcome in self.intake.frame(frame, now_ms):
            await self.channel.take(outcome)
        if self._early and self.intake.epoch_us(0) is not None:
            early, self._early = self._early, []
            for section, us, own in early:
                self._signal(section, us, own)
        self._count_resyncs()
        allowed = MAX_AHEAD_ANCHORED_MS if self.intake.anchored else MAX_AHEAD_MS
        return max(0, self.intake.ends_ms - now_ms - allowed) / 1000

    def splice(self, section: Octets, pts: int | None, timescale: int, *, own: bool = False) -> None:
        """Take a splice_info_section. What cannot be read is logged and dropped.

        `pts`: when it arrived, on the time line of the frames, in ticks of `timescale`; its own times, modulo 2^33 at
        90 kHz, are on the same. `own`: `pts` is the time that is signalled, and those inside mean nothing (CMAF).
        """
        self.channel.will_signal()
        us = None if pts is None else (pts * 1_000_000 + (timescale >> 1)) // timescale
        if self.intake.epoch_us(0) is not None:
            self._signal(section, us, own)
        elif len(self._early) < _MOST_EARLY:
            self._early.append((section, us, own))

    def _signal(self, section: Octets, us: int | None, own: bool) -> None:
        def when(time: int | None) -> int:
            at = us
            if not own:
                at = None if time is None or us is None else near(time, us)
            epoch_us = None if at is None else self.intake.epoch_us(at)
            return self.intake.ends_ms if epoch_us is None else round(epoch_us / 1000)

        for at_ms in self.channel.signal(section, when):
            self.intake.expect(at_ms * 1000)

    def received(self, octets: int) -> None:
        """Count what came from the source."""
        self.bytes += octets
        self.metrics.counter("ingest_bytes").inc(octets)

    def close(self, event: Happening) -> None:
        """Close the open segments; the publisher goes on sending them after the session."""
        try:
            if self.session.reason is None:
                self.happen(event)
            self.channel.ends_ms = max(self.channel.ends_ms, self.intake.ends_ms)
            self.channel.close_run()
        finally:
            self.ended.set()  # whoever waits for the channel must not wait for ever

    def status(self) -> dict[str, Any]:
        """What /status shows. No key."""
        run = self.channel.run
        return {
            "session": self.id,
            "channel": self.channel.spec.channel,
            "state": self.session.state,
            "peer": self.peer,
            "software": self.software,
            "started_ms": self.started_ms,
            "bytes": self.bytes,
            "grid_ms": run.grid.grid_ms if run else 0,
            "keyframe_interval_ms": run.grid.interval_ms if run else 0,
            "numbering": ("counted" if run.grid.counted else "wall") if run else "",
            "why": run.grid.why if run else "",
            "tracks": {track: fmt.codec for track, fmt in run.formats.items()} if run else {},
            "last_number": self.channel.last_number,
            "resyncs": self.intake.resyncs,
            "origin_away": self.channel.publisher.away,
        }

    def _count_resyncs(self) -> None:
        if self.intake.resyncs != self._resyncs:
            for why, count in self.intake.resyncs.items():
                if more := count - self._resyncs.get(why, 0):
                    self.metrics.counter("ingest_resyncs", why=why).inc(more)
            self._resyncs = dict(self.intake.resyncs)
