"""Manifests: valid by the schema, exact by their timelines, and steady while the window slides."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from fractions import Fraction
from functools import cache

import pytest
from lxml import etree

from packager import describe
from packager.dash import duration, live_manifest, static_manifest
from packager.live import LiveWindow
from packager.plan import make_plan
from tests.kit.golden import golden
from tests.kit.optional import shared_media
from tests.packager.live_windows import FIRST, window
from tests.packager.packed import Packed
from tests.packager.tracks import audio, index, video

NS = "{urn:mpeg:dash:schema:mpd:2011}"
FILMS = (
    "plain", "bframes", "ntsc", "irregular", "edit-list", "two-languages", "hevc-ac3", "av1-opus", "fragmented", "mp3",
    "silent",
)  # fmt: skip
XLINK = b"""<schema xmlns="http://www.w3.org/2001/XMLSchema" targetNamespace="http://www.w3.org/1999/xlink">
<attribute name="type"/><attribute name="href"/><attribute name="show"/><attribute name="actuate"/></schema>"""


class Local(etree.Resolver):
    """The schema's imports without the network."""

    def resolve(self, url: str, public_id: str, context: object) -> object:
        return self.resolve_string(XLINK, context) if "xlink" in url else None


@cache
def schema() -> etree.XMLSchema:
    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(Local())
    return etree.XMLSchema(etree.parse(str(shared_media("schema/DASH-MPD.xsd")), parser))


def valid(text: str) -> etree._Element:
    mpd = etree.fromstring(text.encode())
    schema().assertValid(mpd)
    return mpd


def live(of: LiveWindow, label: str = "") -> str:
    reports = [
        describe.report(t.name, t.format, 100_000, 90_000, "25" if t.name == "v1" else "", label)
        for t in of.tracks.values()
    ]
    return live_manifest(of, reports)


def timeline(template: etree._Element) -> list[tuple[int, int, int]]:
    """(number, start, duration) of every segment."""
    found, number, at = [], int(template.get("startNumber")), 0
    for s in template.iter(f"{NS}S"):
        at, number = int(s.get("t", at)), int(s.get("n", number))
        for _ in range(1 + int(s.get("r", "0"))):
            found.append((number, at, int(s.get("d"))))
            at, number = at + int(s.get("d")), number + 1
    return found


def templates(mpd: etree._Element) -> dict[str, etree._Element]:
    return {r.get("id"): r.find(f"{NS}SegmentTemplate") for r in mpd.iter(f"{NS}Representation")}


@pytest.mark.rule("ISO/IEC 23009-1 5.3.1", "every manifest is valid by the schema")
@pytest.mark.parametrize("name", FILMS)
def test_static_manifests_are_valid(packed: Callable[..., Packed], name: str) -> None:
    valid(packed(name).manifest())


@pytest.mark.parametrize("label", ["", "Main & <first>"])
@pytest.mark.parametrize("gaps", [(), (4, 5), (2, 6)])
def test_live_manifests_are_valid(gaps: tuple[int, ...], label: str) -> None:
    valid(live(window(gaps=gaps), label))


def test_golden_manifests() -> None:
    plan = make_plan(index(video(range(0, 250, 50), 250), audio(400, shift=-3 * 48000)), 2000)
    reports = [describe.of_plan(t, plan.target_duration) for t in plan.tracks]
    edition = plan.edition
    text = static_manifest("film", plan, reports, {"v1": "ab" * 8, "a1": "cd" * 8}).replace(edition, "edition")
    golden(__file__, "vod.mpd", text)
    golden(__file__, "live-two-periods.mpd", live(window(first=2, gaps=(5,))))


@pytest.mark.rule(
    "ISO/IEC 23009-1 5.3.9.6", "each S is the time at which its segment is first shown, and how long it lasts"
)
@pytest.mark.parametrize("name", FILMS)
def test_timelines_are_exact(packed: Callable[..., Packed], name: str) -> None:
    asset = packed(name)
    found = templates(etree.fromstring(asset.manifest().encode()))
    for planned in asset.plan.tracks:
        track = planned.track.name
        rows = timeline(found[track])
        assert [row[0] for row in rows] == asset.numbers(track)
        assert [row[1] for row in rows] == [int(planned.shown[n]) for n in asset.numbers(track)]
        assert all(b[1] == a[1] + a[2] for a, b in itertools.pairwise(rows))  # no gap, no overlap
        assert int(found[track].get("timescale")) == planned.track.format.timescale


def test_a_hole_in_the_audio_keeps_the_numbers() -> None:
    track = audio(0, durations=[1024] * 100 + [6 * 48000] + [1024] * 100)
    plan = make_plan(index(video(range(0, 500, 50), 500), track), 2000)
    reports = [describe.of_plan(t, plan.target_duration) for t in plan.tracks]
    mpd = etree.fromstring(static_manifest("film", plan, reports, {"v1": "ab" * 8, "a1": "cd" * 8}).encode())
    first = plan.tracks[1].first
    assert [row[0] for row in timeline(templates(mpd)["a1"])] == [
        n for n in range(plan.count) if first[n + 1] > first[n]
    ]


def test_an_asset_that_begins_late_is_shown_at_once() -> None:
    plan = make_plan(index(video(range(0, 250, 50), 250, shift=-12800), audio(469, shift=-48000)), 2000)
    reports = [describe.of_plan(t, plan.target_duration) for t in plan.tracks]
    found = templates(
        etree.fromstring(static_manifest("film", plan, reports, {"v1": "ab" * 8, "a1": "cd" * 8}).encode())
    )
    assert {name: t.get("presentationTimeOffset") for name, t in found.items()} == {"v1": "12800", "a1": "48000"}


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
    assert mpd.get("publishTime") == "2023-11-14T22:13:40Z"
    assert mpd.find(f"{NS}UTCTiming").get("value") == "/time"
    rows = timeline(templates(mpd)["v1"])
    assert [row[0] for row in rows] == [FIRST + n for n in range(10)]  # the open segment is not there yet


def test_durations() -> None:
    assert [duration(Fraction(n)) for n in ("2", "0.5", "1/3", "3601.25")] == [
        "PT2S",
        "PT0.5S",
        "PT0.333333S",
        "PT3601.25S",
    ]
