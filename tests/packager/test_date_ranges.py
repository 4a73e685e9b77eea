"""Marks in HLS, as a reader of playlists and the product's own rules see them."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from fractions import Fraction

import m3u8
import pytest

from packager import clip, hls, iframes
from packager.date_ranges import EPOCH, date, marked
from packager.marks import Marks, parse
from tests.node.probe.test_media import of as findings
from tests.packager.packed import Packed

GIVEN = [
    {"id": "intro", "start": 0, "duration": 2.5, "kind": "chapter", "title": "Anfang, und mehr"},
    {"id": "break", "start": 4, "duration": 1, "kind": "ad", "values": {"COM-EXAMPLE-SLOT": 3, "COM-EXAMPLE-ID": "x"}},
    {"id": "end", "start": 7.25, "kind": "credits"},
]


def marks() -> Marks:
    return parse(json.dumps(GIVEN).encode(), Fraction(8))


def whole(packed: Packed, name: str = "v1") -> str:
    track = packed.plan.track(name)
    assert track is not None
    return hls.media_playlist(packed.plan, track, "abcdef12")


@pytest.mark.rule("RFC 8216bis 4.4.5.1", "ID and START-DATE, DURATION in seconds, X- attributes; with a program date")
def test_marks_are_date_ranges(packed: Callable[..., Packed]) -> None:
    text = marked(whole(packed("plain")), marks(), Fraction(0), Fraction(0), Fraction(8))
    lines = [line for line in text.splitlines() if "DATE" in line]
    assert lines == [
        "#EXT-X-PROGRAM-DATE-TIME:2000-01-01T00:00:00.000Z",
        '#EXT-X-DATERANGE:ID="intro",CLASS="chapter",START-DATE="2000-01-01T00:00:00.000Z",DURATION=2.5,'
        'X-TITLE="Anfang, und mehr"',
        '#EXT-X-DATERANGE:ID="break",CLASS="ad",START-DATE="2000-01-01T00:00:04.000Z",DURATION=1,'
        'X-COM-EXAMPLE-SLOT=3,X-COM-EXAMPLE-ID="x"',
        '#EXT-X-DATERANGE:ID="end",CLASS="credits",START-DATE="2000-01-01T00:00:07.250Z"',
    ]
    read = m3u8.loads(text)
    assert [one.id for one in read.segments[0].dateranges] == ["intro", "break", "end"]
    assert read.segments[0].program_date_time == EPOCH
    times = [one.current_program_date_time for one in read.segments]
    assert times[2] - times[0] == datetime.timedelta(seconds=4)
    assert findings(text) == []


@pytest.mark.rule("RFC 8216bis 6.2.4", "all renditions map dates to media alike, whichever marks they overlap")
def test_a_clip_has_the_marks_that_overlap_it(packed: Callable[..., Packed]) -> None:
    film = packed("plain")
    cut = clip.span(film.plan, 4500, 8000)
    begin, end = cut.begin - film.plan.origin, cut.end - film.plan.origin
    text = marked(clip.media_playlist(whole(film), cut), marks(), begin, begin, end)
    assert "#EXT-X-PROGRAM-DATE-TIME:2000-01-01T00:00:04.000Z" in text
    assert [one.id for one in m3u8.loads(text).segments[0].dateranges] == ["break", "end"]
    late = marked(whole(film), marks(), Fraction(5), Fraction(5), Fraction(7))
    assert "DATERANGE" not in late and "PROGRAM-DATE-TIME" in late


def test_without_marks_nothing_changes(packed: Callable[..., Packed]) -> None:
    text = whole(packed("plain"))
    assert marked(text, Marks(), Fraction(0), Fraction(0), Fraction(8)) == text


def test_i_frame_playlists_have_them_before_the_first_picture(packed: Callable[..., Packed]) -> None:
    film = packed("plain")
    text = iframes.playlist(film.plan, film.plan.tracks[0], "abcdef12")
    lines = marked(text, marks(), Fraction(0), Fraction(0), Fraction(8)).splitlines()
    assert lines.index("#EXT-X-PROGRAM-DATE-TIME:2000-01-01T00:00:00.000Z") < lines.index("#EXTINF:2,")


def test_dates_have_milliseconds_before_the_beginning_too() -> None:
    assert date(Fraction(3723, 1) + Fraction(1, 3)) == "2000-01-01T01:02:03.333Z"
    assert date(Fraction(-1024, 48000)) == "1999-12-31T23:59:59.979Z"
