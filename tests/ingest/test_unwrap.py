from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.unwrap import Unwrap


@pytest.mark.parametrize("bits", [32, 33])
def test_time_goes_on_through_the_wrap(bits: int) -> None:
    turn = 1 << bits
    unwrap = Unwrap(bits)
    assert [unwrap((turn - 50 + step) % turn) for step in range(0, 200, 40)] == [
        turn - 50 + n for n in range(0, 200, 40)
    ]


def test_what_lies_a_little_back_is_earlier() -> None:
    """Pictures beside sound, and decode times beside presentation times, come a little out of order."""
    unwrap = Unwrap(33)
    assert [unwrap(value) for value in (5, (1 << 33) - 7, 2, (1 << 33) - 1)] == [5, -7, 2, -1]


@given(st.lists(st.integers(-(2**31) + 1, 2**31 - 1), max_size=50))
def test_every_step_of_less_than_half_a_turn_is_kept(steps: list[int]) -> None:
    unwrap, at = Unwrap(32), 1000
    assert unwrap(at) == at
    for step in steps:
        at += step
        assert unwrap(at % 2**32) == at
