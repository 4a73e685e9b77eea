"""H.264 byte streams (ITU-T H.264 annex B) to the form of a file: avcC and length-prefixed NAL units (14496-15 5.3)."""

from __future__ import annotations

import re
import struct

_START = re.compile(rb"\x00\x00\x00?\x01")
_SPS, _PPS, _DELIMITER = 7, 8, 9


def nal_units(stream: bytes) -> list[bytes]:
    """The NAL units of a byte stream, without start codes and trailing zeros."""
    return [unit.rstrip(b"\0") for unit in _START.split(stream) if unit.rstrip(b"\0")]


def avcc(stream: bytes) -> bytes:
    """The decoder configuration record (5.3.3.1) for the parameter sets in a byte stream, 4-octet lengths."""
    units = nal_units(stream)
    sps = [unit for unit in units if unit[0] & 31 == _SPS]
    pps = [unit for unit in units if unit[0] & 31 == _PPS]
    assert sps and pps, "the encoder gave no parameter sets"
    out = bytearray((1, *sps[0][1:4], 0xFF, 0xE0 | len(sps)))
    for unit in sps:
        out += struct.pack(">H", len(unit)) + unit
    out.append(len(pps))
    for unit in pps:
        out += struct.pack(">H", len(unit)) + unit
    if sps[0][1] in (100, 110, 122, 144):  # chroma 4:2:0, 8 bits, no extension sets
        out += b"\xfd\xf8\xf8\x00"
    return bytes(out)


def access_unit(stream: bytes) -> bytes:
    """A sample: NAL units with 4-octet lengths; parameter sets and delimiters stay in the configuration or go."""
    units = (unit for unit in nal_units(stream) if unit[0] & 31 not in (_SPS, _PPS, _DELIMITER))
    return b"".join(struct.pack(">I", len(unit)) + unit for unit in units)
