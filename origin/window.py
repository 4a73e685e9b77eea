"""A live track's window: which segments are listed, where runs begin, and which numbers are gaps. Pure.

Numbers of a track only rise. A number that is skipped while the window still holds the one before is listed as a gap
of its share of the time in between (RFC 8216bis 6.2.1: media missing); if as much is missing as the window holds, it
starts anew. Which run a segment belongs to is the channel's to say (runs.py): a track's first of a run is a
discontinuity.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from origin.runs import Run
from packager.live import LivePart, LiveSegment


@dataclass(slots=True)
class TrackWindow:
    """Segments of one track, consecutive by number. `scale`: ticks a second, `span_s`: how much is kept listed.

    `floor`: numbers up to this one count as used while nothing is listed; `run`, `breaks`: of the last segment, -1
    before the first run.
    """

    scale: int
    span_s: int
    grid_ms: int
    floor: int = -1
    run: int = -1
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

    def open(self, *, number: int, start: int, init: str, run: Run, within: Sequence[Run] = ()) -> LiveSegment:
        """Start segment `number` of a run. What lies between it and the last one becomes gaps, of the runs `within`."""
        last = self.last
        assert number > self.highest and (last is None or last.closed)
        self._bridge(number, start, within)
        discontinuity = self._join(run)
        opened = LiveSegment(
            number=number,
            start=start,
            duration=0,
            size=0,
            init=init,
            run=run.number,
            breaks=run.breaks,
            closed=False,
            discontinuity=discontinuity,
        )
        self.run_starts.setdefault(run.number, start)
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

    def restore(self, segment: LiveSegment, run_start: int, within: Sequence[Run] = ()) -> None:
        """Add a closed segment as the journal knows it, run and breaks included."""
        self._bridge(segment.number, segment.start, within)
        self.segments.append(segment)
        self.run, self.breaks = segment.run, segment.breaks
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

    def lose(self, number: int) -> None:
        """The files up to a number are gone: nothing of that is listed any more."""
        if self.segments and number >= self.segments[-1].number:
            self.floor = self.highest
            self.segments.clear()
            self.run_starts.clear()
        elif self.segments:
            self.drop_before(number + 1)

    def rescaled(self, scale: int) -> TrackWindow:
        """An empty window that goes on where this one ends, in another timescale."""
        return TrackWindow(
            scale=scale,
            span_s=self.span_s,
            grid_ms=self.grid_ms,
            floor=self.highest,
            run=self.run,
            breaks=self.breaks,
        )

    def _join(self, run: Run) -> bool:
        """The next segment or gap is of this run. True if it is a discontinuity.

        A tag counts one. Where the channel has counted more, the window starts anew, or counts would differ for good.
        """
        joins = run.number != self.run
        if joins and run.breaks > self.breaks + 1:
            self.segments.clear()
        self.run, self.breaks = run.number, run.breaks
        return joins and run.breaks > 0

    def _bridge(self, number: int, start: int, within: Sequence[Run]) -> None:
        last = self.last
        missing = number - last.number - 1 if last else 0
        if missing > max(1, self.span_s * 1000 // self.grid_ms):
            self.segments.clear()
        elif last is not None:
            self._fill(last, missing, start, list(within))

    def _fill(self, last: LiveSegment, missing: int, start: int, within: list[Run]) -> None:
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
            number, due = last.number + 1 + i, None
            while within and within[0].number <= number:
                due = within.pop(0)
            joins = due is not None and self._join(due)
            self.segments.append(
                LiveSegment(
                    number=number,
                    start=here,
                    duration=min(following - here, longest),
                    size=0,
                    init=last.init,
                    run=self.run,
                    breaks=self.breaks,
                    gap=True,
                    discontinuity=joins,
                )
            )
