"""RTP times of sound and picture on one clock. No I/O.

Each RTP stream counts from a random number. At first they lie to each other as the packets do that were delayed least
on their way; then sender reports (RFC 3550 6.4.1) say how they really do. The sound's clock is the session's: when a
report shows that the picture lies elsewhere, the picture is moved, since a step in sound is heard and a picture that
stays longer is not seen.
"""

from __future__ import annotations

_WRAP, _HALF = 1 << 32, 1 << 31
# The picture follows by no more than this a report, about one picture: more would make keyframes irregular.
_SLEW_S = 0.03
# Further off than the first it is moved at once; further than the second a report is no measurement.
_WRONG_S, _ABSURD_S = 0.75, 10.0


class _Stream:
    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.offset: int | None = None
        self.newest = 0  # unwrapped

    def unwrapped(self, timestamp: int) -> int:
        return self.newest + (timestamp - self.newest + _HALF) % _WRAP - _HALF


class Timeline:
    """`rates`: ticks a second by track. Times it gives are in those ticks, since the session's beginning at `now`.

    Until `settle` it watches how packets come, and the times that it gives may still change.
    """

    def __init__(self, rates: dict[str, int], now: float) -> None:
        self._streams = {track: _Stream(rate) for track, rate in rates.items()}
        self._master = "a1" if "a1" in rates else next(iter(rates))
        self._begin = now
        self._ntp: float | None = None  # NTP time at the session's time 0
        self._settled = False

    def settle(self) -> None:
        """From now on times are kept."""
        self._settled = True

    def place(self, track: str, timestamp: int, now: float) -> int:
        """The time of a frame that arrived at `now`, in ticks of its track."""
        stream = self._streams[track]
        if stream.offset is None:
            stream.newest = timestamp
        stream.newest = max(stream.newest, found := stream.unwrapped(timestamp))
        if stream.offset is None or not self._settled:
            arrived = round((now - self._begin) * stream.rate) - found
            stream.offset = arrived if stream.offset is None else min(stream.offset, arrived)
        return found + stream.offset

    def report(self, track: str, ntp: float, timestamp: int) -> None:
        """A sender report: at `ntp` (s) the stream's clock stood at `timestamp`."""
        stream = self._streams[track]
        if stream.offset is None:
            return
        at = stream.unwrapped(timestamp)
        if track == self._master:
            self._ntp = ntp - (at + stream.offset) / stream.rate
            return
        if self._ntp is None or not self._settled:
            return
        wrong = (ntp - self._ntp) - (at + stream.offset) / stream.rate
        if abs(wrong) > _ABSURD_S:
            return
        if abs(wrong) < _WRONG_S:
            wrong = max(-_SLEW_S, min(_SLEW_S, wrong))
        stream.offset += round(wrong * stream.rate)
