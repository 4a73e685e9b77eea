"""How many samples a frame of coded sound stands for, read from the frame itself."""

from __future__ import annotations

import struct

from base.problems import Problem

_BLOCKS = (1, 2, 3, 6)
_ADTS_RATES = 13


def ac3(_: bytes) -> int:
    return 1536  # TS 102 366 4.1: six blocks of 256


def eac3(frame: bytes) -> int:
    """numblkscod (TS 102 366 E.1.2.2, E.1.3.1.4); 0 of a dependent substream, which belongs to the frame before it."""
    if len(frame) < 5:
        raise damaged("E-AC-3")
    if frame[2] >> 6 == 1:
        return 0
    return 1536 if frame[4] >> 6 == 3 else 256 * _BLOCKS[frame[4] >> 4 & 3]


def opus(packet: bytes) -> int:
    """At 48 kHz, by the table-of-contents octet (RFC 6716 3.1, 3.2)."""
    if not packet:
        raise damaged("Opus")
    config, code = packet[0] >> 3, packet[0] & 3
    if config < 12:
        frame = (480, 960, 1920, 2880)[config & 3]
    elif config < 16:
        frame = (480, 960)[config & 1]
    else:
        frame = (120, 240, 480, 960)[config & 3]
    if code < 3:
        return frame * (1 if code == 0 else 2)
    samples = frame * (packet[1] & 0x3F) if len(packet) > 1 else 0
    if not 0 < samples <= 5760:  # 3.2.5: one frame at least, 120 ms at most
        raise damaged("Opus")
    return samples


def flac(frame: bytes) -> int:
    """Block size of a frame header (RFC 9639 9.1.1)."""
    if len(frame) < 7 or frame[0] != 0xFF or frame[1] >> 2 != 0x3E:
        raise damaged("FLAC")
    bits = frame[2] >> 4
    if bits == 1:
        return 192
    if 2 <= bits <= 5:
        return 576 << (bits - 2)
    if bits >= 8:
        return 256 << (bits - 8)
    lead = frame[4]
    number = 1
    while lead & 0x80 and lead & 0x40 >> (number - 1):  # coded like UTF-8 (9.1.5)
        number += 1
    at = 4 + number
    if bits == 6 and len(frame) > at:
        return frame[at] + 1
    if bits == 7 and len(frame) > at + 1:
        return int(struct.unpack_from(">H", frame, at)[0]) + 1
    raise damaged("FLAC")


def mp3(frame: bytes) -> int:
    """MPEG-1 layer III has 1152 samples a frame, MPEG-2 and 2.5 have 576 (ISO/IEC 11172-3 2.4.2, 13818-3)."""
    if len(frame) < 4 or frame[0] != 0xFF or frame[1] >> 5 != 7:
        raise damaged("MP3")
    return 1152 if frame[1] >> 3 & 3 == 3 else 576


def adts_config(frame: bytes) -> bytes:
    """The AudioSpecificConfig that an ADTS header stands for (ISO/IEC 14496-3 1.A.2.2, 1.6.2.1)."""
    if len(frame) < 7 or frame[0] != 0xFF or frame[1] & 0xF6 != 0xF0:
        raise damaged("AAC")
    kind, rate = (frame[2] >> 6) + 1, frame[2] >> 2 & 15
    channels = (frame[2] & 1) << 2 | frame[3] >> 6
    if rate >= _ADTS_RATES:
        raise damaged("AAC")
    return struct.pack(">H", kind << 11 | rate << 7 | channels << 3)


def without_adts(frame: bytes) -> bytes:
    """The raw data block after its header. Raises Problem if the packet holds more than one."""
    if len(frame) < 7 or frame[0] != 0xFF or frame[1] & 0xF6 != 0xF0:
        raise damaged("AAC")
    if frame[6] & 3:
        raise Problem("unplayable", "its AAC frames hold several blocks each: remux it with FFmpeg first")
    return frame[7 if frame[1] & 1 else 9 :]


def damaged(codec: str) -> Problem:
    return Problem("unplayable", f"a frame of {codec} cannot be read: the media is damaged")
