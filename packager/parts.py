"""How long parts are: so that a segment divides into even ones, without a stub at its end.

A stub of some hundredths of a second is legal (RFC 8216bis 4.4.4.9 lets the last part be short), but players look for
media with a tolerance of a few tenths: they may take the stub for played, and then wait for what it leaves open.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

_ENOUGH = 0.6  # a last part that is this much of a part is no stub
_NEAR = 1 / 3  # the share of the wish that is given up for an even last part


def even_part_ms(grid_ms: int, wish_ms: int, steps_ms: Sequence[float]) -> int:
    """The part target near `wish_ms` that divides a segment most evenly, at most the grid.

    `steps_ms`: how long a sample lasts in each track, 0 where that is not known. A track whose samples do not divide
    the grid (audio) has now and then one more in a segment, and timestamps in ms jitter by one.
    """
    steps = [step for step in steps_ms if step > 0]
    wished = max(1, round(grid_ms / wish_ms))
    found = []
    for count in range(max(1, wished // 2), 2 * wished + 1):
        target = max([grid_ms / count, *(math.ceil(_samples(grid_ms, step) / count) * step for step in steps)])
        evenness = min((_last_part(grid_ms, target, step) for step in steps), default=1.0)
        apart = abs(target - wish_ms)
        found.append((apart <= wish_ms * _NEAR, min(evenness, _ENOUGH), -apart, target))
    *_, target = max(found)
    return min(math.ceil(target) + 1, grid_ms)


def _samples(grid_ms: int, step: float) -> int:
    """Samples in a segment, at most."""
    whole = round(grid_ms / step)
    return whole if abs(whole * step - grid_ms) < 0.01 * step else math.floor(grid_ms / step) + 1


def _last_part(grid_ms: int, target: float, step: float) -> float:
    """What a segment's last part is of a full one, at least."""
    each = max(1, math.floor(target / step + 1e-6))
    least = _samples(grid_ms, step) - (abs(round(grid_ms / step) * step - grid_ms) >= 0.01 * step)
    return min(((samples - 1) % each + 1) / each for samples in {least, _samples(grid_ms, step)})
