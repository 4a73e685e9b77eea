"""Stretches of a window: which segments, where players begin, and when nothing is added any more."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import m3u8
import pytest
from lxml import etree

from base.problems import Problem
from packager import describe, hls_live
from packager.dash import live_manifest
from packager.live_clip import LiveClip, cut, listed_for_ms, newest_ms
from tests.packager.live_windows import FIRST, window
from tests.packager.manifests import NS, templates, timeline, valid

BEGIN = FIRST * 2000  # ms


def numbers(clip: LiveClip, track: str = "v1") -> list[int]:
    return [s.number - FIRST for s in clip.window.tracks[track].segments]


def at(start: float | None, end: float | None, *, now: float = 21.0, strict: bool = True) -> LiveClip:
    """Seconds after the first segment of the window, which has whole ones up to 20 s and an open one."""
    begin, stop = (-1 if when is None else BEGIN + round(when * 1000) for when in (start, end))
    return cut(window(), begin, stop, BEGIN + round(now * 1000), query="q", strict=strict)


def test_the_segments_that_hold_the_instants() -> None:
    clip = at(5.5, 12)
    assert numbers(clip) == numbers(clip, "a1") == [2, 3, 4, 5]
    assert clip.offset == Fraction(3, 2) and clip.over
    assert numbers(at(4, 4.001)) == [2] and at(4, 4.001).offset == 0
    assert numbers(at(None, 3)) == [0, 1] and at(None, 3).offset is None
    assert numbers(at(13, None)) == [6, 7, 8, 9, 10] and not at(13, None).over
    assert newest_ms(window()) == BEGIN + 20_000 and listed_for_ms(at(4, 8), window()) == 44_000


def test_an_end_that_is_still_to_come() -> None:
    assert not at(15, 20.5).over  # its segment is open
    assert not at(15, 40).over
    assert at(15, 20).over
    assert not at(15, 40, now=101).over  # media comes, by a clock that is behind
    one = cut(window(live=False, open_parts=0), BEGIN, BEGIN + 40_000, BEGIN + 101_000)
    assert one.over and numbers(one) == list(range(10))  # nothing came
    assert not cut(window(live=False, open_parts=0), BEGIN, BEGIN + 40_000, BEGIN + 99_000).over


def test_what_cannot_be_had() -> None:
    for start, end, kind, says in (
        (-1, 5, "gone", "begins 2023-11-14T22:13:20Z"),
        (None, 0, "gone", "begins"),
        (20, None, "early", "the newest ends"),
        (-1, None, "gone", "ask for a later start"),
    ):
        with pytest.raises(Problem, match=says) as refused:
            at(start, end)
        assert refused.value.kind.name == kind
    clip = at(-1, None, strict=False)  # who plays on gets what is left
    assert numbers(clip) == list(range(11)) and clip.offset is None
    with pytest.raises(Problem, match="sent nothing"):
        cut(window(gaps=(4, 5)), BEGIN + 8000, BEGIN + 12_000, BEGIN)


def test_a_start_in_a_hole_begins_after_it() -> None:
    one = window()
    segments = [
        replace(s, duration=s.duration // 10) if s.number - FIRST == 3 else s for s in one.tracks["v1"].segments
    ]
    object.__setattr__(one.tracks["v1"], "segments", segments)
    clip = cut(one, BEGIN + 6500, -1, BEGIN)
    assert numbers(clip)[0] == 4 and clip.offset == 0


@pytest.mark.rule("RFC 8216bis 4.4.3.5", "a stretch that is over is a VOD playlist with an end")
def test_a_playlist_of_a_stretch_that_is_over() -> None:
    text = hls_live.media_playlist((clip := at(5.5, 12)).window, "v1", clip=clip)
    read = m3u8.loads(text)
    assert read.playlist_type == "vod" and read.is_endlist and read.media_sequence == FIRST + 2
    assert [segment.uri for segment in read.segments] == [f"{FIRST + n}.m4s" for n in (2, 3, 4, 5)]
    assert read.segments[0].init_section is not None
    assert "#EXT-X-START:TIME-OFFSET=1.5,PRECISE=YES" in text
    for tag in ("PART", "SERVER-CONTROL", "PRELOAD-HINT", "RENDITION-REPORT", "SKIP"):
        assert f"#EXT-X-{tag}" not in text


@pytest.mark.rule("RFC 8216bis 4.4.3.5", "what goes on promises no type: its beginning leaves when the window slides")
@pytest.mark.rule("RFC 8216bis 6.2.5.1", "delta updates of a stretch count from its own beginning")
def test_a_playlist_that_goes_on() -> None:
    long = window(last=29)
    clip = cut(long, BEGIN + 9000, -1, BEGIN, query="start=9")
    full = hls_live.media_playlist(clip.window, "v1", clip=clip)
    delta = hls_live.media_playlist(clip.window, "v1", skip=True, clip=clip)
    assert f"#EXT-X-MEDIA-SEQUENCE:{FIRST + 4}\n" in full and "PLAYLIST-TYPE" not in full and "ENDLIST" not in full
    assert "#EXT-X-START:TIME-OFFSET=1,PRECISE=YES" in full
    assert 'URI="../a1/media.m3u8?start=9",LAST-MSN=' in full
    assert f"SKIPPED-SEGMENTS={30 - 4 - 6}" in delta and full.endswith(delta[delta.index(f"{FIRST + 26}.m4s") :])


def mpd(clip: LiveClip) -> etree._Element:
    reports = [describe.report(t.name, t.format, 100_000, 90_000) for t in clip.window.tracks.values()]
    text = live_manifest(clip.window, reports, clip=clip)
    valid(text)
    return etree.fromstring(text.encode())


@pytest.mark.rule("ISO/IEC 23009-1 5.3.1.2", "a stretch that is over is a static MPD from 0 on, with its duration")
def test_a_manifest_of_a_stretch_that_is_over() -> None:
    found = mpd(at(5.5, 12))
    assert found.get("type") == "static" and found.get("mediaPresentationDuration") == "PT8S"
    assert found.get("availabilityStartTime") is None and found.find(f"{NS}UTCTiming") is None
    (period,) = found.findall(f"{NS}Period")
    assert (period.get("start"), period.get("duration")) == ("PT0S", "PT8S")
    rows = timeline(templates(found)["v1"])
    assert [row[0] - FIRST for row in rows] == [2, 3, 4, 5]
    assert templates(found)["v1"].get("presentationTimeOffset") == str(rows[0][1])


def test_periods_of_a_film_follow_one_another() -> None:
    clip = cut(window(gaps=(4, 5)), BEGIN + 4000, BEGIN + 16_000, BEGIN)
    periods = mpd(clip).findall(f"{NS}Period")
    assert [(p.get("start"), p.get("duration")) for p in periods] == [("PT0S", "PT4S"), ("PT4S", "PT4S")]


def test_a_manifest_that_goes_on_is_asked_for_again_by_its_time() -> None:
    clip = at(5.5, None)
    found = mpd(clip)
    assert found.get("type") == "dynamic" and found.find(f"{NS}Location").text == "manifest.mpd?q"
    assert timeline(templates(found)["v1"])[0][0] == FIRST + 2


def test_a_long_playlist_is_put_together_from_what_was_printed_before() -> None:
    """The same octets whether its blocks were known or not, and whatever the window has lost at its beginning."""
    for first in (0, 1, 250, 700):
        one = window(first=first, last=1500, gaps=(600, 601))
        cold = hls_live.media_playlist(one, "v1")
        assert one.tracks["v1"].lines
        assert hls_live.media_playlist(one, "v1") == cold
        plain = "\n".join(
            line
            for at in range(len(one.tracks["v1"].segments))
            for line in hls_live._segment_lines(
                one.tracks["v1"].segments[at],
                one.tracks["v1"].format.timescale,
                one.tracks["v1"].segments[at - 1].init if at else "",
                with_parts=at > len(one.tracks["v1"].segments) - 5,
            )
        )
        assert plain in cold
    hls_live.forget(lines := one.tracks["v1"].lines, FIRST + 1200)
    assert min(lines) == (FIRST + 1200) // 256


def test_what_was_printed_is_forgotten_while_others_print() -> None:
    lines: dict[int, str] = {}

    class Printing(int):
        def __add__(self, other: int) -> int:  # as if a thread had its turn here
            lines[900 + len(lines)] = "printed meanwhile"
            return int(self) + other

    lines |= {Printing(at): "" for at in range(3)}
    hls_live.forget(lines, 2 * 256)
    assert {int(block) for block in lines if block < 900} == {2}
