"""Manifests: valid by the schema, exact by their timelines, and steady while the window slides."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from lxml import etree
from msgspec import structs

from packager import describe
from packager.dash import duration, live_manifest
from packager.live import LiveWindow
from packager.live_marks import LiveMark
from tests.kit.golden import golden
from tests.packager.live_windows import FIRST, window
from tests.packager.manifests import NS, templates, timeline, valid


def live(of: LiveWindow, label: str = "") -> str:
    reports = [
        describe.report(t.name, t.format, 100_000, 90_000, "25" if t.name == "v1" else "", label)
        for t in of.tracks.values()
    ]
    return live_manifest(of, reports)


@pytest.mark.parametrize("label", ["", "Main & <first>"])
@pytest.mark.parametrize("gaps", [(), (4, 5), (2, 6)])
def test_live_manifests_are_valid(gaps: tuple[int, ...], label: str) -> None:
    valid(live(window(gaps=gaps), label))


def test_golden_manifest() -> None:
    golden(__file__, "live-two-periods.mpd", live(window(first=2, gaps=(5,))))


@pytest.mark.rule(
    "ISO/IEC 23009-1 5.4.1", "a Period keeps its id, its start and its time offsets while the window slides"
)
def test_periods_are_steady_while_the_window_slides() -> None:
    seen: dict[str, set[tuple[str, ...]]] = {}
    starts = []
    for step in range(9):
        mpd = etree.fromstring(live(window(first=step, last=9 + step, gaps=(4, 5, 8))).encode())
        periods = mpd.findall(f"{NS}Period")
        starts.append([p.get("start") for p in periods])
        for period in periods:
            offsets = [t.get("presentationTimeOffset") for t in period.iter(f"{NS}SegmentTemplate")]
            seen.setdefault(period.get("id"), set()).add((period.get("start"), *offsets))
    assert set(seen) == {f"r{FIRST}", f"r{FIRST + 6}", f"r{FIRST + 9}"}
    assert all(len(said) == 1 for said in seen.values())
    assert [len(s) for s in starts] == [3, 3, 3, 3, 2, 2, 2, 2, 1]


def test_a_track_that_has_left_a_period_does_not_move_its_start() -> None:
    """The other track's last segment of the run has left the window a moment earlier."""
    one = window(first=3, gaps=(4,))
    before = etree.fromstring(live(one).encode()).find(f"{NS}Period").get("start")
    video_track = one.tracks["v1"]
    object.__setattr__(video_track, "segments", list(video_track.segments)[1:])
    one.run_starts[FIRST, "a1"] += 500  # audio began a frame later
    assert etree.fromstring(live(one).encode()).find(f"{NS}Period").get("start") == before


@pytest.mark.rule("ISO/IEC 23009-1 5.3.1", "a dynamic manifest has its epoch, its time of publication and a clock")
def test_what_a_live_manifest_says() -> None:
    mpd = etree.fromstring(live(window()).encode())
    assert mpd.get("type") == "dynamic" and mpd.get("availabilityStartTime") == "1970-01-01T00:00:00Z"
    assert mpd.get("publishTime") == "2023-11-14T22:13:40.002Z"
    assert mpd.find(f"{NS}UTCTiming").get("value") == "/time"
    rows = timeline(templates(mpd)["v1"])
    assert [row[0] for row in rows] == [FIRST + n for n in range(10)]  # the open segment is not there yet


@pytest.mark.rule("ISO/IEC 23009-1 5.3.1.2", "publishTime is later whenever the MPD says something else")
def test_each_change_is_published_later() -> None:
    """The segments of two tracks that end at one time are closed one after the other."""
    before, one, both = window(last=8), window(), window()
    sound = one.tracks["a1"]
    at = max(place for place, segment in enumerate(sound.segments) if segment.closed)
    object.__setattr__(sound, "segments", list(sound.segments)[:at])
    mark = LiveMark(
        id="34-1", kind="34", event=1, number=FIRST + 2, start=FIRST * 2_000_000 + 4_000_000, out=b"\xfc\x30"
    )
    begun = replace(both, marks=(mark,))
    over = replace(both, marks=(structs.replace(mark, end=mark.start + 6_000_000, back=b"\xfc\x31"),))
    windows = before, one, both, begun, over
    times = [etree.fromstring(live(each).encode()).get("publishTime") for each in windows]
    assert times == sorted(set(times)), times


def test_durations() -> None:
    assert [duration(Fraction(n)) for n in ("2", "0.5", "1/3", "3601.25")] == [
        "PT2S",
        "PT0.5S",
        "PT0.333333S",
        "PT3601.25S",
    ]
