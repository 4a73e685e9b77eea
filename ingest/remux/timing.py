"""From a container's time stamps to decode times and composition offsets. Pure.

A container may round (Matroska: milliseconds) or say presentation times alone. What is known better is used instead: a
picture rate that all stamps fit to, the samples that a frame of sound has.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

_FINE = 90000
_LONGEST_RATE = 300
# What stamps are off by that once went through a container which counts milliseconds.
_ROUNDED_S = Fraction(1, 1000)
# Sound whose stamps differ by more from what its samples say has a hole, or was cut there.
_LEAST_APART_S = 0.010


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Ticks of `timescale`: decode times, composition offsets, and how long the last sample lasts."""

    timescale: int
    dts: I64
    cto: I64
    last: int


def video(stamps: I64, base: Fraction, zero: Fraction, rates: Iterable[Fraction], last: Fraction) -> Times:
    """`stamps`: presentation times in decode order, in units of `base` seconds; `zero`: seconds that are time zero.

    `rates`: pictures a second, as the container or the stream says; `last`: seconds that the last picture lasts.
    """
    for rate in rates:
        if 0 < rate <= _LONGEST_RATE and (grid := _on_grid(stamps, base, rate)) is not None:
            timescale = _FINE if (_FINE / rate).denominator == 1 else rate.numerator
            while timescale < 1000:
                timescale *= 10
            step = int(timescale / rate)
            start = round((int(stamps.min()) * base - zero) * timescale)
            return _reordered(start + grid * step, timescale, step)
    ticks = _ticks(stamps, base, zero, _FINE)
    return _reordered(ticks, _FINE, max(1, round(last * _FINE)))


def _on_grid(stamps: I64, base: Fraction, rate: Fraction) -> I64 | None:
    """Which picture of a constant rate each one is, or None if they are not of this rate."""
    apart = float(max(base, _ROUNDED_S) * rate) * 1.01
    if apart > 0.25:
        return None
    places = (stamps - stamps.min()) * float(base * rate)
    grid = np.round(places).astype(np.int64)
    if (np.abs(places - grid) > apart).any():
        return None
    return grid if len(np.unique(grid)) == len(grid) else None


def _reordered(shown: I64, timescale: int, last: int) -> Times:
    """Decode times in order that no picture is shown before: the times at which pictures are shown, moved ahead."""
    order = np.sort(shown)
    dts = order - max(0, int((order - shown).max(initial=0)))
    return Times(timescale=timescale, dts=dts, cto=shown - dts, last=last)


def audio(stamps: I64, base: Fraction, zero: Fraction, samples: I64, timescale: int) -> Times:
    """`samples`: how long each frame lasts, in ticks of `timescale`, the sample rate.

    Times count samples until a stamp is off by more than half a frame; there a hole is left, or frames are counted from
    the earlier time.
    """
    said = _ticks(stamps, base, zero, timescale)
    usual = int(np.median(samples)) if len(samples) else 0
    apart = max(usual // 2, int(timescale * _LEAST_APART_S), 2 * int(base * timescale))
    before = np.concatenate(([0], np.cumsum(samples)[:-1])).astype(np.int64)
    dts = np.empty(len(said), np.int64)
    at = 0
    start = int(said[0]) if len(said) else 0
    while at < len(said):
        counted = start + before[at:] - before[at]
        off = np.flatnonzero(np.abs(said[at:] - counted) > apart)
        end = at + int(off[0]) if len(off) else len(said)
        dts[at:end] = counted[: end - at]
        if end < len(said):
            start = int(said[end])
            if start <= int(dts[end - 1]):  # it goes back behind what is there: go on counting instead
                start = int(dts[end - 1] + samples[end - 1])
                said[end:] += start - said[end]
        at = end
    return Times(timescale=timescale, dts=dts, cto=np.zeros(len(dts), np.int64), last=int(samples[-1]))


def _ticks(stamps: I64, base: Fraction, zero: Fraction, timescale: int) -> I64:
    origin = round(zero / base) if base else 0
    rest = float((zero - origin * base) * timescale)
    ticks: I64 = np.round((stamps - origin) * float(base * timescale) - rest).astype(np.int64)
    return ticks


class Unwrapped:
    """Stamps of a stream that may start anew in mid-file, as joined recordings do: the gap is closed for all tracks.

    After FFmpeg's own rule: a stamp more than `apart` seconds from what was expected begins another clock. Each track
    goes over to it on its own, since packets of the old clock may come after the first of the new one.
    """

    def __init__(self, apart: float = 10.0) -> None:
        self._apart = apart
        self._newest = 0.0
        self._moved: dict[int, float] = {}
        self._expected: dict[int, float] = {}
        self.jumps: list[float] = []

    def move(self, track: int, at: float, lasts: float) -> float:
        """Seconds to be added to all stamps of the packet that is decoded `at` seconds and `lasts` so long."""
        moved = self._moved.get(track, self._newest)
        expected = self._expected.get(track)
        if expected is not None and abs(at + moved - expected) > self._apart:
            if abs(at + self._newest - expected) > self._apart:
                self._newest = expected - at
                self.jumps.append(expected)
            moved = self._newest
        self._moved[track] = moved
        self._expected[track] = at + moved + lasts
        return moved
