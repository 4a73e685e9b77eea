"""Octets to whole transport packets: the search for sync octets, again after damage (H.222.0 2.4.3.2)."""

from __future__ import annotations

import numpy as np

from base.problems import Problem

PACKET = 188
SYNC = 0x47
# A sync octet counts once it stands at the head of three packets in a row: in media it stands by chance too.
_REACH = 2 * PACKET
_WINDOW = 4096
MAX_SKIPPED = 1 << 20


class Packets:
    """`take` gives views of whole packets. `skipped`: octets that belonged to none."""

    def __init__(self) -> None:
        self._rest = b""
        self._locked = False
        self._since = 0  # octets skipped since the last packet
        self.skipped = 0

    def take(self, data: bytes) -> list[memoryview]:
        """Runs of packets, each a view of a multiple of 188 octets. Raises Problem malformed if there are none."""
        if self._rest:
            data = self._rest + data
        view, at, found = memoryview(data), 0, []
        while True:
            if not self._locked:
                at = self._search(data, at)
                if not self._locked:
                    break
            count = (len(data) - at) // PACKET
            if not count:
                break
            wrong = np.flatnonzero(np.frombuffer(data, np.uint8, count * PACKET, at)[::PACKET] != SYNC)
            good = int(wrong[0]) if len(wrong) else count
            if good:
                found.append(view[at : at + good * PACKET])
                at += good * PACKET
                self._since = 0
            if good == count:
                break
            self._locked = False
        self._rest = data[at:]
        return found

    def _search(self, data: bytes, at: int) -> int:
        """Where the next packet begins, and the lock; without one, where to look again when more has come."""
        while (room := min(len(data) - at - _REACH, _WINDOW)) > 0:
            octets = np.frombuffer(data, np.uint8, room + _REACH, at) == SYNC
            hits = octets[:room] & octets[PACKET : PACKET + room] & octets[_REACH:]
            step = int(hits.argmax())
            self._locked = bool(hits[step])
            self._skip(step if self._locked else room)
            at += step if self._locked else room
            if self._locked:
                break
        return at

    def _skip(self, count: int) -> None:
        self.skipped += count
        self._since += count
        if self._since > MAX_SKIPPED:
            raise Problem("malformed", "this is no MPEG transport stream: set the encoder's output format to mpegts")
