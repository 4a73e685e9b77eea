"""From a container's stamps to decode times."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.remux.timing import Unwrapped, audio, video

MS = Fraction(1, 1000)


def stamps(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


@pytest.mark.parametrize(
    ("rate", "timescale", "step"),
    [
        (Fraction(24000, 1001), 24000, 1001), (Fraction(25), 90000, 3600), (Fraction(30000, 1001), 90000, 3003),
        (Fraction(60000, 1001), 60000, 1001), (Fraction(50), 90000, 1800), (Fraction(7), 7000, 1000),
    ],
)  # fmt: skip
def test_milliseconds_of_a_constant_rate_are_exact(rate: Fraction, timescale: int, step: int) -> None:
    said = stamps(*(round(n / rate * 1000) for n in range(500)))
    times = video(said, MS, Fraction(0), [Fraction(23), rate], MS)
    assert (times.timescale, times.last) == (timescale, step)
    assert times.dts.tolist() == [n * step for n in range(500)] and not times.cto.any()


def test_a_picture_that_is_missing_leaves_its_place() -> None:
    times = video(stamps(0, 40, 120, 160), MS, Fraction(0), [Fraction(25)], MS)
    assert times.dts.tolist() == [0, 3600, 10800, 14400]


def test_pictures_of_no_constant_rate_are_as_they_are_said() -> None:
    times = video(stamps(0, 40, 95, 160), MS, Fraction(0), [Fraction(25)], Fraction(65, 1000))
    assert times.timescale == 90000 and times.dts.tolist() == [0, 3600, 8550, 14400] and times.last == 5850


def test_reordered_pictures_are_decoded_before_they_are_shown() -> None:
    times = video(stamps(0, 120, 40, 80, 160), MS, Fraction(0), [Fraction(25)], MS)
    assert times.dts.tolist() == [-3600, 0, 3600, 7200, 10800]
    assert (times.dts + times.cto).tolist() == [0, 10800, 3600, 7200, 14400]


def test_time_zero_may_be_anywhere() -> None:
    far = 95_443_000
    times = video(stamps(far, far + 40), MS, Fraction(far, 1000), [Fraction(25)], MS)
    assert times.dts.tolist() == [0, 3600]
    late = audio(stamps(far + 500), MS, Fraction(far, 1000), stamps(1024), 48000)
    assert late.dts.tolist() == [24000]


@given(shown=st.lists(st.integers(0, 10_000), min_size=1, max_size=60, unique=True))
def test_whatever_the_order_no_picture_is_shown_before_it_is_decoded(shown: list[int]) -> None:
    times = video(stamps(*shown), MS, Fraction(0), [], MS)
    assert (np.diff(times.dts) > 0).all() and (times.cto >= 0).all()
    assert (times.dts + times.cto).tolist() == [value * 90 for value in shown]


def test_sound_counts_its_samples() -> None:
    said = stamps(*(round(n * 1024 / 48) for n in range(1000)))
    times = audio(said, MS, Fraction(0), np.full(1000, 1024), 48000)
    assert times.dts.tolist() == [n * 1024 for n in range(1000)] and times.last == 1024


def test_a_hole_in_the_sound_stays() -> None:
    said = stamps(0, 1024, 2048, 98304, 99328)
    times = audio(said, Fraction(1, 48000), Fraction(0), np.full(5, 1024), 48000)
    assert times.dts.tolist() == said.tolist()


def test_sound_that_overlaps_goes_on() -> None:
    said = stamps(0, 1024, 2048, 1024, 2048, 3072)
    times = audio(said, Fraction(1, 48000), Fraction(0), np.full(6, 1024), 48000)
    assert times.dts.tolist() == [n * 1024 for n in range(6)]


def test_a_clock_that_drifts_is_followed() -> None:
    said = stamps(*(n * 1030 for n in range(2000)))
    times = audio(said, Fraction(1, 48000), Fraction(0), np.full(2000, 1024), 48000)
    assert np.abs(times.dts - said).max() <= 512 and (np.diff(times.dts) > 0).all()


def test_a_jump_is_closed_for_all_tracks() -> None:
    clock = Unwrapped()
    assert [clock.move(0, at, 1.0) for at in (5.0, 6.0, 7.0)] == [0, 0, 0]
    assert clock.move(1, 7.5, 1.0) == 0
    moved = clock.move(0, 5000.0, 1.0)
    assert 5000.0 + moved == 8.0 and clock.jumps == [8.0]
    assert clock.move(1, 8.5, 1.0) == 0, "what the other track still has of the old clock"
    assert clock.move(1, 5001.5, 1.0) == moved
    assert clock.move(0, 5001.0, 1.0) == moved and clock.jumps == [8.0]
    back = clock.move(0, 3.0, 1.0)
    assert 3.0 + back == 10.0 and len(clock.jumps) == 2


def test_a_small_hole_is_no_jump() -> None:
    clock = Unwrapped()
    assert [clock.move(0, at, 1.0) for at in (5.0, 14.0, 10.0)] == [0, 0, 0]
