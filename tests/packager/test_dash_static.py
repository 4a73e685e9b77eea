"""Manifests of assets: valid by the schema, exact by their timelines."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import msgspec
import pytest
from lxml import etree

from base.problems import Problem
from base.reports import TrackReport
from packager import describe, iframes
from packager.dash_static import number_manifest, on_demand_manifest, static_manifest
from packager.plan import make_plan
from packager.track_file import track_file
from tests.kit.golden import golden
from tests.packager.manifests import NS, templates, timeline, valid
from tests.packager.packed import Packed
from tests.packager.tracks import audio, index, video

FILMS = (
    "plain", "bframes", "ntsc", "irregular", "edit-list", "two-languages", "hevc-ac3", "av1-opus", "fragmented", "mp3",
    "silent",
)  # fmt: skip


@pytest.mark.rule("ISO/IEC 23009-1 5.3.1", "every manifest is valid by the schema")
@pytest.mark.parametrize("name", FILMS)
def test_static_manifests_are_valid(packed: Callable[..., Packed], name: str) -> None:
    valid(packed(name).manifest())


def test_golden_manifest() -> None:
    plan = make_plan(index(video(range(0, 250, 50), 250), audio(400, shift=-3 * 48000)), 2000)
    reports = [describe.of_plan(t, plan.target_duration) for t in plan.tracks]
    edition = plan.edition
    text = static_manifest("film", plan, reports, {"v1": "ab" * 8, "a1": "cd" * 8}).replace(edition, "edition")
    golden(__file__, "vod.mpd", text)


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


@pytest.mark.rule("ISO/IEC 23009-1 8.3", "an on-demand manifest names one file a track, its head and its index")
@pytest.mark.parametrize("name", FILMS)
def test_on_demand_manifests_say_where_head_and_index_lie(packed: Callable[..., Packed], name: str) -> None:
    asset = packed(name)
    mpd = valid(on_demand_manifest("film", asset.plan, asset.reports, asset.inits))
    assert mpd.get("profiles") == "urn:mpeg:dash:profile:isoff-on-demand:2011"
    for planned in asset.plan.tracks:
        track = planned.track.name
        (representation,) = (r for r in mpd.iter(f"{NS}Representation") if r.get("id") == track)
        assert representation.find(f"{NS}BaseURL").text == f"{asset.plan.edition}/{track}/track.mp4"
        base = representation.find(f"{NS}SegmentBase")
        file = track_file(planned, asset.inits[track])
        assert base.find(f"{NS}Initialization").get("range") == "{}-{}".format(*file.initialization)
        assert base.get("indexRange") == "{}-{}".format(*file.index)
        assert base.get("timescale") == str(planned.track.format.timescale)


@pytest.mark.rule("DASH-IF timing 9.2", "where sound ends a little before the picture, so does the Period")
def test_a_period_ends_with_the_track_that_ends_first() -> None:
    def lasts(frames: int) -> tuple[str, str]:
        plan = make_plan(index(video(range(0, 250, 50), 250), audio(frames)), 2000)  # the picture lasts 10 s
        reports = [describe.of_plan(t, plan.target_duration) for t in plan.tracks]
        mpd = valid(static_manifest("film", plan, reports, {"v1": "ab" * 8, "a1": "cd" * 8}))
        return mpd.get("mediaPresentationDuration"), mpd.find(f"{NS}Period").get("duration")

    assert lasts(468) == ("PT9.984S",) * 2
    assert lasts(469) == ("PT10S",) * 2  # 10.005 s of sound
    assert lasts(440) == ("PT10S",) * 2  # more than half a second would be lost


@pytest.mark.rule("ISO/IEC 23009-1 5.8.4", "colours of HDR are told as properties of the set")
@pytest.mark.parametrize(("cicp", "values"), [((9, 16, 9), ["9", "16", "9"]), ((1, 1, 1), []), ((), [])])
def test_colours(cicp: tuple[int, ...], values: list[str]) -> None:
    plan = make_plan(index(video(range(0, 250, 50), 250)), 2000)
    report = msgspec.structs.replace(describe.of_plan(plan.tracks[0], 2), cicp=cicp, label="HDR")
    mpd = valid(static_manifest("film", plan, [report], {"v1": "ab" * 8}))
    found = mpd.findall(f".//{NS}AdaptationSet/{NS}SupplementalProperty")
    assert [one.get("value") for one in found] == values
    assert all(one.get("schemeIdUri").startswith("urn:mpeg:mpegB:cicp:") for one in found)


def trick(asset: Packed) -> list[TrackReport]:
    tracks = zip(asset.plan.tracks, asset.reports, strict=True)
    return [iframes.report(asset.plan, planned, t) for planned, t in tracks if t.kind == "video"]


@pytest.mark.rule("DASH-IF IOP 4.3 3.2.9", "trick play is a set of its own, of pictures that depend on no other")
@pytest.mark.parametrize("name", ["bframes", "irregular", "hevc-ac3"])
def test_trick_play_is_a_set_beside_the_main_one(packed: Callable[..., Packed], name: str) -> None:
    asset = packed(name)
    mpd = valid(static_manifest("film", asset.plan, asset.reports, asset.generations, trick=trick(asset)))
    main, sound, alone = mpd.iter(f"{NS}AdaptationSet")
    (said,) = alone.findall(f"{NS}EssentialProperty")
    assert (said.get("schemeIdUri"), said.get("value")) == ("http://dashif.org/guidelines/trickmode", main.get("id"))
    assert alone.get("codingDependency") == "false" and int(alone.get("maxPlayoutRate")) >= 8
    assert sound.get("contentType") == "audio" and alone.find(f"{NS}Role") is None
    (representation,) = alone.iter(f"{NS}Representation")
    assert int(representation.get("bandwidth")) < int(main.find(f"{NS}Representation").get("bandwidth"))
    found = templates(mpd)
    assert timeline(found["v1-i"]) == timeline(found["v1"])
    assert found["v1-i"].get("media") == found["v1"].get("media").replace(".m4s", ".i.m4s")
    assert found["v1-i"].get("initialization") == found["v1"].get("initialization")


@pytest.mark.rule(
    "DASH-IF timing 18.4", "with one duration a segment begins within half of it of where its number says"
)
@pytest.mark.parametrize("name", ["plain", "bframes", "ntsc", "two-languages", "silent", "fragmented"])
def test_even_segments_are_counted_by_one_duration(packed: Callable[..., Packed], name: str) -> None:
    asset = packed(name)
    mpd = valid(number_manifest("film", asset.plan, asset.reports, asset.generations))
    lasts = float(mpd.find(f"{NS}Period").get("duration")[2:-1])
    for track, template in templates(mpd).items():
        planned = asset.track(track)
        assert template.find(f"{NS}SegmentTimeline") is None and template.get("startNumber") == "0"
        scale = int(template.get("timescale"))
        each, offset = (int(template.get(name)) / scale for name in ("duration", "presentationTimeOffset"))
        assert math.ceil(lasts / each - 1e-6) == asset.plan.count  # as many as a player counts
        for number, ticks in enumerate(planned.shown.tolist()):
            assert abs(ticks / planned.track.format.timescale - offset - number * each) <= each / 2


def test_uneven_segments_are_not(packed: Callable[..., Packed]) -> None:
    asset = packed("irregular")
    with pytest.raises(Problem, match=r"segment \d of v1 begins at .* use manifest.mpd") as refused:
        number_manifest("film", asset.plan, asset.reports, asset.generations)
    assert refused.value.kind.status == 404
    late = make_plan(index(video(range(0, 250, 50), 250), audio(300, shift=-4 * 48000)), 2000)
    with pytest.raises(Problem, match="a1 has nothing in some"):
        number_manifest("film", late, [describe.of_plan(t, 2) for t in late.tracks], {"v1": "ab" * 8, "a1": "cd" * 8})
