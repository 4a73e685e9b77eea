from __future__ import annotations

import os
import zlib
from pathlib import Path

import pytest

from origin import disk
from origin.runs import Run
from origin.track import Track, drop_segments, read_part
from origin.window import TrackWindow
from packager.fragments import read_chunk
from packager.movie import read_init
from tests.kit.live_media import ASC_44100, Studio


@pytest.fixture
def studio() -> Studio:
    return Studio(tracks=("v1",))


@pytest.fixture
def track(tmp_path: Path, studio: Studio) -> Track:
    made = Track(name="v1", folder=tmp_path, window=TrackWindow(scale=90_000, span_s=60, grid_ms=1000))
    made.inits[studio.generations["v1"]] = studio.formats["v1"]
    return made


def take(track: Track, studio: Studio, ms: int) -> bytes:
    """Parts of the first segment, stored as a channel stores them."""
    parts = studio.run(ms)
    for part in parts:
        chunk = read_chunk(part.body)
        if not part.part:
            track.begin(number=part.number, start=chunk.pts, init=part.note.init, run=Run(part.number, 0))
        segment = track.window.segments[-1]
        disk.write_at(track.path(segment), part.body, segment.size)
        track.grow(chunk, part.body)
    return b"".join(part.body for part in parts)


def test_files_bear_what_a_restart_has_to_know(track: Track, studio: Studio) -> None:
    body = take(track, studio, 900)
    opened = track.open
    assert (
        opened is not None
        and track.path(opened).name == f"{opened.number}.open-{studio.generations['v1']}-r{opened.number}"
    )
    assert track.path(opened).read_bytes() == body and track.checksum == zlib.crc32(body)
    closed = track.window.close()
    assert track.open is None and track.path(closed).name == f"{closed.number}.m4s"


def test_a_part_is_found_before_and_after_its_file_is_renamed(track: Track, studio: Studio) -> None:
    body = take(track, studio, 900)
    opened = track.open
    assert opened is not None
    first, second = track.place(opened.number, 0), track.place(opened.number, 1)
    assert first is not None and second is not None
    assert read_part(*first) + read_part(*second) == body[: first[2] + second[2]]
    os.replace(track.path(opened), track.folder / f"{opened.number}.m4s")
    assert read_part(*second) == body[first[2] : first[2] + second[2]]
    assert track.place(opened.number, 9) is None and track.place(opened.number + 1, 0) is None


def test_a_part_whose_file_has_left_is_missing(tmp_path: Path) -> None:
    for name in ("5.m4s", "5.open-aabbccdd-r5"):
        with pytest.raises(FileNotFoundError):
            read_part(tmp_path / name, 0, 10)


def test_the_last_part_is_listed_with_the_whole_segment(track: Track, studio: Studio) -> None:
    take(track, studio, 970)
    before = track.listed()
    last = studio.run(100)[0]
    assert last.note.last
    track.grow(read_chunk(last.body), last.body, last=True)
    assert track.listed() == before and track.open is not None
    track.close()
    (whole,) = track.listed()
    assert whole.closed and len(whole.parts) == len(before[0].parts) + 1


def test_a_segment_of_one_part_is_listed_when_it_is_whole(track: Track, studio: Studio) -> None:
    part = studio.run(500)[0]
    chunk = read_chunk(part.body)
    track.begin(number=5, start=chunk.pts, init=part.note.init, run=Run(5, 0))
    track.grow(chunk, part.body, last=True)
    assert track.listed() == []
    track.close()
    assert [s.number for s in track.listed()] == [5]


def test_another_timescale_starts_the_window_anew(tmp_path: Path) -> None:
    first, second = Studio(tracks=("a1",)), Studio(tracks=("a1",), asc=ASC_44100)
    track = Track(name="a1", folder=tmp_path, window=TrackWindow(scale=48_000, span_s=60, grid_ms=1000))
    for studio in (first, second):
        track.inits[studio.generations["a1"]] = read_init(memoryview(studio.inits["a1"]))
    track.begin(number=5, start=0, init=first.generations["a1"], run=Run(5, 0))
    track.window.close()
    track.begin(number=6, start=0, init=second.generations["a1"], run=Run(6, 1))
    assert track.window.scale == 44_100
    assert [(s.number, s.discontinuity, s.breaks) for s in track.window.segments] == [(6, True, 1)]


def test_only_old_segments_below_the_first_are_dropped(tmp_path: Path) -> None:
    for name in ("3.m4s", "4.m4s", "5.m4s", "6.m4s", "4.open-aabbccdd-r4", "init-aabbccdd.mp4", "x.m4s"):
        (tmp_path / name).write_bytes(b"")
        os.utime(tmp_path / name, (1000, 1000))
    os.utime(tmp_path / "4.m4s", (2000, 2000))
    assert drop_segments(tmp_path, 6, before_ms=1_500_000) in ([3, 5], [5, 3])
    assert sorted(os.listdir(tmp_path)) == ["4.m4s", "4.open-aabbccdd-r4", "6.m4s", "init-aabbccdd.mp4", "x.m4s"]
    assert drop_segments(tmp_path / "away", 6, before_ms=1_500_000) == []
