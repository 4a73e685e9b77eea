"""Where a live channel is cut: at grid lines, and at splices, which take the place of the nearest line.

Names are numbers, and HLS counts segments by position, so a splice must not make one segment more: two encoders, or
one that was restarted, would count apart for good. A splice therefore *moves* the grid line that is nearest to it:

    lines     |     4     |     5     |     6     |
    splice                        ^
    cuts      |     4     |   5   ^      6        |

The line after it is where it always was, so nothing has to be remembered, and who knows of the splice cuts alike.
Segments then last between nearly nothing and `longest_ms`. A splice whose line was cut before it was known, or where
lines may not move, is marked at its frame and not cut. See docs/decisions/0021-splices-and-numbers.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from base.push import MarkNote

# A keyframe this little before its line still opens the cell: encoders' clocks have ms steps. In grids.
EARLY = 0.05
# What a segment may last, in grids, if splices are at usual keyframes: half a grid more, and what `EARLY` adds to it.
LONGEST = 1.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Splice:
    """Wanted at the first keyframe at or after `at`: ticks of the reference track, presentation time since 1970."""

    at: int
    note: MarkNote


@dataclass(frozen=True, slots=True)
class Found:
    """What a keyframe is: the first of segment `number` (None: of none), and where `splices` are."""

    number: int | None
    splices: tuple[Splice, ...]


class Lines:
    """The lines of one run. Ask `keyframe` about every keyframe of the reference, in order of presentation.

    `interval_ms`: between keyframes, 0 where each sample is one. `longest_ms`: what a segment may last if a line is
    moved, at most two grids; at most a grid: lines stay where they are. `jitters`: there is a keyframe near each line,
    some before and some behind it.
    """

    def __init__(
        self,
        *,
        timescale: int,
        grid_ms: int,
        interval_ms: float = 0,
        longest_ms: int = 0,
        counted: bool = False,
        next_number: int = 0,
        jitters: bool = False,
    ) -> None:
        self._scale = timescale
        self._grid_ms = grid_ms
        self._interval_ms = interval_ms
        self._longest_ms = longest_ms
        self._may_move = longest_ms > grid_ms
        self._counted = counted
        self._next_number = next_number
        self._number: int | None = None
        self._begun = 0  # of the last cut, in ticks
        self._line = 0  # of the last cut, in ticks: where the cut is, or the line that was moved there
        self._moved = jitters  # keyframes are counted to the nearest line
        self._obeys = interval_ms == 0  # keyframes are seen to be put at splices
        self._last_key: int | None = None
        self._wanted: list[Splice] = []

    @property
    def last_number(self) -> int:
        """The highest number that was opened, next_number - 1 if none was."""
        return self._next_number - 1 if self._number is None else self._number

    def allow(self, longest_ms: int) -> None:
        """From now on segments may last this long."""
        self._longest_ms = max(self._longest_ms, longest_ms)
        self._may_move = self._longest_ms > self._grid_ms

    def expect(self, splice: Splice) -> None:
        """A splice to come. One of the same event and action takes the place of the one before it."""
        self.forget(splice.note)
        self._wanted.append(splice)
        self._wanted.sort(key=lambda wanted: wanted.at)

    def forget(self, note: MarkNote) -> None:
        """The splice of this event and action was cancelled."""
        self._wanted = [wanted for wanted in self._wanted if wanted.note.what != note.what]

    def keyframe(self, pts: int, tolerance: int) -> Found:
        """`pts` in ticks; a splice up to `tolerance` after it is at this frame."""
        due = tuple(wanted for wanted in self._wanted if wanted.at <= pts + tolerance)
        self._wanted = self._wanted[len(due) :]
        number = self._cut(pts, due)
        self._learn(pts, due, tolerance)
        return Found(number, due)

    def _cut(self, pts: int, due: tuple[Splice, ...]) -> int | None:
        if self._number is None:
            cell = pts * 1000 // (self._scale * self._grid_ms)
            return self._open(max(cell, self._next_number), pts, pts)
        grids = (pts - self._line) * 1000 / (self._scale * self._grid_ms)
        if self._counted:
            return self._open(self._number + 1, pts, pts) if due or grids >= 1 - EARLY else None
        if due and self._may_move:
            if grids < 0.5 - 2 * EARLY:
                return None  # its line was cut before this was known
        elif grids < 1 - self._early() or self._waits(pts):
            return None
        cells = max(1, round(grids))
        line = self._line + round(cells * self._grid_ms * self._scale / 1000)
        off = abs(grids - cells) > EARLY
        self._moved = self._moved or (off and bool(due))
        # lines follow an encoder's keyframes, but not where a splice has put them elsewhere, nor just any frame
        stays = not self._interval_ms or (off and self._moved)
        return self._open(self._number + cells, line if stays else pts, pts)

    def _open(self, number: int, line: int, begun: int) -> int:
        self._number, self._line, self._begun = number, line, begun
        return number

    def _early(self) -> float:
        """How much before its line a keyframe opens the cell: it is the nearest that there will be."""
        if not self._interval_ms:
            return 0
        return max(EARLY, self._interval_ms / 2 / self._grid_ms) if self._moved else EARLY

    def _waits(self, pts: int) -> bool:
        """Does a splice that is to come take this line?"""
        if not self._wanted or not self._may_move:
            return False
        at = self._wanted[0].at
        if not self._obeys:  # then it will be at the next keyframe of the usual ones
            interval = self._interval_ms * self._scale / 1000
            at = round(pts + math.ceil((at - pts) / interval - EARLY) * interval)
        nearest = (at - self._line) * 1000 / (self._scale * self._grid_ms) < 1.5 - EARLY
        fits = (at - self._begun) * 1000 / self._scale <= self._longest_ms
        return at > pts and nearest and fits

    def _learn(self, pts: int, due: tuple[Splice, ...], tolerance: int) -> None:
        """Does this encoder put keyframes at splices? One where none would have been says yes, one after it no."""
        if due and self._interval_ms and self._last_key is not None:
            intervals = (pts - self._last_key) * 1000 / (self._scale * self._interval_ms)
            if abs(intervals - round(intervals)) > EARLY:
                self._obeys = pts - due[-1].at <= tolerance
            elif pts - due[0].at > tolerance:
                self._obeys = False
        self._last_key = pts
