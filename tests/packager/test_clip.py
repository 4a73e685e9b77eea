"""Clips: cut at the same segments everywhere, under the names of the whole."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from xml.etree import ElementTree as ET

import m3u8
import pytest

from base.problems import Problem
from packager import clip, iframes
from packager.clip import Span
from packager.dash_static import static_manifest
from packager.plan import make_plan
from tests.packager.manifests import NS, templates, timeline, valid
from tests.packager.packed import Packed
from tests.packager.tracks import audio, index, video

PLAN = make_plan(index(video(range(0, 500, 50), 500), audio(938)), 2000)  # 20 s in segments of 2 s


def clipped(asset: Packed, cut: Span) -> str:
    return static_manifest("film", asset.plan, asset.reports, asset.generations, None, (), cut)


@pytest.mark.parametrize(
    ("start", "end", "first", "last", "offset"),
    [
        (-1, -1, 0, 9, 0),
        (4000, -1, 2, 9, 0),
        (3999, -1, 1, 9, 1.999),
        (4001, 8000, 2, 3, 0.001),
        (4000, 8001, 2, 4, 0),
        (4500, 4600, 2, 2, 0.5),
        (-1, 1, 0, 0, 0),
        (19_999, -1, 9, 9, 1.999),
        (5000, 999_999, 2, 9, 1),
    ],
)
def test_the_segments_that_hold_it(start: int, end: int, first: int, last: int, offset: float) -> None:
    found = clip.span(PLAN, start, end)
    assert (found.first, found.last) == (first, last)
    assert found.offset == Fraction(str(offset))
    assert found.begin == first * 2 and found.end == (last + 1) * 2 if last < 9 else PLAN.duration


def test_times_count_from_the_beginning_of_the_presentation() -> None:
    """Whatever the source's edit list has moved, or where its media time begins."""
    late = make_plan(index(video(range(0, 500, 50), 500, shift=-12800), audio(938, shift=-48000)), 2000)
    found = clip.span(late, 4000, 8000)
    assert (found.first, found.last, found.begin, found.offset) == (2, 3, 5, 0)


def test_what_lies_behind_the_end_is_refused() -> None:
    with pytest.raises(Problem, match=r"behind the end: this lasts 20\.\d+ s"):
        clip.span(PLAN, 21_000, -1)


@pytest.mark.rule("RFC 8216bis 4.4.3.2", "EXT-X-MEDIA-SEQUENCE is the number of the first segment that is listed")
@pytest.mark.rule("RFC 8216bis 4.4.2.2", "EXT-X-START says the instant within the first segment, exactly")
@pytest.mark.parametrize("name", ["bframes", "ntsc", "edit-list", "irregular"])
def test_a_media_playlist_lists_a_run_of_the_whole(packed: Callable[..., Packed], name: str) -> None:
    asset = packed(name)
    cut = clip.span(asset.plan, 2500, 5500)
    for planned in asset.plan.tracks:
        printed = [asset.media_playlist(planned.track.name)]
        if planned.track.format.kind == "video":
            printed.append(iframes.playlist(asset.plan, planned, "ab" * 8))
        for text in printed:
            whole, part = m3u8.loads(text), m3u8.loads(clip.media_playlist(text, cut))
            assert [(s.uri, s.duration) for s in part.segments] == [
                (s.uri, s.duration) for s in whole.segments[cut.first : cut.last + 1]
            ]
            assert part.media_sequence == cut.first and part.is_endlist and part.playlist_type == "vod"
            assert part.segment_map[0].uri == whole.segment_map[0].uri
            assert part.start.time_offset == pytest.approx(float(cut.offset)) and part.start.precise == "YES"
            assert part.target_duration == whole.target_duration


def test_a_track_that_has_nothing_there_is_unknown() -> None:
    whole = "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-GAP\n#EXTINF:2,\n0.m4s\n#EXTINF:2,\n1.m4s\n#EXT-X-ENDLIST\n"
    for first, last in ((0, 0), (2, 5)):
        with pytest.raises(Problem, match="nothing in this clip"):
            clip.media_playlist(whole, Span(first=first, last=last, begin=Fraction(0), end=Fraction(9)))
    found = clip.media_playlist(whole, Span(first=0, last=1, begin=Fraction(0), end=Fraction(9)))
    assert found.splitlines() == whole.splitlines()


