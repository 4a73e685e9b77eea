"""A source's clock held near UTC: the mapping from its times to epoch times, which is slewed and never steps.

Crystals run some 50 ppm fast or slow, bad ones 200: 17 s in a day. What can be seen of it is *lateness*: how long
after its epoch time a frame arrives. Networks only ever delay, so the least lateness of a window is what the clock
does, and the rest is the way. The first full measure is taken as how this source is (encoders have a delay of their
own); what it grows or shrinks by later is drift. The mapping is stretched by it, up to SLEW_PPM, in quanta that 90 kHz
holds exactly. A clock that runs away faster, and stays beyond BOUND_US from UTC, is *astray*: to be anchored anew.

A source that is read from a file as fast as it is taken has no clock: it is held back by who reads it (MAX_AHEAD_US),
and such windows measure nothing. What is done to sound is in docs/decisions/0017-drift.md.
"""

from __future__ import annotations

from collections import deque

SLEW_PPM = 500
BOUND_US = 3_000_000
MAX_AHEAD_US = 2_000_000
_WINDOW_US = 10_000_000
_WINDOWS = 3
_QUANTUM_US = 100  # nine ticks of 90 kHz
# How far a source may seem to lie from UTC at first and be left there: its own delay, and the network's least.
_OWN_US = 300_000
# What is not worth a correction, and how fast one is made: by the e-th part in this time.
_DEAD_US = 20_000
_CLOSING_US = 120_000_000


class EpochClock:
    """Of one stretch. `place` maps a time of the source to epoch time, both in us; `slew_us` was added so far."""

    def __init__(self, anchor_us: int) -> None:
        self.slew_us = 0
        self.astray = 0  # us by which the source is late (or, negative, early) beyond bounds
        self.anchor_us = anchor_us
        self._ppm = 0
        self._since_us: int | None = None  # source time from which `_ppm` counts
        self._slewed_us = 0  # what had been added then
        self._window_us: int | None = None  # source time at which this window ends
        self._least = self._most = 0
        self._measured: deque[tuple[int, int]] = deque(maxlen=_WINDOWS)  # least and most lateness
        self._own_us: int | None = None

    def epoch_us(self, us: int) -> int:
        """The mapping alone."""
        return us + self.anchor_us + self.slew_us

    def place(self, us: int, arrived_us: int) -> int:
        """The epoch time of a frame that arrived at `arrived_us`."""
        if self._ppm:
            assert self._since_us is not None
            slewed = self._slewed_us + (us - self._since_us) * self._ppm // 1_000_000
            self.slew_us = slewed // _QUANTUM_US * _QUANTUM_US
        epoch_us = us + self.anchor_us + self.slew_us
        late = arrived_us - epoch_us
        if self._window_us is None:
            self._window_us, self._least, self._most = us + _WINDOW_US, late, late
        elif late < self._least:
            self._least = late
        elif late > self._most:
            self._most = late
        if us >= self._window_us:
            self._measure(us)
            self._window_us, self._least, self._most = us + _WINDOW_US, late, late
        return epoch_us

    def _measure(self, us: int) -> None:
        self._measured.append((self._least, self._most))
        if len(self._measured) < _WINDOWS:
            return
        least = min(window[0] for window in self._measured)
        most = max(window[1] for window in self._measured)
        self._slew(us, 0)
        if least > BOUND_US or most < -BOUND_US:
            self.astray = least if least > 0 else most
        elif least > -MAX_AHEAD_US:
            if self._own_us is None:
                self._own_us = max(-_OWN_US, min(least, _OWN_US))
            wrong = least - self._own_us
            if abs(wrong) > _DEAD_US:
                wrong -= _DEAD_US if wrong > 0 else -_DEAD_US
                self._slew(us, max(-SLEW_PPM, min(wrong * 1_000_000 // _CLOSING_US, SLEW_PPM)))

    def _slew(self, us: int, ppm: int) -> None:
        if self._ppm and self._since_us is not None:
            self._slewed_us += (us - self._since_us) * self._ppm // 1_000_000
        self._ppm, self._since_us = ppm, us
