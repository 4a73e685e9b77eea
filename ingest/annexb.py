"""H.264 and HEVC byte streams (annex B) to the form of a file: length-prefixed NAL units (14496-15 5.3, 8.3)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from packager import avc

_SPS, _PPS, _DELIMITER = 7, 8, 9


def nal_units(stream: bytes) -> list[bytes]:
    """The NAL units of a byte stream, without start codes and trailing zeros."""
    units = (unit.rstrip(b"\0") for unit in stream.split(b"\0\0\1"))
    return [unit for unit in units if unit]


def avcc(stream: bytes) -> bytes:
    """The decoder configuration record (5.3.3.1) for the parameter sets in a byte stream, 4-octet lengths."""
    units = nal_units(stream)
    sps = [unit for unit in units if unit[0] & 31 == _SPS]
    pps = [unit for unit in units if unit[0] & 31 == _PPS]
    assert sps and pps, "the encoder gave no parameter sets"
    return avc.record(sps, pps)


def access_unit(stream: bytes) -> bytes:
    """A sample: NAL units with 4-octet lengths; parameter sets and delimiters stay in the configuration or go."""
    units = (unit for unit in nal_units(stream) if unit[0] & 31 not in (_SPS, _PPS, _DELIMITER))
    return b"".join(struct.pack(">I", len(unit)) + unit for unit in units)


# What the configuration says (parameter sets), and what only frames a byte stream: delimiters, filler.
_HEVC_SETS, _HEVC_FRAMING = frozenset((32, 33, 34)), frozenset((35, 38))
_AVC_SETS, _AVC_FRAMING = frozenset((_SPS, _PPS, 13)), frozenset((_DELIMITER, 12))
_AVC_IDR = 5
_HEVC_IRAP = range(16, 22)  # BLA, IDR and CRA pictures (H.265 table 7-1)


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """`data`: NAL units with 4-octet lengths, without `sets` and framing; empty if no picture is among them.

    `key`: decoding may begin here: an IDR picture of H.264, an intra random access point of HEVC (IDR, CRA, BLA).
    """

    data: bytes
    sets: list[bytes]
    key: bool


def access(stream: bytes, *, hevc: bool) -> AccessUnit:
    """One access unit of a byte stream."""
    sets, framing = (_HEVC_SETS, _HEVC_FRAMING) if hevc else (_AVC_SETS, _AVC_FRAMING)
    sample, found, key, picture = [], [], False, False
    for unit in nal_units(stream):
        kind = unit[0] >> 1 & 63 if hevc else unit[0] & 31
        if kind in sets:
            found.append(unit)
        elif kind not in framing:
            sample += [struct.pack(">I", len(unit)), unit]
            picture = picture or (kind < 32 if hevc else 0 < kind < 6)
            key = key or (kind in _HEVC_IRAP if hevc else kind == _AVC_IDR)
    return AccessUnit(b"".join(sample) if picture else b"", found, key)


def split(stream: bytes, *, hevc: bool) -> tuple[bytes, list[bytes]]:
    """A sample without parameter sets and framing, and the parameter sets that stood in it."""
    unit = access(stream, hevc=hevc)
    return unit.data, unit.sets
