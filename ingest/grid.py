"""The grid of a publishing session: how long segments are, and whether their numbers follow the wall clock.

What a publisher is measured by is its first keyframe interval. Segments are the smallest whole multiple of it that is
not shorter than the channel's wish, so that every cell of the grid has exactly one segment (docs/architecture.md).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from base.problems import Problem

MAX_INTERVAL_MS = 10_000
# A keyframe this far from where it is due is irregular: more than rounding to ms and one lost frame can do.
_TOLERANCE = 0.05
_LEAST_TOLERANCE_MS = 45
# Frame rates that encoders use, as (frames, ms): a measured GOP of N frames is snapped to N whole frames.
_RATES = (
    *((24_000, 1_001_000), (30_000, 1_001_000), (60_000, 1_001_000)),
    *((rate, 1000) for rate in (5, 10, 12, 15, 20, 24, 25, 30, 48, 50, 60, 100, 120)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """`interval_ms` between keyframes (0: no video), `frame_ms` between pictures. `why`: what made it counted.

    `asked`: each cell has a keyframe that was asked for, somewhere in it.
    """

    grid_ms: int
    interval_ms: float
    frame_ms: float = 0
    counted: bool = False
    why: str = ""
    asked: bool = False


def without_video(segment_ms: int) -> Grid:
    """Every audio frame may begin a segment: the wish itself is the grid."""
    return Grid(grid_ms=segment_ms, interval_ms=0)


def asked(segment_ms: int) -> Grid:
    """Keyframes are made on demand, one a cell: the wish itself is the grid, and they may jitter within their cells."""
    return Grid(grid_ms=segment_ms, interval_ms=segment_ms, asked=True)


def measured(interval_ms: int, frames: int, segment_ms: int) -> Grid:
    """The grid for a GOP of `frames` frames that took `interval_ms`. Raises Problem unplayable if it is too long."""
    if interval_ms > MAX_INTERVAL_MS:
        raise too_long(interval_ms)
    exact = _snapped(interval_ms, frames)
    times = max(1, -int(-(segment_ms - 1) // exact))
    return Grid(grid_ms=round(times * exact), interval_ms=exact, frame_ms=exact / max(frames, 1))


def checked(grid: Grid, interval_ms: int) -> Grid:
    """The grid after a further keyframe, `interval_ms` after the one before: counted from the first irregular one."""
    if interval_ms > MAX_INTERVAL_MS:
        raise too_long(interval_ms)
    if grid.counted or grid.asked:
        return grid
    times = max(1, round(interval_ms / grid.interval_ms))
    if abs(interval_ms - times * grid.interval_ms) <= max(_LEAST_TOLERANCE_MS, _TOLERANCE * grid.interval_ms):
        return grid
    why = (
        f"keyframes are irregular ({interval_ms} ms after {grid.interval_ms:.0f} ms): "
        "set a fixed keyframe interval and switch scene-cut detection off"
    )
    return replace(grid, counted=True, why=why)


def too_long(interval_ms: int) -> Problem:
    return Problem(
        "unplayable",
        f"no keyframe in {interval_ms / 1000:.0f} s: set the encoder's keyframe interval to 2 s (closed GOP)",
    )


def _snapped(interval_ms: int, frames: int) -> float:
    """Timestamps are whole ms: 60 frames of 30000/1001 per second that took 2002 ms took 2002.0."""
    candidates = [frames * ms / count for count, ms in _RATES]
    nearest = min(candidates, key=lambda exact: abs(exact - interval_ms))
    return nearest if abs(nearest - interval_ms) <= 1 else float(interval_ms)
