"""PSI sections out of packet payloads (H.222.0 2.4.4): pointer field, length, several in a packet, checksum."""

from __future__ import annotations

from base.crc import crc32

# 2.4.4.9: section_length of PAT and PMT is at most 1021; private sections, such as SCTE-35's, may have 4093.
MAX_SECTION = 4096
_STUFFING = 0xFF


class Sections:
    """Of one PID. `take` gives whole sections; those with a wrong checksum are counted in `damaged`, not given."""

    def __init__(self) -> None:
        self._open = b""
        self._collecting = False
        self._known = b""  # the last good one: tables are repeated ten times a second
        self.damaged = 0

    def lost(self) -> None:
        """A packet of this PID is missing."""
        self._open, self._collecting = b"", False

    def take(self, payload: bytes, begins: bool) -> list[bytes]:
        """`begins`: payload_unit_start_indicator, where the first octet points at the first section's beginning."""
        if not begins:
            return self._more(payload) if self._collecting else []
        if not payload or 1 + payload[0] > len(payload):
            self.lost()
            return []
        pointer = 1 + payload[0]
        found = self._more(payload[1:pointer]) if self._collecting else []
        self._open, self._collecting = b"", True
        return found + self._more(payload[pointer:])

    def _more(self, octets: bytes) -> list[bytes]:
        found: list[bytes] = []
        data, at = self._open + octets, 0
        while True:
            if at < len(data) and data[at] == _STUFFING:  # 2.4.4.1: what follows in this packet is stuffing
                self.lost()
                return found
            if len(data) - at < 3:
                break
            size = 3 + ((data[at + 1] & 0x0F) << 8 | data[at + 2])
            if size > MAX_SECTION:
                self.damaged += 1
                self.lost()
                return found
            if len(data) - at < size:
                break
            section = data[at : at + size]
            at += size
            if self._sound(section):
                found.append(section)
        self._open = data[at:]
        return found

    def _sound(self, section: bytes) -> bool:
        if section == self._known:
            return True
        if len(section) < 8 or crc32(section):  # 2.4.4.1 and annex A: over the whole section it comes out as 0
            self.damaged += 1
            return False
        self._known = section
        return True
