"""RTP packets of H.264 to access units, without decoding (RFC 6184, packetization mode 1). No I/O.

Only whole access units leave, and after a loss nothing does until the next keyframe: what refers to a picture that
did not arrive would be shown broken.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from ingest.whip.rtp import Packet

_IDR, _SPS, _PPS, _DELIMITER, _FILLER = 5, 7, 8, 9, 12
_STAP_A, _FU_A = 24, 28
MAX_UNIT_BYTES = 8 << 20
_MAX_NALS = 1024


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """`sets`: parameter sets that stood in it; `data`: the rest, NAL units with 4-octet lengths."""

    timestamp: int
    key: bool
    sets: tuple[bytes, ...]
    data: bytes


class Depacketiser:
    """Feed it packets in order, and `lose` where some are missing."""

    def __init__(self) -> None:
        self._timestamp = -1
        self._nals: list[bytes] = []
        self._bytes = 0
        self._fragment: bytearray | None = None
        self._tainted = False  # the open access unit is not whole
        self._after_loss = False
        self.waiting = True  # for a keyframe
        self.skipped = 0  # access units that were not let through

    def lose(self) -> None:
        """Packets are missing here."""
        if self._nals or self._fragment is not None:
            self.skipped += 1
        self._drop()
        self._after_loss = True
        self.waiting = True

    def push(self, packet: Packet) -> list[AccessUnit]:
        """The access units that are complete now: by the marker, or since another time begins (RFC 6184 5.1)."""
        out: list[AccessUnit] = []
        if not packet.payload:
            return out  # padding that only probes the path
        if packet.timestamp != self._timestamp:
            out += self._finish()
            self._timestamp = packet.timestamp
            # What is missing may be the beginning of this one, unless it can be seen to begin here.
            self._tainted = self._after_loss and not _begins(packet.payload)
            self._after_loss = False
        elif self._after_loss:
            self._tainted, self._after_loss = True, False
        self._take(packet.payload)
        if packet.marker:
            out += self._finish()
        return out

    def _take(self, payload: bytes) -> None:
        self._bytes += len(payload)
        if self._bytes > MAX_UNIT_BYTES or len(self._nals) > _MAX_NALS:
            self._tainted = True
            self._nals, self._fragment = [], None
            return
        kind = payload[0] & 31
        if kind == _FU_A:
            self._fragmented(payload)
            return
        if self._fragment is not None:  # a fragmented NAL unit was not ended
            self._fragment, self._tainted = None, True
        if kind == _STAP_A:
            at = 1
            while at < len(payload):
                size = int.from_bytes(payload[at : at + 2], "big")
                if not size or at + 2 + size > len(payload):
                    self._tainted = True
                    return
                self._nals.append(payload[at + 2 : at + 2 + size])
                at += 2 + size
        elif 0 < kind < _STAP_A:
            self._nals.append(payload)
        else:  # STAP-B, MTAP and FU-B belong to the interleaved mode, which was not agreed
            self._tainted = True

    def _fragmented(self, payload: bytes) -> None:
        """FU-A (5.8)."""
        if len(payload) < 3:
            self._tainted = True
            return
        start, end = payload[1] & 0x80, payload[1] & 0x40
        if start:
            self._tainted |= self._fragment is not None
            self._fragment = bytearray((payload[0] & 0xE0 | payload[1] & 0x1F,))
        if self._fragment is None:
            self._tainted = True
            return
        self._fragment += payload[2:]
        if end:
            self._nals.append(bytes(self._fragment))
            self._fragment = None

    def _finish(self) -> list[AccessUnit]:
        nals, whole = self._nals, not self._tainted and self._fragment is None
        begun = bool(nals) or not whole
        self._drop()
        if not begun:
            return []
        kinds = {nal[0] & 31 for nal in nals}
        key = _IDR in kinds
        if not whole or (self.waiting and not key):
            self.skipped += 1
            self.waiting = True
            return []
        sets = tuple(nal for nal in nals if nal[0] & 31 in (_SPS, _PPS))
        left = [nal for nal in nals if nal[0] & 31 not in (_SPS, _PPS, _DELIMITER, _FILLER)]
        if key:
            self.waiting = False
        data = b"".join(struct.pack(">I", len(nal)) + nal for nal in left)
        return [AccessUnit(self._timestamp, key, sets, data)] if left or sets else []

    def _drop(self) -> None:
        self._nals, self._fragment, self._bytes, self._tainted = [], None, 0, False


def _begins(payload: bytes) -> bool:
    """Can an access unit only begin here (H.264 7.4.1.2.3)? Of what senders use: a delimiter or an SPS."""
    kind = payload[0] & 31
    if kind == _STAP_A and len(payload) > 3:
        kind = payload[3] & 31
    return kind in (_SPS, _DELIMITER)
