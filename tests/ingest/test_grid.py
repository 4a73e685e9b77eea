from __future__ import annotations

import pytest

from base.problems import Problem
from ingest.grid import asked, checked, measured, without_video


@pytest.mark.parametrize(
    ("interval_ms", "frames", "segment_ms", "grid_ms"),
    [
        (2000, 50, 2000, 2000),
        (2000, 50, 4000, 4000),
        (1000, 25, 2000, 2000),
        (1000, 30, 2500, 3000),
        (2002, 60, 2000, 2002),  # 30000/1001
        (2001, 60, 2000, 2002),  # the same, rounded by the encoder
        (1667, 50, 2000, 3333),  # 50 frames at 30: twice 1666.67
        (4000, 100, 2000, 4000),
        (40, 1, 2000, 2000),  # every frame a keyframe
        (2340, 17, 2000, 2340),  # no known frame rate: as measured
    ],
)
def test_the_smallest_whole_multiple_that_is_long_enough(
    interval_ms: int, frames: int, segment_ms: int, grid_ms: int
) -> None:
    grid = measured(interval_ms, frames, segment_ms)
    assert (grid.grid_ms, grid.counted) == (grid_ms, False)


def test_too_long_a_gop_is_refused_with_the_setting_to_change() -> None:
    with pytest.raises(Problem, match="keyframe interval to 2 s") as refused:
        measured(10_400, 250, 2000)
    assert refused.value.kind.name == "unplayable"
    with pytest.raises(Problem, match="no keyframe in 11 s"):
        checked(measured(2000, 50, 2000), 11_000)


@pytest.mark.parametrize("interval_ms", [2000, 1999, 2001, 2040, 4000, 6001])
def test_rounding_and_lost_keyframes_are_regular(interval_ms: int) -> None:
    grid = measured(2000, 50, 2000)
    assert checked(grid, interval_ms) is grid


@pytest.mark.parametrize("interval_ms", [400, 1500, 2800])
def test_an_irregular_keyframe_turns_the_numbering_to_counted_for_good(interval_ms: int) -> None:
    grid = checked(measured(2000, 50, 2000), interval_ms)
    assert grid.counted
    assert "scene-cut" in grid.why
    assert checked(grid, 2000) is grid


def test_audio_alone_takes_the_wish() -> None:
    assert without_video(4000).grid_ms == 4000


def test_keyframes_on_demand_keep_the_wish() -> None:
    grid = asked(2000)
    assert (grid.grid_ms, grid.counted) == (2000, False)
    assert checked(grid, 300) is grid and checked(grid, 3700) is grid
    with pytest.raises(Problem, match="no keyframe in 11 s"):
        checked(grid, 11_000)
