"""HEVC parameter sets: reference picture sets by the formulas, and damage."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.bits import Bits
from packager.hevc_sets import ReferenceSet, read_pps, read_sps, reference_set


def ue(value: int) -> str:
    code = f"{value + 1:b}"
    return "0" * (len(code) - 1) + code


def bits(text: str) -> Bits:
    text = text.replace(" ", "")
    return Bits(int(text.ljust(-(-len(text) // 8) * 8, "0"), 2).to_bytes(-(-len(text) // 8), "big"))


def test_an_explicit_set_adds_up_its_distances() -> None:
    found = reference_set(bits(ue(2) + ue(1) + ue(0) + "1" + ue(1) + "0" + ue(3) + "1"), [])
    assert found == ReferenceSet(before=((-1, True), (-3, False)), after=((4, True),))
    assert found.used == 2


def test_a_set_is_predicted_from_the_one_before() -> None:
    """7-61 and 7-62: every distance moves by the step; the picture at distance 0 would be the current one."""
    source = ReferenceSet(before=((-1, True), (-3, True)), after=((2, True),))
    # predicted, step +1: -1 falls onto the current picture itself
    made = reference_set(bits("1" + "0" + ue(0) + "1" + "1" + "1" + "1"), [source])
    assert made == ReferenceSet(before=((-2, True),), after=((1, True), (3, True)))


def test_use_delta_drops_a_picture() -> None:
    source = ReferenceSet(before=((-1, True),))
    # step -1: the first is not used and dropped, the source picture itself is used
    made = reference_set(bits("1" + "1" + ue(0) + "00" + "1"), [source])
    assert made == ReferenceSet(before=((-1, True),))


def test_a_slice_may_name_an_older_set() -> None:
    older, newer = ReferenceSet(before=((-4, True),)), ReferenceSet(before=((-1, True),))
    made = reference_set(bits("1" + ue(1) + "1" + ue(0) + "1" + "01"), [older, newer], in_slice=True)
    assert made == ReferenceSet(before=((-1, False), (-5, True)))
    with pytest.raises(ValueError, match="not there"):
        reference_set(bits("1" + ue(2) + "1" + ue(0)), [older, newer], in_slice=True)


@given(st.binary(max_size=60))
def test_damaged_sets_are_a_value_error_or_read(octets: bytes) -> None:
    for read in (read_sps, read_pps):
        try:
            number, _ = read(Bits(octets))
        except ValueError:
            continue
        assert number >= 0
