"""When each packet came, as the publisher wants to know it to find out how much its path carries. No I/O.

Transport-wide congestion control (draft-holmer-rmcat-transport-wide-cc-extensions-01): packets of all streams carry one
row of numbers, and a message every so often says of each whether it came, and when. Without it a browser stays at the
few hundred kbit/s that it begins with.
"""

from __future__ import annotations

import struct

# Ticks of 250 us (section 3.1.5), reference times of 64 ms.
_TICKS = 4000
_REFERENCE = 256
# Packets that one message speaks of; a message has room for 65535, a datagram for about a thousand.
_MOST = 400
_NOT, _SMALL, _LARGE = 0, 1, 2
_GENERIC_FEEDBACK, _TRANSPORT_WIDE = 205, 15


class Arrivals:
    """Feed it `arrived`, and send what `feedback` gives, every 50 to 100 ms."""

    def __init__(self) -> None:
        self._ticks: dict[int, int] = {}  # by unwrapped number: when it came
        self._next: int | None = None  # the number after the last one that was spoken of
        self._highest = 0
        self._count = 0

    def arrived(self, number: int, now: float) -> None:
        """A packet with this number (16 bits) came at `now`, s."""
        if self._next is None:
            self._next = self._highest = number
        found = self._highest + ((number - self._highest + 0x8000 & 0xFFFF) - 0x8000)
        if found < self._next - 1000:
            return
        self._highest = max(self._highest, found)
        self._ticks.setdefault(found, round(now * _TICKS))

    def feedback(self, ssrc: int, media: int) -> bytes:
        """The messages about what came since the last ones; empty if nothing did. What came late is spoken of again."""
        out = b""
        while self._ticks:
            begin = min(self._ticks)
            if self._next is not None and begin > self._next:  # what is missing since the last message
                begin = max(self._next, begin - _MOST // 2)
            numbers = range(begin, min(self._highest + 1, begin + _MOST))
            came = [self._ticks.pop(number, None) for number in numbers]
            self._next = max(self._next or 0, numbers.stop)
            out += self._message(ssrc, media, begin, came)
        return out

    def _message(self, ssrc: int, media: int, begin: int, came: list[int | None]) -> bytes:
        """Section 3.1: status chunks of seven 2-bit symbols, then a delta for each packet that came."""
        reference = next(ticks for ticks in came if ticks is not None) // _REFERENCE
        symbols, deltas, last = [], bytearray(), reference * _REFERENCE
        for ticks in came:
            if ticks is None:
                symbols.append(_NOT)
                continue
            delta = max(-0x8000, min(0x7FFF, ticks - last))
            last += delta
            if 0 <= delta < 256:
                symbols.append(_SMALL)
                deltas.append(delta)
            else:
                symbols.append(_LARGE)
                deltas += struct.pack(">h", delta)
        body = struct.pack(">IIHHI", ssrc, media, begin & 0xFFFF, len(came), (reference & 0xFFFFFF) << 8 | self._count)
        self._count = self._count + 1 & 0xFF
        for at in range(0, len(symbols), 7):
            chunk = 0xC000
            for place, symbol in enumerate(symbols[at : at + 7]):
                chunk |= symbol << 12 - 2 * place
            body += struct.pack(">H", chunk)
        body += deltas
        body += bytes(-len(body) % 4)
        return struct.pack(">BBH", 0x80 | _TRANSPORT_WIDE, _GENERIC_FEEDBACK, len(body) // 4) + body
