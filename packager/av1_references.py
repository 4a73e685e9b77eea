"""What AV1 keeps of frames that later ones refer to, and how references are chosen (AV1 specification 7.8, 7.20)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

SLOTS, REFERENCES = 8, 7
_ALTREF, _BWDREF, _ALTREF2, _GOLDEN = 6, 4, 5, 3  # counted from LAST_FRAME
_REMAINING = (1, 2, _BWDREF, _ALTREF2, _ALTREF)
# feature_enabled and the value of SEG_LVL_ALT_Q of each segment
Quantizers = tuple[int | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One slot of the reference buffer. `quantizers`: what segments change of the quantizer, None where nothing."""

    key: bool = False
    order_hint: int = 0
    upscaled_width: int = 0
    width: int = 0
    height: int = 0
    quantizers: Quantizers = (None,) * 8


def distance(a: int, b: int, order_bits: int) -> int:
    """get_relative_dist (5.9.3)."""
    if not order_bits:
        return 0
    middle = 1 << (order_bits - 1)
    diff = a - b
    return (diff & (middle - 1)) - (diff & middle)


def skip_mode_allowed(hints: Sequence[int], order_hint: int, order_bits: int) -> bool:
    """5.9.22, from the order hints of the seven references."""
    dist = [distance(hint, order_hint, order_bits) for hint in hints]
    before = [d for d in dist if d < 0]
    if not before:
        return False
    if any(d > 0 for d in dist):
        return True
    # a second one before the nearest
    nearest = hints[dist.index(max(before))]
    return any(distance(hint, nearest, order_bits) < 0 for hint in hints)


def short_signalled(hints: Sequence[int], order_hint: int, order_bits: int, last: int, gold: int) -> list[int]:
    """set_frame_refs (7.8): the slots of the seven references, from those of LAST and GOLDEN."""
    now = 1 << (order_bits - 1)
    shifted = [now + distance(hint, order_hint, order_bits) for hint in hints]
    slots = [-1] * REFERENCES
    slots[0], slots[_GOLDEN] = last, gold
    used = {last, gold}

    def take(place: int, found: int) -> None:
        if found >= 0:
            slots[place] = found
            used.add(found)

    def latest(wanted: bool) -> int:
        free = [s for s in range(SLOTS) if s not in used and (shifted[s] >= now) == wanted]
        return max(free, key=lambda s: (shifted[s], s), default=-1)

    def earliest_backward() -> int:
        free = [s for s in range(SLOTS) if s not in used and shifted[s] >= now]
        return min(free, key=lambda s: (shifted[s], s), default=-1)

    take(_ALTREF, latest(True))
    take(_BWDREF, earliest_backward())
    take(_ALTREF2, earliest_backward())
    for place in _REMAINING:
        if slots[place] < 0:
            take(place, latest(False))
    first = min(range(SLOTS), key=lambda s: (shifted[s], s))
    return [first if slot < 0 else slot for slot in slots]
