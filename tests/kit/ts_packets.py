"""Transport streams as octets, packet by packet (ITU-T H.222.0 2.4.3, 2.4.4): for dialogues with the demuxer."""

from __future__ import annotations

import struct
from collections import Counter

from base.crc import crc32

PMT_PID, VIDEO_PID, AUDIO_PID, CUE_PID = 0x1000, 0x100, 0x101, 0x1F0


def section(table: int, number: int, body: bytes, *, version: int = 0, part: int = 0, last: int = 0) -> bytes:
    head = struct.pack(">BHHBBB", table, 0xB000 | len(body) + 9, number, 0xC1 | version << 1, part, last)
    return head + body + struct.pack(">I", crc32(head + body))


def pat(programs: dict[int, int], **more: int) -> bytes:
    return section(0, 1, b"".join(struct.pack(">HH", n, 0xE000 | pid) for n, pid in programs.items()), **more)


def pmt(streams: list[tuple[int, int, bytes]], *, number: int = 1, pcr_pid: int = VIDEO_PID, version: int = 0) -> bytes:
    """`streams`: (stream type, PID, descriptors)."""
    body = struct.pack(">HH", 0xE000 | pcr_pid, 0xF000)
    for kind, pid, descriptors in streams:
        body += struct.pack(">BHH", kind, 0xE000 | pid, 0xF000 | len(descriptors)) + descriptors
    return section(2, number, body, version=version)


def pes(
    data: bytes, pts: int | None = None, dts: int | None = None, *, stream_id: int = 0xE0, sized: bool = False
) -> bytes:
    stamps = b""
    if pts is not None:
        stamps = _stamp(3 if dts is not None else 2, pts) + (_stamp(1, dts) if dts is not None else b"")
    flags = (0x80 if pts is not None else 0) | (0x40 if dts is not None else 0)
    body = bytes((0x80, flags, len(stamps))) + stamps + data
    return b"\0\0\1" + bytes((stream_id,)) + struct.pack(">H", len(body) if sized else 0) + body


def _stamp(prefix: int, value: int) -> bytes:
    value %= 1 << 33
    word = prefix << 36 | (value >> 30) << 33 | 1 << 32 | (value >> 15 & 0x7FFF) << 17 | 1 << 16
    return (word | (value & 0x7FFF) << 1 | 1).to_bytes(5, "big")


class Stream:
    """A stream under construction: `octets` grows by packets with right counters."""

    def __init__(self) -> None:
        self.octets = b""
        self._counters: Counter[int] = Counter()

    def unit(self, pid: int, data: bytes, *, field: bytes = b"") -> Stream:
        """Data in as many packets as it needs; `field`: adaptation field of the first, from its flags on."""
        begins = True
        while begins or data:
            room = 184 - (len(field) + 1 if field else 0)
            take, data = data[:room], data[room:]
            extra = field
            if len(take) < room:  # stuffing in an adaptation field
                missing = 184 - len(take) - 1
                extra = (field or (b"\0" if missing else b"")).ljust(missing, b"\xff")
                self._packet(pid, take, begins, extra, True)
            else:
                self._packet(pid, take, begins, extra, bool(extra))
            begins, field = False, b""
        return self

    def tables(self, streams: list[tuple[int, int, bytes]], *, version: int = 0) -> Stream:
        self.unit(0, b"\0" + pat({1: PMT_PID}))
        return self.unit(PMT_PID, b"\0" + pmt(streams, version=version))

    def loses(self, pid: int) -> Stream:
        """A packet of this PID went missing."""
        self._counters[pid] += 1
        return self

    def raw(self, octets: bytes) -> Stream:
        self.octets += octets
        return self

    def _packet(self, pid: int, payload: bytes, begins: bool, field: bytes, with_field: bool) -> None:
        head = struct.pack(">BHB", 0x47, begins << 14 | pid, (0x30 if with_field else 0x10) | self._counters[pid] & 15)
        self._counters[pid] += 1
        packet = head + (bytes((len(field),)) + field if with_field else b"") + payload
        assert len(packet) == 188, len(packet)
        self.octets += packet
