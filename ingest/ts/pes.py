"""PES packets out of packet payloads (H.222.0 2.4.3.6, 2.4.3.7)."""

from __future__ import annotations

from dataclasses import dataclass

from base.problems import Problem

# Stream ids whose packets have no head behind their length (2.4.3.7).
_HEADLESS = frozenset((0xBC, 0xBE, 0xBF, 0xF0, 0xF1, 0xF2, 0xF8, 0xFF))
_HEAD = 6


@dataclass(frozen=True, slots=True)
class Pes:
    """`pts` and `dts` as 33 bits of 90 kHz; `dts` is `pts` where it was not sent, both None without a time stamp."""

    pts: int | None
    dts: int | None
    data: bytes


class PesPackets:
    """Of one PID. One that lost a packet is never given: `damaged` counts them."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._parts: list[bytes] = []
        self._size = 0
        self._need = 0  # octets of the packet, 0: until the next one begins
        self._whole = False  # its beginning was seen, nothing was lost since
        self.damaged = 0

    def lost(self) -> None:
        """A packet of this PID is missing."""
        if self._whole:
            self.damaged += 1
        self._drop()

    def begins(self, payload: bytes) -> list[Pes]:
        """A payload with payload_unit_start_indicator; gives what it ends and, if it is whole at once, itself."""
        found = self._finish() if self._whole else []
        self._drop()
        self._whole = True
        return found + self.more(payload)

    def more(self, payload: bytes) -> list[Pes]:
        """Raises Problem too-large."""
        if not self._whole:
            return []
        self._parts.append(payload)
        self._size += len(payload)
        if not self._need and self._size >= _HEAD and self._size - len(payload) < _HEAD:
            head = b"".join(self._parts)
            self._parts = [head]
            said = int.from_bytes(head[4:6], "big")
            self._need = _HEAD + said if said else 0
        if self._need and self._size >= self._need:
            found = self._finish()
            self._drop()
            return found
        if self._size > self._most:
            raise Problem("too-large", f"one PES packet is over {self._most >> 10} KiB: lower the bit rate")
        return []

    def ends(self) -> list[Pes]:
        """The stream ends: what is open is whole if its length was not said."""
        found = self._finish() if self._whole else []
        self._drop()
        return found

    def _finish(self) -> list[Pes]:
        if self._size < self._need:
            self.damaged += 1
            return []
        data = b"".join(self._parts)
        found = _read(data[: self._need] if self._need else data)
        if found is None:
            self.damaged += 1
            return []
        return [found] if found.data else []

    def _drop(self) -> None:
        self._parts, self._size, self._need, self._whole = [], 0, 0, False


def _read(data: bytes) -> Pes | None:
    if len(data) < 9 or data[:3] != b"\0\0\1" or data[3] in _HEADLESS:
        return None
    flags, head = data[7] >> 6, 9 + data[8]
    stamps = {2: 5, 3: 10}.get(flags, 0)
    if data[6] & 0xF0 != 0x80 or flags == 1 or head > len(data) or data[8] < stamps:
        return None  # marker bits, PES scrambling, forbidden flags
    pts = _stamp(data, 9) if stamps else None
    dts = _stamp(data, 14) if stamps == 10 else pts
    if stamps and (pts is None or dts is None):
        return None
    return Pes(pts, dts, data[head:])


def _stamp(data: bytes, at: int) -> int | None:
    """33 bits with three marker bits between them."""
    word = int.from_bytes(data[at : at + 5], "big")
    if word & 0x01_0001_0001 != 0x01_0001_0001:
        return None
    return (word >> 33 & 7) << 30 | (word >> 17 & 0x7FFF) << 15 | word >> 1 & 0x7FFF
