"""Packets of one RTP stream in the order of their numbers, and what is missing of them. No I/O, no clock.

A gap is held open for a while: a late packet fills it, or one that was asked for again (RFC 4585 6.2.1). Then it is
given up, and what follows is released behind a `Lost`.
"""

from __future__ import annotations

from dataclasses import dataclass

from ingest.whip.rtp import Packet

# RFC 3550 A.1: further off than this it is another stream of numbers, once a second packet agrees.
_DROPOUT = 3000
_MOST_HELD = 2048
# Packets that overtook each other on the way are no loss yet.
_OVERTAKEN_S = 0.01
_ASK_AGAIN_S = 0.1
_MOST_ASKS = 5


@dataclass(frozen=True, slots=True)
class Lost:
    """`count` packets that did not come; 0 where the numbering began anew."""

    count: int


@dataclass(slots=True)
class _Missing:
    noticed: float
    asked: float = -1e9
    asks: int = 0


class Reorder:
    """One stream. `patience_s`: how long a gap is held open. Counts are for receiver reports (RFC 3550 6.4.1)."""

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._next = -1  # the number that is released next
        self._highest = -1
        self._held: dict[int, Packet] = {}
        self._missing: dict[int, _Missing] = {}
        self._strange = -1  # what would follow a packet that was far off
        self.first = -1
        self.received = 0

    @property
    def highest(self) -> int:
        """The highest number so far, unwrapped: its low 16 bits are those of the wire."""
        return self._highest

    @property
    def waiting(self) -> bool:
        return bool(self._missing)

    def push(self, packet: Packet, now: float) -> list[Packet | Lost]:
        """What can go on now."""
        out: list[Packet | Lost] = []
        if self._highest < 0:
            self._begin(packet.sequence)
        step = (packet.sequence - self._highest + 0x8000 & 0xFFFF) - 0x8000
        if abs(step) > _DROPOUT:
            if packet.sequence != self._strange:
                self._strange = packet.sequence + 1 & 0xFFFF
                return []
            out = [*self.flush(), Lost(0)]
            self._begin(packet.sequence)
            step = 1
        self._strange = -1
        self.received += 1
        number = self._highest + step
        if number < self._next or number in self._held:
            return out
        if number > self._highest:
            for between in range(self._highest + 1, number):
                self._missing[between] = _Missing(now)
            self._highest = number
        else:
            self._missing.pop(number, None)
        self._held[number] = packet
        return out + self.release(now)

    def release(self, now: float) -> list[Packet | Lost]:
        """What is in order, and what lies behind gaps that were open for too long."""
        out: list[Packet | Lost] = []
        while self._held:
            while (packet := self._held.pop(self._next, None)) is not None:
                out.append(packet)
                self._next += 1
            if not self._held:
                break
            gap = self._missing.get(self._next)
            if gap is not None and now - gap.noticed < self._patience_s and len(self._held) <= _MOST_HELD:
                break
            self._give_up(out)
        return out

    def flush(self) -> list[Packet | Lost]:
        """Everything that is held, whatever is missing between."""
        out: list[Packet | Lost] = []
        while self._held:
            if (packet := self._held.pop(self._next, None)) is not None:
                out.append(packet)
                self._next += 1
            else:
                self._give_up(out)
        return out

    def wanted(self, now: float) -> list[int]:
        """Numbers, as on the wire, to ask for again now."""
        found = []
        for number, gap in self._missing.items():
            if now - gap.noticed < _OVERTAKEN_S or gap.asks >= _MOST_ASKS or now - gap.asked < _ASK_AGAIN_S:
                continue
            gap.asked, gap.asks = now, gap.asks + 1
            found.append(number & 0xFFFF)
        return found

    def _begin(self, sequence: int) -> None:
        self._next = sequence
        self._highest = sequence - 1
        if self.first < 0:
            self.first = sequence
        else:  # lost packets are counted from here on
            self.first = sequence - self.received
        self._missing.clear()

    def _give_up(self, out: list[Packet | Lost]) -> None:
        """Go to the first packet that is held."""
        begin = self._next
        while self._next not in self._held:
            self._missing.pop(self._next, None)
            self._next += 1
        out.append(Lost(self._next - begin))
