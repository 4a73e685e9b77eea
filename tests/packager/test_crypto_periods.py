"""Which key each segment has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.crypto_periods import CLEAR, ONE, Policy, periods
from packager.plan import Plan, make_plan
from tests.packager.tracks import audio, index, video


def plan(seconds: int = 40, target_ms: int = 2000) -> Plan:
    """Segments of 2 s, with sound that lasts as long."""
    return make_plan(index(video(range(0, 25 * seconds, 50), 25 * seconds), audio(seconds * 48000 // 1024)), target_ms)


def test_without_a_policy_there_is_one_key() -> None:
    assert periods(plan(), Policy()) is ONE
    assert ONE.of(999) == 0 and ONE.count == 1 and not ONE.has_clear_lead and ONE.digest == b""


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (Policy(rotate_s=4), [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]),
        (Policy(clear_lead_s=4), [CLEAR, CLEAR, 0, 0, 0, 0, 0, 0, 0, 0]),
        (Policy(rotate_s=4, clear_lead_s=2), [CLEAR, 0, 0, 1, 1, 2, 2, 3, 3, 4]),
        # periods begin with the first segment behind their time
        (Policy(rotate_s=5), [0, 0, 0, 1, 1, 2, 2, 2, 3, 3]),
        (Policy(rotate_s=6, clear_lead_s=3), [CLEAR, CLEAR, 0, 0, 0, 1, 1, 1, 2, 2]),
        # a period that is shorter than a segment lasts a segment
        (Policy(rotate_s=1), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        (Policy(clear_lead_s=100), [CLEAR] * 10),
    ],
)
def test_periods_begin_with_segments(policy: Policy, expected: list[int]) -> None:
    found = periods(plan(20), policy)
    assert list(found.of_segment) == expected
    assert found.count == max(1, max(expected) + 1)
    assert found.has_clear_lead == (CLEAR in expected)


@given(st.integers(0, 50), st.integers(0, 50))
def test_numbers_go_up_by_one(rotate_s: int, clear_lead_s: int) -> None:
    found = periods(plan(), Policy(rotate_s=rotate_s, clear_lead_s=clear_lead_s))
    numbers = [found.of(n) for n in range(20)]
    kept = [n for n in numbers if n != CLEAR]
    assert numbers == [CLEAR] * (20 - len(kept)) + kept
    assert set(kept) == set(range(found.count)) or not kept
    assert kept == sorted(kept)


def test_policies_that_differ_have_digests_that_differ() -> None:
    policies = (Policy(), Policy(rotate_s=4), Policy(rotate_s=6), Policy(clear_lead_s=4))
    assert len({periods(plan(), policy).digest for policy in policies}) == 4
