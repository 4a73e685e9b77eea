"""A live track's window: which segments are listed, where runs begin, and which numbers are gaps. Pure.

Numbers of a track only rise. A number that is skipped while the window still holds the one before is listed as a gap
of its share of the time in between (RFC 8216bis 6.2.1: media missing); if as much is missing as the window holds, it
starts anew. A gap, a new init segment or a new publishing session starts a new run, which is a discontinuity.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace

from packager.live import LivePart, LiveSegment


@dataclass(slots=True)
class TrackWindow:
    """Segments of one track, consecutive by number. `scale`: ticks a second, `span_s`: how much is kept listed.

    `floor`: numbers up to this one count as used while nothing is listed; `breaks`: discontinuities up to the last
    segment, -1 before the first run.
    """

    scale: int
    span_s: int
    grid_ms: int
    floor: int = -1
    breaks: int = -1
    segments: deque[LiveSegment] = field(default_factory=deque)
    run_starts: dict[int, int] = field(default_factory=dict)

    @property
    def last(self) -> LiveSegment | None:
        return self.segments[-1] if self.segments else None

    @property
    def highest(self) -> int:
        """The highest number that was ever used, -1 if none."""
        return self.segments[-1].number if self.segments else self.floor

    def find(self, number: int) -> LiveSegment | None:
        if not self.segments:
            return None
        at = number - self.segments[0].number
        return self.segments[at] if 0 <= at < len(self.segments) else None

    def open(self, *, number: int, start: int, init: str, discontinuity: bool) -> LiveSegment:
        """Start segment `number`. What lies between it and the last one becomes gaps."""
        last = self.last
        assert number > self.highest and (last is None or last.closed)
        new_run = last is None or discontinuity or number > last.number + 1 or init != last.init
        self._bridge(number, start)
        self.breaks += new_run
        run = number if last is None or new_run else last.run
        opened = LiveSegment(
            number=number, start=start, duration=0, size=0, init=init, run=run, breaks=self.breaks, closed=False
        )
        if new_run:
            self.run_starts[run] = start
        self.segments.append(opened)
        return opened

    def grow(self, part: LivePart) -> LiveSegment:
        """Add a part to the open segment."""
        last = self.segments[-1]
        assert not last.closed
        grown = replace(
            last, parts=(*last.parts, part), duration=last.duration + part.duration, size=last.size + part.size
        )
        self.segments[-1] = grown
        return grown

    def close(self) -> LiveSegment:
        """The open segment is whole."""
        closed = replace(self.segments[-1], closed=True)
        self.segments[-1] = closed
        return closed

    def restore(self, segment: LiveSegment, run_start: int) -> None:
        """Add a closed segment as the journal knows it, run and breaks included."""
        self._bridge(segment.number, segment.start)
        self.segments.append(segment)
        self.breaks = segment.breaks
        self.run_starts[segment.run] = run_start

    def first_within(self, end: int) -> int:
        """The first number that stays listed if the window ends at `end` (ticks)."""
        oldest = end - self.span_s * self.scale
        kept = (s.number for s in self.segments if s.start + s.duration >= oldest)
        return next(kept, self.segments[-1].number)

    def drop_before(self, number: int) -> None:
        """Drop what is before a number, but never everything."""
        while len(self.segments) > 1 and self.segments[0].number < number:
            self.segments.popleft()
        for run in [run for run in self.run_starts if run < self.segments[0].run]:
            del self.run_starts[run]

    def rescaled(self, scale: int) -> TrackWindow:
        """An empty window that goes on where this one ends, in another timescale."""
        return TrackWindow(
            scale=scale, span_s=self.span_s, grid_ms=self.grid_ms, floor=self.highest, breaks=self.breaks
        )

    def _bridge(self, number: int, start: int) -> None:
        last = self.last
        missing = number - last.number - 1 if last else 0
        if missing > max(1, self.span_s * 1000 // self.grid_ms):
            self.segments.clear()
        elif last is not None:
            self._fill(last, missing, start)

    def _fill(self, last: LiveSegment, missing: int, start: int) -> None:
        """Gaps share the time between the end of the last segment and the next start.

        None is longer than a cell of the grid: EXTINF of a gap, too, is bound by the target duration (4.4.3.1), and
        the dates that each segment bears tell where it lies.
        """
        begin = max(last.start, min(last.start + last.duration, start - missing))
        span = max(start - begin, 0)
        longest = self.grid_ms * self.scale // 1000
        for i in range(missing):
            here = begin + span * i // missing
            following = begin + span * (i + 1) // missing
            self.segments.append(
                LiveSegment(
                    number=last.number + 1 + i,
                    start=here,
                    duration=min(following - here, longest),
                    size=0,
                    init=last.init,
                    run=last.run,
                    breaks=last.breaks,
                    gap=True,
                )
            )
