"""Periods: one behind the other, whatever a track lost, however far ahead it was, in manifests of all kinds."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest
from lxml import etree

from base.reports import TrackReport
from packager import describe
from packager.dash import live_manifest
from packager.dash_low_latency import manifest as low_latency
from packager.dash_periods import by_run, stretches
from packager.live import LiveWindow
from packager.live_clip import cut
from tests.packager.live_windows import FIRST, window
from tests.packager.manifests import NS, timeline, valid

BEGIN = FIRST * 2000  # ms


def apart(ahead: int, *, lost: tuple[int, ...] = (), off: int = 0) -> LiveWindow:
    """Pictures begin a run with segment 5; sound joins it `ahead` segments later, and `off` ticks late or early."""
    one = window(open_parts=0)
    run, starts = FIRST + 5, dict(one.run_starts)
    for name, track in one.tracks.items():
        joins = run + ahead if name == "a1" else run
        segments = [
            replace(
                s,
                start=s.start + (off if name == "a1" else 0),
                gap=name == "a1" and s.number - FIRST in lost,
                run=run if s.number >= joins else FIRST,
                breaks=int(s.number >= joins),
                discontinuity=s.number == joins,
            )
            for s in track.segments
        ]
        object.__setattr__(track, "segments", segments)
        starts[run, name] = joins * 2 * track.format.timescale + (off if name == "a1" else 0)
    return replace(one, run_starts=starts)


def periods(text: str) -> list[tuple[Fraction, Fraction | None]]:
    """(start, end) of each, of which all segments begin within it."""
    found = []
    mpd = valid(text)
    for period in mpd.iter(f"{NS}Period"):
        start = _seconds(period.get("start"))
        end = start + _seconds(period.get("duration")) if period.get("duration") else None
        found.append((start, end))
        for template in period.iter(f"{NS}SegmentTemplate"):
            scale, offset = int(template.get("timescale")), int(template.get("presentationTimeOffset"))
            for _, at, _ in timeline(template):
                assert end is None or start + Fraction(at - offset, scale) < end
    return found


def _seconds(duration: str) -> Fraction:
    return Fraction(duration.removeprefix("PT").removesuffix("S"))


def _reports(of: LiveWindow) -> list[TrackReport]:
    return [describe.report(t.name, t.format, 100_000, 90_000, "25", "") for t in of.tracks.values()]


@pytest.mark.rule("ISO/IEC 23009-1 5.3.2.1", "a Period ends where the next one begins, or before")
@pytest.mark.parametrize(
    ("ahead", "lost", "off"), [(0, (), 0), (0, (), 900), (0, (), -900), (1, (), 0), (3, (), 500), (3, (4,), 0)]
)
def test_no_period_lies_over_another(ahead: int, lost: tuple[int, ...], off: int) -> None:
    one = apart(ahead, lost=lost, off=off)
    film = cut(one, BEGIN + 2000, BEGIN + 18_000, BEGIN + 21_000)
    for text in (
        live_manifest(one, _reports(one)),
        low_latency(one, _reports(one)),
        live_manifest(film.window, _reports(one), clip=film),
    ):
        found = periods(text)
        assert len(found) == 2
        for (start, end), (following, _) in pairwise(found):
            assert end is not None and start < end <= following
    # what is shown of a film is as long as it lasted
    mpd = etree.fromstring(live_manifest(film.window, _reports(one), clip=film).encode())
    assert abs(_seconds(mpd.get("mediaPresentationDuration")) - 16) < Fraction(1, 10)


def test_a_run_of_a_time_that_came_again_goes() -> None:
    """The time of day was put back by an hour: the newest run says what is at a time."""
    one = apart(0)
    for track in one.tracks.values():
        back = 3600 * track.format.timescale
        segments = [replace(s, start=s.start - back if s.run > FIRST else s.start) for s in track.segments]
        object.__setattr__(track, "segments", segments)
        one.run_starts[FIRST + 5, track.name] -= back
    assert [stretch.run - FIRST for stretch in stretches(one, by_run(one))] == [5]
    assert len(periods(live_manifest(one, _reports(one)))) == 1
