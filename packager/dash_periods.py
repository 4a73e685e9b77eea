"""Unbroken runs of a channel as Periods of DASH: one behind the other, none over another (ISO/IEC 23009-1 5.3.2.1).

A track that was ahead when another began a run still has segments of the run before at that time. The Period of the
new run begins where the run does: segments that begin after that are left out of the Period before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from packager.live import LiveSegment, LiveWindow

Members = dict[str, list[LiveSegment]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A run's share of the time line, in seconds since 1970; what of it is whole, by track (none is empty)."""

    run: int
    start: Fraction
    end: Fraction
    members: Members


def by_run(window: LiveWindow) -> dict[int, Members]:
    """run -> track -> its whole segments, in order of the runs."""
    found: dict[int, Members] = {}
    for name, track in window.tracks.items():
        for segment in track.segments:
            if segment.closed and not segment.gap:
                found.setdefault(segment.run, {}).setdefault(name, []).append(segment)
    return dict(sorted(found.items()))


def began(window: LiveWindow, run: int) -> Fraction:
    """When the first of all tracks began it, though its first segments may have left the window."""
    return min(
        Fraction(ticks, window.tracks[name].format.timescale)
        for (number, name), ticks in window.run_starts.items()
        if number == run and name in window.tracks
    )


def stretches(window: LiveWindow, wanted: Mapping[int, Members], *, cut: bool = False) -> list[Stretch]:
    """Of these runs, in order. `cut`: they begin with what the window has of them. The newest decides what others get.

    A run that began later than one after it (the time of day went back) has none.
    """
    found: list[Stretch] = []
    following: Fraction | None = None
    for run in sorted(wanted, reverse=True):
        kept = {
            name: within
            for name, segments in wanted[run].items()
            if (within := [s for s in segments if following is None or _start(window, name, s) < following])
        }
        if not kept:
            continue
        start = min(_start(window, name, s[0]) for name, s in kept.items()) if cut else began(window, run)
        if following is not None and start >= following:
            continue
        end = max(ended(window, name, s[-1]) for name, s in kept.items())
        found.insert(
            0, Stretch(run=run, start=start, end=end if following is None else min(end, following), members=kept)
        )
        following = start
    return found


def ended(window: LiveWindow, name: str, segment: LiveSegment) -> Fraction:
    """When a segment of a track ends, in seconds since 1970."""
    return Fraction(segment.start + segment.duration, window.tracks[name].format.timescale)


def _start(window: LiveWindow, name: str, segment: LiveSegment) -> Fraction:
    return Fraction(segment.start, window.tracks[name].format.timescale)
