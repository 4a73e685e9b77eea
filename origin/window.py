"""A live track's window: which segments are listed, where runs begin, and which numbers are gaps. Pure.

Numbers of a track only rise. A number that is skipped while the window still holds the one before is listed as a gap
of its share of the time in between (RFC 8216bis 6.2.1: media missing); if as much is missing as the window holds, it
starts anew. A gap, a new init segment or a new publishing session starts a new run, which is a discontinuity.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from itertools import islice

from packager.live import LivePart, LiveSegment


@dataclass(slots=True)
class TrackWindow:
    """Segments of one track, consecutive by number. `scale`: ticks a second, `span_s`: how much is kept listed."""

    scale: int
    span_s: int
    grid_ms: int
    segments: deque[LiveSegment] = field(default_factory=deque)
    run_starts: dict[int, int] = field(default_factory=dict)
    _breaks: int = 0

    @property
    def last(self) -> LiveSegment | None:
        return self.segments[-1] if self.segments else None

    def open(self, *, number: int, start: int, init: str, discontinuity: bool) -> LiveSegment:
        """Start segment `number`. What lies between it and the last one becomes gaps."""
        last = self.last
        assert last is None or (last.closed and number > last.number)
        missing = number - last.number - 1 if last else 0
        run, new_run = number, True
        if last is not None:
            new_run = discontinuity or missing > 0 or init != last.init
            self._breaks += new_run
            run = number if new_run else last.run
            if missing > self._most_gaps():
                self.segments.clear()
            elif missing:
                self._fill(last, missing, start)
        opened = LiveSegment(
            number=number, start=start, duration=0, size=0, init=init, run=run, breaks=self._breaks, closed=False
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

    def add(
        self, *, number: int, start: int, duration: int, size: int, init: str, discontinuity: bool,
        parts: tuple[LivePart, ...],
    ) -> None:  # fmt: skip
        """A closed segment from the journal."""
        opened = self.open(number=number, start=start, init=init, discontinuity=discontinuity)
        self.segments[-1] = replace(opened, duration=duration, size=size, parts=parts, closed=True)

    def trim(self, end: int) -> int:
        """Drop segments that end before `end` - span (ticks); gives the first number that is still listed."""
        oldest = end - self.span_s * self.scale
        while len(self.segments) > 1 and self.segments[0].start + self.segments[0].duration < oldest:
            self.segments.popleft()
        first = self.segments[0]
        for run in [run for run in self.run_starts if run < first.run]:
            del self.run_starts[run]
        return first.number

    def drop_before(self, number: int) -> None:
        """Drop what is before a number: all tracks of a channel list the same beginning."""
        while len(self.segments) > 1 and self.segments[0].number < number:
            self.segments.popleft()

    def tail(self, count: int) -> list[LiveSegment]:
        return list(islice(reversed(self.segments), count))

    def _most_gaps(self) -> int:
        return max(1, self.span_s * 1000 // self.grid_ms)

    def _fill(self, last: LiveSegment, missing: int, start: int) -> None:
        """Gaps share the time between the end of the last segment and the next start."""
        begin = last.start + last.duration
        span = max(start - begin, missing)
        for i in range(missing):
            here = begin + span * i // missing
            following = begin + span * (i + 1) // missing
            self.segments.append(
                LiveSegment(
                    number=last.number + 1 + i,
                    start=here,
                    duration=following - here,
                    size=0,
                    init=last.init,
                    run=last.run,
                    breaks=last.breaks,
                    gap=True,
                )
            )