@pytest.mark.rule("RFC 8216bis 4.4.4.4", "a key is in force until the next one, also where a clip begins after it")
def test_the_keys_in_force_are_said() -> None:
    lines = ["#EXTM3U", "#EXT-X-MEDIA-SEQUENCE:0", '#EXT-X-MAP:URI="i.mp4"', "#EXT-X-KEY:METHOD=NONE"]
    for number in range(6):
        if number % 2 == 0 and number:
            lines.append(f'#EXT-X-KEY:METHOD=AES-128,URI="{number}.key"')
        lines += ["#EXTINF:2,", f"{number}.m4s"]
    whole = "\n".join([*lines, "#EXT-X-ENDLIST"])
    for first, key in ((1, None), (2, "2.key"), (3, "2.key"), (5, "4.key")):
        cut = Span(first=first, last=5, begin=Fraction(0), end=Fraction(9))
        found = m3u8.loads(clip.media_playlist(whole, cut))
        assert [s.uri for s in found.segments] == [f"{n}.m4s" for n in range(first, 6)]
        assert found.segments[0].key.uri == key and found.segments[-1].key.uri == "4.key"


def test_the_query_is_handed_on(packed: Callable[..., Packed]) -> None:
    asset = packed("two-languages")
    cut = clip.span(asset.plan, 2500, -1)
    found = m3u8.loads(clip.multivariant(asset.multivariant(), "start=2.5&sig=k.00", cut))
    uris = [p.uri for p in found.playlists] + [m.uri for m in found.media]
    assert len(uris) == 3 and all(uri.endswith("/media.m3u8?start=2.5&sig=k.00") for uri in uris)
    assert found.start.time_offset == pytest.approx(0.5, abs=0.001)
    assert "EXT-X-START" not in clip.multivariant(asset.multivariant(), "tracks=v1", None)


@pytest.mark.rule("DASH-IF timing 9.2", "the segments of a clip cover its Period")
@pytest.mark.parametrize("name", ["bframes", "ntsc", "edit-list", "irregular", "two-languages"])
def test_a_period_holds_these_segments(packed: Callable[..., Packed], name: str) -> None:
    asset = packed(name)
    cut = clip.span(asset.plan, 2500, 5500)
    mpd = valid(clipped(asset, cut))
    period = mpd.find(f"{NS}Period")
    lasts = float(cut.end - cut.begin)
    assert float(period.get("duration")[2:-1]) == pytest.approx(lasts, abs=1e-5)
    assert mpd.get("mediaPresentationDuration") == period.get("duration")
    for planned in asset.plan.tracks:
        template = templates(mpd)[planned.track.name]
        rows = timeline(template)
        assert [row[0] for row in rows] == [n for n in asset.numbers(planned.track.name) if cut.first <= n <= cut.last]
        assert [row[1] for row in rows] == [int(planned.shown[row[0]]) for row in rows]
        scale = planned.track.format.timescale
        offset = int(template.get("presentationTimeOffset"))
        assert abs(offset / scale - float(cut.begin)) < 1 / scale
        one = 1024 / 44100 + 0.001 if planned.track.format.kind == "audio" else 0.001
        assert (rows[0][1] - offset) / scale < one and (rows[-1][1] + rows[-1][2] - offset) / scale > lasts - one


def test_lines_about_keys_are_no_playlists() -> None:
    line = '#EXT-X-SESSION-KEY:METHOD=SAMPLE-AES,URI="data:text/plain;base64,AAAA"'
    told = clip.multivariant(f'#EXTM3U\n{line}\n#EXT-X-MEDIA:URI="a.m3u8"\nv.m3u8\n', "start=4", None)
    assert told.splitlines() == ["#EXTM3U", line, '#EXT-X-MEDIA:URI="a.m3u8?start=4"', "v.m3u8?start=4"]


def test_a_set_without_a_timeline_or_without_segments_leaves() -> None:
    made = ET.fromstring(
        '<Period><AdaptationSet id="0"><Representation id="a"><SegmentTemplate startNumber="0" timescale="1">'
        '<SegmentTimeline><S t="0" d="2" r="4"/></SegmentTimeline></SegmentTemplate></Representation></AdaptationSet>'
        '<AdaptationSet id="1"><Representation id="b"><SegmentTemplate startNumber="0" duration="9"/></Representation>'
        '</AdaptationSet><AdaptationSet id="2"><Representation id="c"><SegmentTemplate startNumber="0" timescale="1">'
        '<SegmentTimeline><S t="0" d="2"/></SegmentTimeline></SegmentTemplate></Representation></AdaptationSet>'
        "</Period>"
    )
    clip.period(made, Span(first=2, last=3, begin=Fraction(4), end=Fraction(8)))
    assert [one.get("id") for one in made] == ["0"]
    (row,) = made.iter("S")
    assert row.attrib == {"t": "4", "d": "2", "r": "1"}
