"""Whether a player may switch: the verdict, and the place where it fails."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from base.reports import Alignment
from packager.alignment import lines_of
from packager.index import IndexTrack
from packager.plan import make_plan
from tests.packager.tracks import audio, index, video

FIRST = video(range(0, 250, 50), 250)


def formatted(track: IndexTrack, **changed: object) -> IndexTrack:
    return replace(track, format=replace(track.format, **changed))  # type: ignore[arg-type]


def judged(*tracks: IndexTrack) -> tuple[Alignment, ...]:
    return make_plan(index(*tracks), 2000).alignments


def test_a_ladder_whose_keyframes_meet_is_switchable() -> None:
    small = formatted(video(range(0, 250, 50), 250, name="v2"), width=160, height=90)
    half = video(range(0, 125, 25), 125, name="v3", step=1024)  # every other picture
    other = video(range(0, 250, 50), 250, name="v4", step=3600, scale=90000)
    assert judged(FIRST, small, half, other, audio(469)) == tuple(
        Alignment(track=name, switchable=True) for name in ("v2", "v3", "v4")
    )


@pytest.mark.parametrize(
    ("second", "because"),
    [
        (video([0, 50, 110, 150, 200], 250), "none at 4.000 s, the nearest is at 4.400 s"),
        (video([0, 50, 100, 151, 200], 250), "none at 6.000 s, the nearest is at 6.040 s"),
        (video([0, 50], 90), "none at 4.000 s, the nearest is at 2.000 s"),
        (video([], 250), "it has no keyframe"),
        (video(range(0, 250, 50), 250, shift=-1280), "none at 0.000 s, the nearest is at 0.100 s"),
        (formatted(FIRST, codec="hvc1.1.6.L93"), "its codec is hvc1, that of v1 is avc1"),
        (formatted(FIRST, width=240), "its picture is 240x180, that of v1 320x180"),
        (video(range(0, 300, 60), 300, step=3000, scale=90000), "30 pictures a second, v1 has 25"),
        (video(range(0, 250, 50), 220), "it ends at 8.800 s, v1 at 10.000 s"),
    ],
)
def test_why_a_rendition_is_not_switchable(second: IndexTrack, because: str) -> None:
    (found,) = judged(FIRST, replace(second, name="v2"))
    assert found.track == "v2" and not found.switchable
    assert because in found.because


def test_a_rendition_that_starts_later_in_its_file_is_moved_by_its_edit_list_exactly() -> None:
    # 30000/1001 in 90000 and in 30000 ticks, one delayed by an edit of three frames
    keys = range(0, 240, 60)
    one = video(keys, 240, scale=30000, step=1001)
    two = video(keys, 240, name="v2", scale=90000, step=3003, start=9009, shift=9009)
    plan = make_plan(index(one, two), 2000)
    assert plan.alignments == (Alignment(track="v2", switchable=True),)
    assert [t.first.tolist() for t in plan.tracks] == [[0, 60, 120, 180, 240]] * 2


def test_sound_that_is_not_in_time_is_said() -> None:
    (found,) = judged(FIRST, audio(100, shift=-2 * 48000))
    assert found.switchable and found.track == "a1"
    assert found.because == "it begins at 2.000 s, the picture at 0.000 s and ends at 4.133 s, the picture at 10.000 s"
    assert judged(FIRST, audio(469)) == ()


@given(
    ticks=st.lists(st.integers(-(10**16), 10**16), min_size=1, max_size=5),
    scale=st.integers(1, 10**9),
    timescale=st.integers(1, 10**9),
)
def test_lines_are_the_first_tick_at_or_after(ticks: list[int], scale: int, timescale: int) -> None:
    found = lines_of(np.array(ticks, np.int64), scale, timescale)
    for tick, line in zip(ticks, found.tolist(), strict=True):
        exact = Fraction(tick * timescale, scale)
        assert line == max(-1 << 61, min(-(-exact.numerator // exact.denominator), 1 << 61))


def test_the_note_of_a_track_that_was_left_out_says_where() -> None:
    plan = make_plan(index(FIRST, video([0, 50, 110, 150, 200], 250, name="v2")), 2000)
    (note,) = plan.notes
    assert re.fullmatch(
        r"video track v2 was left out: its keyframes .* none at 4\.000 s, the nearest .* 4\.400 s", note
    )
