"""Simulated clocks: what a mapping makes of a source that runs fast or slow."""

from __future__ import annotations

import itertools
import random

import pytest

from ingest.drift import BOUND_US, EpochClock

S = 1_000_000
NOW = 1_795_300_000 * S
DAY_S = 86_400


def epochs(
    ppm: float, seconds: int, *, every_s: float = 0.5, delay: random.Random | None = None
) -> list[tuple[int, int]]:
    """(epoch time given, true time) of frames: a source that is `ppm` fast, over a network that delays them."""
    clock = EpochClock(NOW)
    found = []
    for n in range(int(seconds / every_s)):
        true = round(n * every_s * S)
        late = round(delay.expovariate(1 / 0.05) * S) if delay else 0
        found.append((clock.place(round(true * (1 + ppm / S)), NOW + true + late), NOW + true))
        assert not clock.astray
    return found


@pytest.mark.parametrize("ppm", [-200, -50, 0, 20, 200])
def test_a_day_of_drift_stays_near_utc(ppm: int) -> None:
    found = epochs(ppm, DAY_S, delay=random.Random(7))
    assert max(abs(epoch - true) for epoch, true in found) < 0.1 * S
    for (one, _), (other, _) in itertools.pairwise(found):
        assert abs((other - one) / (0.5 * S) - 1) <= (500 + abs(ppm) + 200) / S, "slewed, never stepped"


def test_a_good_clock_is_left_alone() -> None:
    """A delay that comes and goes is the network's: nothing is moved, to the microsecond."""
    found = epochs(0, 3600, delay=random.Random(3))
    assert all(epoch == true for epoch, true in found)


def test_a_source_may_be_late_by_its_own_delay() -> None:
    """A burst at the beginning put the anchor 250 ms early or late: that is no drift."""
    for own in (-250_000, 250_000):
        clock = EpochClock(NOW)
        for n in range(2000):
            clock.place(n * S // 2, NOW + n * S // 2 + own)
        assert clock.slew_us == 0


def test_a_correction_is_of_whole_ticks() -> None:
    clock = EpochClock(NOW)
    for n in range(20_000):
        clock.place(n * S // 2, NOW + n * S // 2 + n * 100)
        assert clock.slew_us % 100 == 0
    assert clock.slew_us > S


@pytest.mark.parametrize("ppm", [-5000, 5000])
def test_a_clock_that_runs_away_goes_astray(ppm: int) -> None:
    clock = EpochClock(NOW)
    for n in range(4000):
        true = n * S // 2
        clock.place(round(true * (1 + ppm / S)), NOW + true)
        if clock.astray:
            break
    assert abs(clock.astray) > BOUND_US
    assert (clock.astray > 0) == (ppm < 0)


def test_a_jam_of_some_seconds_is_waited_out() -> None:
    clock = EpochClock(NOW)
    for n in range(2000):
        jam = 20 * S if 1000 < n < 1040 else 0  # twenty seconds late for twenty seconds, and then all at once
        clock.place(n * S // 2, NOW + n * S // 2 + jam)
    assert (clock.astray, clock.slew_us) == (0, 0)


def test_a_file_that_is_read_as_fast_as_it_is_taken_has_no_clock() -> None:
    """Held back two seconds before its time, in bursts of ten: it says nothing of drift."""
    clock = EpochClock(NOW)
    for n in range(5000):
        us = n * S // 25
        clock.place(us, NOW + max(0, us // (10 * S) * 10 * S - 2 * S))
    assert (clock.astray, clock.slew_us) == (0, 0)
