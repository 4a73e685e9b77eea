"""What a publisher may send: bit rate, size of the picture, duration of a session (base.desired.Limits). No I/O."""

from __future__ import annotations

from base.desired import Limits
from base.media import Format
from base.problems import Problem

WINDOW_MS = 10_000
# Encoders keep a rate on average: this much over it, in a window, is within it.
_TOLERANCE = 1.1


class Allowance:
    """Of one session, which began at `started_ms`. What goes beyond the limits raises Problem forbidden."""

    def __init__(self, started_ms: int) -> None:
        self._started_ms = started_ms
        self._began = (started_ms, 0)  # of this window: UTC, and the epoch time of the media
        self._octets = 0

    def format(self, limits: Limits, fmt: Format) -> None:
        """A track of this format is to begin."""
        lines = min(fmt.width, fmt.height)
        if limits.lines and lines > limits.lines:
            raise Problem(
                "forbidden",
                f"a picture of {fmt.width}x{fmt.height} is not allowed here: send {limits.lines} lines at most",
            )

    def frame(self, limits: Limits, octets: int, now_ms: int, media_ms: int) -> None:
        """A frame of so many octets came; `media_ms`: epoch time at which the media ends, 0 before it begins."""
        if limits.seconds and now_ms - self._started_ms > limits.seconds * 1000:
            raise Problem("forbidden", f"a session may last {_spelt(limits.seconds)} here, and is over: begin another")
        if not limits.kbps:
            return
        self._octets += octets
        began_ms, began_media_ms = self._began
        if not began_media_ms:
            self._began = (began_ms, media_ms)
        if now_ms - began_ms < WINDOW_MS:
            return
        # An encoder that catches up after a jam sends much in little time: its media says what its rate is. Media that
        # does not go on says nothing.
        lasted = max(now_ms - began_ms, media_ms - began_media_ms if began_media_ms else 0)
        kbps, self._octets = self._octets * 8 // lasted, 0
        self._began = (now_ms, media_ms)
        if kbps > limits.kbps * _TOLERANCE:
            raise Problem(
                "forbidden",
                f"{kbps} kbit/s is more than is allowed here: send {limits.kbps} kbit/s at most, sound included",
            )


def _spelt(seconds: int) -> str:
    for size, name in ((3600, "h"), (60, "min")):
        if seconds % size == 0:
            return f"{seconds // size} {name}"
    return f"{seconds} s"
