"""Clocks."""

from node.clock import Clock, SteppedClock, SystemClock


def test_a_stepped_clock_moves_when_told() -> None:
    clock: Clock = SteppedClock(now_ms=1000)
    assert isinstance(clock, SteppedClock)
    assert (clock.now_ms(), clock.monotonic()) == (1000, 0)
    clock.advance(ms=1500)
    assert (clock.now_ms(), clock.monotonic()) == (2500, 1.5)


def test_the_system_clock_counts_milliseconds_of_utc() -> None:
    clock = SystemClock()
    first = clock.monotonic()
    assert 1_700_000_000_000 < clock.now_ms() < 4_000_000_000_000
    assert clock.monotonic() >= first
