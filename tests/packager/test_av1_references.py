"""How references are chosen, against the specification's own loops."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.av1_references import distance, short_signalled, skip_mode_allowed

HINTS = st.lists(st.integers(0, 127), min_size=8, max_size=8)
SLOT = st.integers(0, 7)


@pytest.mark.rule("AV1 5.9.3", "order hints are compared modulo their number of bits")
def test_distances() -> None:
    assert [distance(a, b, 7) for a, b in ((5, 3), (3, 5), (1, 127), (127, 1), (64, 0))] == [2, -2, 2, -2, -64]
    assert distance(9, 1, 0) == 0


def literal_references(hints: list[int], now: int, last: int, gold: int) -> list[int]:
    """set_frame_refs as 7.8 spells it."""
    ref_frame_idx = [-1] * 7
    ref_frame_idx[0], ref_frame_idx[3] = last, gold
    used = [False] * 8
    used[last] = used[gold] = True
    current = 1 << 6
    shifted = [current + distance(hint, now, 7) for hint in hints]

    def find_latest_backward() -> int:
        ref, latest = -1, 0
        for i in range(8):
            if not used[i] and shifted[i] >= current and (ref < 0 or shifted[i] >= latest):
                ref, latest = i, shifted[i]
        return ref

    def find_earliest_backward() -> int:
        ref, earliest = -1, 0
        for i in range(8):
            if not used[i] and shifted[i] >= current and (ref < 0 or shifted[i] < earliest):
                ref, earliest = i, shifted[i]
        return ref

    def find_latest_forward() -> int:
        ref, latest = -1, 0
        for i in range(8):
            if not used[i] and shifted[i] < current and (ref < 0 or shifted[i] >= latest):
                ref, latest = i, shifted[i]
        return ref

    for place, find in ((6, find_latest_backward), (4, find_earliest_backward), (5, find_earliest_backward)):
        ref = find()
        if ref >= 0:
            ref_frame_idx[place] = ref
            used[ref] = True
    for place in (1, 2, 4, 5, 6):
        if ref_frame_idx[place] < 0:
            ref = find_latest_forward()
            if ref >= 0:
                ref_frame_idx[place] = ref
                used[ref] = True
    ref, earliest = -1, 0
    for i in range(8):
        if ref < 0 or shifted[i] < earliest:
            ref, earliest = i, shifted[i]
    return [ref if idx < 0 else idx for idx in ref_frame_idx]


@pytest.mark.rule("AV1 7.8", "with short signalling the references follow from LAST and GOLDEN")
@given(HINTS, st.integers(0, 127), SLOT, SLOT)
def test_short_signalling(hints: list[int], now: int, last: int, gold: int) -> None:
    assert short_signalled(hints, now, 7, last, gold) == literal_references(hints, now, last, gold)


def literal_skip_mode(hints: list[int], now: int) -> bool:
    """5.9.22, loop by loop."""
    forward = backward = -1
    forward_hint = backward_hint = 0
    for i, hint in enumerate(hints):
        if distance(hint, now, 7) < 0:
            if forward < 0 or distance(hint, forward_hint, 7) > 0:
                forward, forward_hint = i, hint
        elif distance(hint, now, 7) > 0 and (backward < 0 or distance(hint, backward_hint, 7) < 0):
            backward, backward_hint = i, hint
    if forward < 0:
        return False
    if backward >= 0:
        return True
    return any(distance(hint, forward_hint, 7) < 0 for hint in hints)


@pytest.mark.rule("AV1 5.9.22", "skip mode needs a reference on either side, or two before")
@given(st.lists(st.integers(20, 60), min_size=7, max_size=7), st.integers(20, 60))
def test_skip_mode(hints: list[int], now: int) -> None:
    assert skip_mode_allowed(hints, now, 7) == literal_skip_mode(hints, now)
