"""Which sheets there are, and what players are told of them."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from fractions import Fraction

import m3u8
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from base.media import Format
from base.pictures import Layout, read_tiles
from packager import thumbnails
from packager.thumbnails import (
    Wish,
    best,
    cell_size,
    count,
    image_playlist,
    image_stream_inf,
    live_vtt,
    of_asset,
    times,
)
from tests.packager.live_windows import FIRST, window

WISH = Wish(interval_ms=10_000, columns=5, rows=5, width=160)


def video(width: int, height: int = 180) -> Format:
    return Format(kind="video", codec="avc1.64001f", timescale=90_000, entry=b"", width=width, height=height)


def cues(text: str) -> list[tuple[int, int, str]]:
    """Each cue's begin and end in ms, and what it shows."""
    assert text.startswith("WEBVTT\n\n")
    found = re.findall(r"^(\d{2,}):(\d\d):(\d\d)\.(\d{3}) --> (\d{2,}):(\d\d):(\d\d)\.(\d{3})\n(\S+)$", text, re.M)
    assert len(found) == text.count("-->")

    def ms(h: str, m: str, s: str, rest: str) -> int:
        return ((int(h) * 60 + int(m)) * 60 + int(s)) * 1000 + int(rest)

    return [(ms(*row[:4]), ms(*row[4:8]), row[8]) for row in found]


@pytest.mark.parametrize(
    ("width", "of", "size"),
    [
        (160, (1920, 1080), (160, 90)),
        (640, (320, 180), (320, 180)),
        (160, (1080, 1920), (160, 284)),
        (160, (9, 16), (9, 16)),
    ],
)
def test_a_cell_keeps_the_ratio_and_is_never_larger_than_the_picture(
    width: int, of: tuple[int, int], size: tuple[int, int]
) -> None:
    assert cell_size(video(*of), width) == size


def test_the_cheapest_track_that_is_wide_enough_is_taken() -> None:
    sound = Format(kind="audio", codec="mp4a.40.2", timescale=48_000, entry=b"")
    ladder = [("v1", video(1920)), ("v2", video(640)), ("v3", video(320)), ("a1", sound)]
    assert [best(ladder, width)[0] for width in (160, 320, 400, 4000)] == ["v3", "v3", "v2", "v1"]  # type: ignore[index]
    assert best(ladder[3:], 160) is None


