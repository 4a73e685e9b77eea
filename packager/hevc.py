"""HEVC configuration: hvcC (ISO/IEC 14496-15 8.3.3.1) and what a playlist needs of the SPS (ITU-T H.265 7.3.2.2)."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

from base.problems import Problem
from packager import hevc_sets
from packager.avc import Picture, vui
from packager.bits import Bits, unescape

VPS, SPS, PPS = 32, 33, 34
_HEAD = 22  # octets of an hvcC before its arrays
_PROFILE = 12  # octets of profile_tier_level up to general_level_idc


def parameter_sets(hvcc: bytes) -> dict[int, list[bytes]]:
    """The NAL units of an hvcC by their type. Raises Problem unplayable."""
    try:
        if hvcc[0] != 1 or len(hvcc) <= _HEAD:
            raise ValueError("not an HEVC configuration record")
        at = _HEAD + 1
        found: dict[int, list[bytes]] = {}
        for _ in range(hvcc[_HEAD]):
            kind, count = hvcc[at] & 63, int.from_bytes(hvcc[at + 1 : at + 3], "big")
            at += 3
            units = found.setdefault(kind, [])
            for _ in range(count):
                size = int.from_bytes(hvcc[at : at + 2], "big")
                unit = bytes(hvcc[at + 2 : at + 2 + size])
                if len(unit) != size or size < 2:
                    raise ValueError("a parameter set is cut off")
                units.append(unit)
                at += 2 + size
        return found
    except (IndexError, ValueError) as fault:
        raise Problem("unplayable", f"the HEVC configuration (hvcC) is damaged: {fault}") from fault


def picture(sps: bytes) -> Picture:
    """Raises Problem unplayable if the SPS cannot be read."""
    try:
        raw = unescape(sps)[2:]
        width, height, chroma, crop, _ = _geometry(Bits(raw))
        across, down = {1: (2, 2), 2: (2, 1)}.get(chroma, (1, 1))  # table 6-1
        width -= (crop[0] + crop[1]) * across
        height -= (crop[2] + crop[3]) * down
        if not (0 < width <= 16384 and 0 < height <= 16384):
            raise ValueError(f"a picture of {width}x{height}")
        bits = Bits(raw)
        hevc_sets.read_sps(bits)
        bits.flag()  # strong_intra_smoothing_enabled_flag
        sar, colour = vui(bits) if bits.flag() else ((1, 1), None)
    except ValueError as fault:
        raise Problem("unplayable", f"the HEVC sequence parameter set is damaged: {fault}") from fault
    return Picture(width=width, height=height, sar=sar, colour=colour)


def record(units: Mapping[int, Sequence[bytes]]) -> bytes:
    """HEVCDecoderConfigurationRecord with 4-octet lengths and complete arrays, of NAL units by type, VPS, SPS and PPS
    among them. Raises ValueError."""
    raw = unescape(units[SPS][0])
    if len(raw) < 3 + _PROFILE:
        raise ValueError("the sequence parameter set is cut short")
    _, _, chroma, _, (luma, other) = _geometry(Bits(raw[2:]))
    if chroma > 3 or luma > 7 or other > 7:
        raise ValueError(f"chroma format {chroma}, depths {luma + 8} and {other + 8}")
    out = bytearray(b"\x01" + raw[3 : 3 + _PROFILE])
    # Least spatial segmentation, parallelism and frame rate: 0 stands for unknown in each.
    out += bytes((0xF0, 0, 0xFC, 0xFC | chroma, 0xF8 | luma, 0xF8 | other, 0, 0))
    layers, nested = (raw[2] >> 1 & 7) + 1, raw[2] & 1
    out += bytes((layers << 3 | nested << 2 | 3, len(units)))
    for kind, found in sorted(units.items()):
        out += struct.pack(">BH", 0x80 | kind, len(found))
        for unit in found:
            out += struct.pack(">H", len(unit)) + unit
    return bytes(out)


def _geometry(bits: Bits) -> tuple[int, int, int, list[int], tuple[int, int]]:
    """(width, height, chroma_format_idc, cropping: left right top bottom in chroma units, depths - 8) of an SPS behind
    its NAL unit header."""
    bits.read(4)
    layers = bits.read(3)
    bits.flag()
    hevc_sets.skip_profile_tier_level(bits, layers)
    bits.ue()
    chroma = bits.ue()
    if chroma == 3:
        bits.flag()
    width, height = bits.ue(), bits.ue()
    crop = [bits.ue() for _ in range(4)] if bits.flag() else [0, 0, 0, 0]
    return width, height, chroma, crop, (bits.ue(), bits.ue())
