"""A transport stream into a live session: what SRT and pulled streams share."""

from __future__ import annotations

from collections import Counter

import structlog

from ingest.live import LiveSession
from ingest.media import Frame, TrackConfig
from ingest.ts.demuxer import Demuxer
from ingest.ts.streams import Event
from ingest.ts.tables import Program
from ingest.ts.video import HZ
from node.metrics import Metrics

log = structlog.get_logger("ingest")


class Feed:
    """Octets of one publisher, in order. `program`: its number, 0 for the first."""

    def __init__(self, live: LiveSession, metrics: Metrics, program: int = 0) -> None:
        self._live = live
        self._metrics = metrics
        self._demuxer = Demuxer(program)
        self._program: Program | None = None
        self._counted: Counter[str] = Counter()
        self._ignored: tuple[str, ...] = ()

    async def take(self, data: bytes) -> float:
        """Returns the seconds that the source is ahead of time and should wait.

        Raises Problem unplayable, malformed or too-large.
        """
        self._live.received(len(data))
        return await self._give(self._demuxer.take(data))

    async def end(self) -> None:
        """The stream, or a file of it, ended in good order: what is open is whole. Raises Problem as `take` does."""
        await self._give(self._demuxer.ends())

    def count(self) -> None:
        """Bring metrics up to date, and say once what of the program is not taken."""
        faults = self._demuxer.faults()
        for what, count in (faults - self._counted).items():
            self._metrics.counter("ingest_ts_faults", what=what).inc(count)
        self._counted = faults
        if self._demuxer.ignored != self._ignored:
            self._ignored = self._demuxer.ignored
            log.info("ts.ignored", session=self._live.id, streams=list(self._ignored[:16]))

    async def _give(self, events: list[Event]) -> float:
        if self._program is not self._demuxer.program:
            self._program = self._demuxer.program
            if self._program is not None and any(stream.codec == "scte-35" for stream in self._program.streams):
                self._live.channel.will_signal()
        wait = 0.0
        for event in events:
            if isinstance(event, Frame):
                wait = max(wait, await self._live.frame(event))
            elif isinstance(event, TrackConfig):
                self._live.config(event)
            else:
                self._live.splice(event.section, event.pts, HZ)
        return wait
