"""What edit lists say of a track's beginning and end. Delays and several cuts: test_movie.py."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from base.problems import Problem
from packager.edits import Edit, trimmed
from packager.index import FileKey, build
from packager.movie import read_movie
from packager.plan import make_plan
from packager.segment import segment
from packager.tables import SAMPLE, Columns
from tests.kit.media import Films


def columns(step: int, offsets: list[int]) -> Columns:
    """One sample each `step`, composed so much later."""
    samples = np.zeros(len(offsets), SAMPLE)
    samples["dts"] = np.arange(len(offsets)) * step
    samples["cto"] = offsets
    return Columns(samples=samples, sync=np.arange(0, len(offsets), 4, dtype=np.uint32), last_duration=step)


@pytest.mark.rule("ISO/IEC 14496-12 8.6.6", "what begins at or after the end of an edit is not presented")
@pytest.mark.parametrize(
    ("end", "left"),
    [(None, 8), (8000, 8), (9000, 8), (7999, 8), (7001, 8), (7000, 7), (6500, 7), (6001, 7), (1, 1)],
)
def test_whole_samples_past_the_end_are_left_out(end: int | None, left: int) -> None:
    found = trimmed(columns(1000, [0] * 8), Edit(end=end))
    assert len(found.samples) == left and found.last_duration == 1000
    assert found.sync.tolist() == [at for at in (0, 4) if at < left]


def test_a_rounded_end_hides_and_shows_no_sample() -> None:
    """301 pictures of 29.97 a second end at 10.04337 s, of which movie time in ms makes 10.043 or 10.044."""
    film = columns(3003, [0] * 320)
    for ms in (10_043, 10_044):
        assert len(trimmed(film, Edit(end=ms * 90, tick=90)).samples) == 301, ms
    coarse = columns(3003, [0] * 300)
    assert len(trimmed(coarse, Edit(end=90_000 * 9, tick=90_000)).samples) == 300, "10.01 s in whole seconds"


def test_a_picture_that_others_are_decoded_after_stays() -> None:
    # decoded I0 P3 B1 B2 P6 B4 B5; the end is before P3 is shown
    film = columns(1000, [1000, 3000, 0, 0, 3000, 0, 0])
    found = trimmed(film, Edit(shift=1000, end=3000))
    assert len(found.samples) == 4 and found.last_duration == 1000


def test_an_end_before_all_is_refused() -> None:
    with pytest.raises(Problem, match="hides a whole track"):
        trimmed(columns(1000, [0] * 4), Edit(shift=-5000, end=4000))


@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=60), st.integers(-4, 64), st.integers(-3, 3), st.integers(1, 400)
)
def test_nothing_that_is_shown_is_lost(steps: list[int], end: int, shift: int, tick: int) -> None:
    film = columns(1000, [1000 * step for step in steps])
    edit = Edit(shift=1000 * shift, end=1000 * end, tick=tick)
    shown = film.samples["dts"] + film.samples["cto"] - edit.shift
    try:
        left = len(trimmed(film, edit).samples)
    except Problem:
        left = 0
    assert (shown[left:] >= 1000 * end).all(), "what is left out begins at or after the end"
    assert not left or shown[left - 1] < 1000 * end, "the last one that stays is presented"


def with_ends(data: bytes, movie_s: Fraction) -> bytes:
    """The film with the duration of each track's last edit cut to so many seconds."""
    made, at = bytearray(data), 0
    (scale,) = struct.unpack_from(">I", data, data.index(b"mvhd") + 16)
    while (at := made.find(b"elst", at + 4)) > 0:
        (count,) = struct.unpack_from(">I", made, at + 8)
        struct.pack_into(">I", made, at + 12 * count, round(movie_s * scale))
    return bytes(made)


def test_a_film_ends_where_its_edit_list_says(films: Films, tmp_path: Path) -> None:
    """FFmpeg, which knows edit lists as well, presents the same pictures."""
    data = with_ends(films("bframes").read_bytes(), Fraction(5))
    whole = read_movie(memoryview(films("bframes").read_bytes()))
    movie = read_movie(memoryview(data))
    plan = make_plan(build(movie, FileKey(0, 0, 0)), 2000)
    for track, before in zip(movie.tracks, whole.tracks, strict=True):
        samples = track.columns.samples
        assert len(samples) < len(before.columns.samples)
        shown = samples["dts"] + samples["cto"] - track.shift
        assert 0 <= 5 * track.format.timescale - int(shown.max()) <= 4 * int(samples["dts"][1])
    for planned in plan.tracks:
        assert int(planned.first[-1]) == len(planned.track.samples)
        assert sum(segment(planned, n).length for n in range(plan.count)) > 0
    path = tmp_path / "cut.mp4"
    path.write_bytes(data)
    with av.open(str(path)) as source:
        pictures = sum(1 for _ in source.decode(video=0))
    shown = movie.tracks[0].columns.samples["dts"] + movie.tracks[0].columns.samples["cto"] - movie.tracks[0].shift
    assert pictures == int((shown < 5 * movie.tracks[0].format.timescale).sum())
