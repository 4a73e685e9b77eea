"""The unbroken runs of a channel: where its discontinuities are, the same in all of its tracks. Pure.

A run is a thing of the channel. The first track that cannot go on begins it, with the number of the segment that it
opens; the others join it with their first segment, or gap, from that number on. So discontinuities stand at the same
numbers in all media playlists and bear the same sequence number (RFC 8216bis 4.4.3.3, 6.2.4), and a run is a Period
that all tracks share. A track that was ahead of the number joins with its next segment: what is listed never changes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Run:
    """`number`: of the segment with which it began; `breaks`: discontinuities up to its beginning, 0 for the first.

    `begun_ms`: UTC at which it did.
    """

    number: int
    breaks: int
    begun_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A segment that a track is about to open. `joined`: see Runs.choose. `last`: number of the one before, None if
    nothing is listed. `others`: the highest number of any other track. `flagged`: its publisher says that it follows
    nothing; `changed`: it has another init segment than the one before.
    """

    number: int
    joined: int
    last: int | None
    others: int
    flagged: bool
    changed: bool


class Runs:
    """Those of a channel, oldest first; numbers and breaks both rise."""

    def __init__(self, known: Iterable[Run] = ()) -> None:
        self._known = sorted(known, key=lambda run: run.number)

    @property
    def newest(self) -> Run | None:
        return self._known[-1] if self._known else None

    def of(self, opening: Opening, used: int) -> Run:
        """The run of a segment; `used`: the highest number that was used when the present session began."""
        number, last, newest = opening.number, opening.last, self.newest
        anew = newest is not None and newest.number <= used < number
        hole = -1
        # what is missing may be the beginning of a session, which others still have
        begins = max(-1 if last is None else last, opening.others) <= used < number
        if opening.others < number and (begins if last is None else number > last + 1):
            hole, anew = (used + 1 if begins else number), anew and (begins or opening.flagged)
        return self.choose(
            number,
            opening.joined,
            broken=opening.flagged or opening.changed,
            hole=hole,
            anew=anew and (opening.flagged or hole >= 0),
        )

    def choose(self, number: int, joined: int, *, broken: bool, hole: int = -1, anew: bool = False) -> Run:
        """The run of the segment that a track opens; a new one is known from `begin` on.

        `joined`: number of the track's latest run, -1 if it has none. `broken`: the segment cannot follow the one
        before without a discontinuity; `hole`: numbers were left out that no track can have any more, so a run may
        begin at this one, -1 for none; `anew`: either of them comes of another session than the newest run did.
        """
        newest = self.newest
        if newest is None:
            return Run(number, 0)
        if anew or (newest.number <= joined and (broken or hole >= 0)):
            return self._following(number if broken else hole, newest)
        if newest.number <= joined:
            return newest
        # a track that comes behind the others may still be in a run before the newest
        reached = [run for run in self._known if run.number <= max(number, joined)]
        if reached and (reached[-1].number > joined or not broken):
            return reached[-1]
        return newest

    def begin(self, run: Run) -> None:
        """A segment of this run is there."""
        if all(known.number != run.number for known in self._known):
            self._known.append(run)
            self._known.sort(key=lambda known: known.number)

    def named(self, number: int, begun_ms: int) -> Run:
        """The run of this number; if none is known, one that follows the newest."""
        for run in self._known:
            if run.number == number:
                return run
        newest = self.newest
        return Run(number, newest.breaks + 1 if newest else 0, begun_ms)

    def within(self, joined: int, last: int) -> list[Run]:
        """The runs after `joined` up to `last` (both numbers of runs)."""
        return [run for run in self._known if joined < run.number <= last]

    def begun_ms(self, number: int) -> int:
        """UTC at which a run began, 0 if that is not known."""
        return next((run.begun_ms for run in self._known if run.number == number), 0)

    def forget(self, before: int) -> None:
        """Runs before the one of this number, which is the oldest that is listed. The newest stays."""
        self._known = [run for run in self._known[:-1] if run.number >= before] + self._known[-1:]

    @staticmethod
    def _following(number: int, newest: Run) -> Run:
        return Run(max(number, newest.number + 1), newest.breaks + 1)
