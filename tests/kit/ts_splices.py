"""SCTE-35 in a transport stream that a real encoder made: a PID of its own in the PMT, sections among the packets."""

from __future__ import annotations

import struct

from base.crc import crc32
from tests.kit.ts_packets import CUE_PID

_PACKET = 188


def with_sections(ts: bytes, sections: list[tuple[float, bytes]]) -> bytes:
    """`sections`: (seconds after the first picture, section), put in front of the first picture at or after that."""
    out, pmt_pid, first, counter, left = bytearray(), -1, -1, 0, sorted(sections)
    for at in range(0, len(ts), _PACKET):
        packet = ts[at : at + _PACKET]
        pid = (packet[1] & 0x1F) << 8 | packet[2]
        begins, payload = bool(packet[1] & 0x40), _payload(packet)
        if pid == 0 and begins:
            pmt_pid = (payload[11] & 0x1F) << 8 | payload[12]
        elif pid == pmt_pid and begins:
            packet = packet[: _PACKET - len(payload)] + _with_cue_pid(payload)
        elif begins and payload[:3] == b"\0\0\1" and payload[3] & 0xF0 == 0xE0:
            time = _time(payload)
            first = time if first < 0 else first
            while left and (time - first) / 90_000 >= left[0][0] - 0.001:
                out += _packets(left.pop(0)[1], counter)
                counter += 1
        out += packet
    assert not left, "the stream ends before them"
    return bytes(out)


def first_time(ts: bytes) -> int:
    """The earliest PTS of a picture, 90 kHz."""
    times = []
    for at in range(0, len(ts), _PACKET):
        packet = ts[at : at + _PACKET]
        payload = _payload(packet)
        if packet[1] & 0x40 and payload[:3] == b"\0\0\1" and payload[3] & 0xF0 == 0xE0:
            times.append(_stamp(payload[9:14]))
    return min(times)


def _payload(packet: bytes) -> bytes:
    return packet[5 + packet[4] :] if packet[3] & 0x20 else packet[4:]


def _with_cue_pid(payload: bytes) -> bytes:
    """A PMT (H.222.0 2.4.4.9) with CUEI (SCTE 35 8.1) and one more stream, as long as the packet's payload was."""
    assert payload[0] == 0 and payload[1] == 2
    length = (payload[2] & 0x0F) << 8 | payload[3]
    body = payload[1 : 4 + length - 4]  # without CRC_32
    info = (body[10] & 0x0F) << 8 | body[11]
    registration = b"\x05\x04CUEI"
    body = (
        body[:10]
        + struct.pack(">H", 0xF000 | info + len(registration))
        + body[12 : 12 + info]
        + registration
        + body[12 + info :]
        + struct.pack(">BHH", 0x86, 0xE000 | CUE_PID, 0xF000)
    )
    body = body[:1] + struct.pack(">H", 0xB000 | len(body) - 3 + 4) + body[3:]
    made = b"\0" + body + struct.pack(">I", crc32(body))
    assert len(made) <= len(payload), "the table fills its packet"
    return made.ljust(len(payload), b"\xff")


def _time(payload: bytes) -> int:
    """DTS, or PTS where there is none."""
    return _stamp(payload[14:19] if payload[7] & 0x40 else payload[9:14])


def _stamp(octets: bytes) -> int:
    value = int.from_bytes(octets, "big")
    return (value >> 33 & 7) << 30 | (value >> 17 & 0x7FFF) << 15 | (value >> 1 & 0x7FFF)


def _packets(section: bytes, counter: int) -> bytes:
    """Short sections: one packet each, stuffed behind the section."""
    assert len(section) <= 183
    return struct.pack(">BHB", 0x47, 0x4000 | CUE_PID, 0x10 | counter & 15) + (b"\0" + section).ljust(184, b"\xff")