@settings(deadline=None)
@given(
    st.fractions(Fraction(1, 100), 40_000),
    st.builds(Wish, interval_ms=st.integers(1, 600).map(lambda s: s * 1000), columns=st.integers(1, 20),
              rows=st.integers(1, 20), width=st.just(160)),
)  # fmt: skip
def test_the_cells_of_all_sheets_cover_an_asset_once(duration: Fraction, wish: Wish) -> None:
    sheets = of_asset("v1", video(320), duration, wish)
    layout = sheets.layout
    assert layout.interval_ms <= wish.interval_ms
    if duration * 1000 / layout.interval_ms > 2000:
        return  # long lists show no more
    found = [at for number in range(count(layout, duration)) for at in times(layout, number, duration)]
    assert found == list(range(0, found[-1] + 1, layout.interval_ms))
    assert found[-1] < duration * 1000 <= found[-1] + layout.interval_ms or found == [0]
    told = cues(thumbnails.vtt(sheets, duration))
    assert [begin for begin, _, _ in told] == found
    assert all(end == begin for (_, end, _), (begin, _, _) in itertools.pairwise(told))
    for place, (_, _, shown) in enumerate(told):
        file, _, area = shown.partition("#xywh=")
        x, y, w, h = map(int, area.split(","))
        assert read_tiles(file).number == place // layout.cells
        assert (y // h, x // w) == divmod(place % layout.cells, layout.columns)


def test_a_short_film_has_more_thumbnails() -> None:
    intervals = [of_asset("v1", video(320), Fraction(s), WISH).layout.interval_ms for s in (8, 150, 1000, 7200)]
    assert intervals == [1000, 2000, 10_000, 10_000]


def test_the_image_playlist_is_read_by_a_reader_that_knows_it() -> None:
    sheets = of_asset("v1", video(320), Fraction(601), WISH)
    playlist = m3u8.loads(image_playlist(sheets, Fraction(601)))
    assert playlist.is_images_only and playlist.is_endlist
    assert [segment.duration for segment in playlist.segments] == [175.0, 175.0, 175.0, 76.0]
    assert playlist.target_duration == 175
    assert [segment.uri for segment in playlist.segments] == [f"tiles-7000-5x5-160-{n}.jpg" for n in range(4)]
    assert [(tile["layout"], tile["duration"]) for tile in playlist.data["tiles"]] == [("5x5", 7)] * 4
    top = m3u8.loads("#EXTM3U\n" + image_stream_inf(sheets, "e1/v1/images.m3u8") + "\n")
    (listed,) = top.image_playlists
    assert listed.uri == "e1/v1/images.m3u8"
    assert listed.image_stream_info.resolution == (160, 90) and listed.image_stream_info.codecs == "jpeg"


@pytest.mark.rule("RFC 8216bis 4.4.3.1", "EXTINF of sheets, rounded, is at most the target duration")
@given(st.fractions(Fraction(1, 100), 40_000))
def test_sheets_fit_the_target_duration(duration: Fraction) -> None:
    playlist = m3u8.loads(image_playlist(of_asset("v1", video(320), duration, WISH), duration))
    assert all(int(segment.duration + 0.5) <= playlist.target_duration for segment in playlist.segments)
    assert sum(segment.duration for segment in playlist.segments) == pytest.approx(float(duration), abs=1e-3)


def test_a_live_cell_is_whole_segments_and_a_sheet_one_row() -> None:
    layouts = [thumbnails.of_channel("v1", video(320), grid, WISH).layout for grid in (2000, 4000, 12_000)]
    assert [(layout.interval_ms, layout.columns, layout.rows) for layout in layouts] == [
        (10_000, 5, 1), (8000, 5, 1), (12_000, 5, 1),
    ]  # fmt: skip


LIVE = Layout(4000, 3, 1, 160)  # cells of two segments, sheets of 12 s
START = FIRST * 2000


def sheets_of(**what: object) -> list[tuple[int, int, int]]:
    """(run, number, start) of the whole sheets of a window, from FIRST on."""
    made = window(**what)  # type: ignore[arg-type]
    found = thumbnails.whole_sheets(LIVE, made.tracks["v1"], made)
    return [(sheet.tiles.run - FIRST, sheet.tiles.number, sheet.start_ms - START) for sheet in found]


def test_a_live_sheet_is_there_when_its_span_is() -> None:
    assert sheets_of(last=4) == []
    assert sheets_of(last=5) == [(0, 0, 0)]
    assert sheets_of(last=10) == [(0, 0, 0)]
    assert sheets_of(last=11) == [(0, 0, 0), (0, 1, 12_000)]


def test_a_live_sheet_goes_with_its_first_cell() -> None:
    assert sheets_of(first=1, last=11) == [(0, 1, 12_000)]
    assert sheets_of(first=6, last=11) == [(0, 1, 12_000)]
    assert sheets_of(first=7, last=12) == []


def test_numbers_count_from_the_beginning_of_each_run() -> None:
    """Segments 7 and 8 are missing: the first run's last sheet ends early, the second begins at segment 9."""
    assert sheets_of(last=9, gaps=(7, 8)) == [(0, 0, 0), (0, 1, 12_000)]
    assert sheets_of(last=14, gaps=(7, 8)) == [(0, 0, 0), (0, 1, 12_000), (9, 0, 18_000)]


@pytest.mark.parametrize("first", range(0, 14))
@pytest.mark.parametrize("gaps", [(), (7, 8), (3,)])
def test_the_cues_of_a_window_follow_one_another_and_stay(first: int, gaps: tuple[int, ...]) -> None:
    now = window(first=first, last=20, gaps=gaps)
    sheets = replace(thumbnails.of_channel("v1", video(320), 2000, WISH), layout=LIVE)
    told = cues(live_vtt(sheets, now.tracks["v1"], now))
    assert told[-1][1] == START + 21 * 2000
    for (begin, end, _), (following, _, _) in itertools.pairwise(told):
        assert begin < end <= following
    later = window(first=first + 1, last=21, gaps=gaps)
    again = {begin: shown for begin, _, shown in cues(live_vtt(sheets, later.tracks["v1"], later))}
    for begin, _, shown in told:
        if begin in again and shown.startswith("tiles") and again[begin].startswith("tiles"):
            assert again[begin] == shown, "what a sheet shows stays where it is"


def test_a_time_stands_for_the_segment_it_lies_in() -> None:
    track = window(first=2, last=9, gaps=(5,)).tracks["v1"]
    numbers = {
        ms: found.number - FIRST if (found := thumbnails.segment_at(track, START + ms)) else None
        for ms in (3999, 4000, 5999, 6000, 10_500, 12_000, 19_999, 20_500)
    }
    assert numbers == {3999: None, 4000: 2, 5999: 2, 6000: 3, 10_500: 4, 12_000: 6, 19_999: 9, 20_500: None}
