"""Opus as it comes by RTP (RFC 7587): one packet each, and what stands for packets that did not come.

Sound has no gaps when it leaves here. For a packet that was lost, or not sent since it was silent (DTX), there is one
of a single octet: a decoder takes it for a lost frame and conceals it (RFC 6716 2.1, 3.2.1).
"""

from __future__ import annotations

from base.problems import Problem
from ingest.remux import frames

RATE = 48_000
# RFC 7587 4.2: a longer gap is no loss, and is left for the media clock to see.
MOST_FILLED = 60


class Steps:
    """`step` is what each packet lasts, in samples at 48 kHz; 0 before the first."""

    def __init__(self) -> None:
        self.step = 0
        self._next: int | None = None
        self._filler = b""
        self.filled = 0

    def take(self, timestamp: int, packet: bytes) -> list[tuple[int, bytes]]:
        """(timestamp, packet) of what is missing before, and of this one; `timestamp` is unwrapped."""
        try:
            lasts = frames.opus(packet)
        except Problem:
            return []  # no decoder could read it; what it stood for is filled when the next one comes
        out: list[tuple[int, bytes]] = []
        if self._next is not None and lasts == self.step:
            gap = timestamp - self._next
            if gap <= -self.step:
                return []  # a second time
            count = round(gap / self.step)
            if count <= MOST_FILLED:
                out = [(self._next + at * self.step, self._filler) for at in range(count)]
                self.filled += count
        self.step = lasts
        self._next = timestamp + lasts
        self._filler = _filler(packet)
        return [*out, (timestamp, packet)]


def _filler(packet: bytes) -> bytes:
    """As long as `packet`, without octets in its frames (RFC 6716 3.2.2, 3.2.5)."""
    toc, code = packet[0], packet[0] & 3
    if code == 0:
        return bytes((toc,))
    if code < 3:
        return bytes((toc & 0xFC | 1,))
    return bytes((toc, packet[1] & 0x3F))
