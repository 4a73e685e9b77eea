"""Counters of few bits to numbers that go on: RTMP's 32-bit ms, TS's 33-bit 90 kHz, RTP's 32-bit ticks.

Two values are compared by their difference modulo 2^bits (RTMP 1.0 section 4; RFC 1982): what is less than half a turn
ahead is later, all else is earlier.
"""

from __future__ import annotations


class Unwrap:
    """One counter. All tracks that share a clock share one of these, or their turns would be counted apart."""

    def __init__(self, bits: int) -> None:
        self._turn = 1 << bits
        self._half = self._turn >> 1
        self._last: int | None = None

    def __call__(self, value: int) -> int:
        """`value` without its wraps. The first is returned as it is; later ones lie within half a turn of the last."""
        last = self._last
        found = value if last is None else last + (value - last + self._half) % self._turn - self._half
        self._last = found
        return found
