"""H.264 configuration: avcC (ISO/IEC 14496-15 5.3.3.1) and what a playlist needs from the SPS (ITU-T H.264 7.3.2.1)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from base.problems import Problem
from packager.bits import Bits, unescape

HIGH = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135}
# Table E-1: aspect_ratio_idc -> sample aspect ratio
_SAR = {
    1: (1, 1), 2: (12, 11), 3: (10, 11), 4: (16, 11), 5: (40, 33), 6: (24, 11), 7: (20, 11), 8: (32, 11),
    9: (80, 33), 10: (18, 11), 11: (15, 11), 12: (64, 33), 13: (160, 99), 14: (4, 3), 15: (3, 2), 16: (2, 1),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Size in samples after cropping, sample aspect ratio, colour (primaries, transfer, matrix, full range) or None."""

    width: int
    height: int
    sar: tuple[int, int] = (1, 1)
    colour: tuple[int, int, int, bool] | None = None


def codec_string(avcc: bytes) -> str:
    """`avc1.PPCCLL` from octets 1 to 3 of avcC (RFC 6381 3.3)."""
    return f"avc1.{avcc[1]:02x}{avcc[2]:02x}{avcc[3]:02x}"


def parameter_sets(avcc: bytes) -> tuple[list[bytes], list[bytes]]:
    """The SPS and PPS NAL units of an avcC. Raises Problem unplayable."""
    try:
        if avcc[0] != 1 or len(avcc) < 7:
            raise ValueError("not an AVC configuration record")
        at, found = 5, []
        for mask in (0x1F, 0xFF):
            count, at = avcc[at] & mask, at + 1
            sets = []
            for _ in range(count):
                size = int.from_bytes(avcc[at : at + 2], "big")
                nal = bytes(avcc[at + 2 : at + 2 + size])
                if len(nal) != size or not nal:
                    raise ValueError("a parameter set is cut off")
                sets.append(nal)
                at += 2 + size
            found.append(sets)
        return found[0], found[1]
    except (IndexError, ValueError) as fault:
        raise Problem("unplayable", f"the H.264 configuration (avcC) is damaged: {fault}") from fault


def record(sps: Sequence[bytes], pps: Sequence[bytes]) -> bytes:
    """AVCDecoderConfigurationRecord with 4-octet lengths, of NAL units, at least one of each. Raises ValueError."""
    if len(sps) > 31 or len(pps) > 255 or len(sps[0]) < 4:
        raise ValueError("more parameter sets than a configuration holds, or a short one")
    out = bytearray((1, *sps[0][1:4], 0xFF, 0xE0 | len(sps)))
    for unit in sps:
        out += struct.pack(">H", len(unit)) + unit
    out.append(len(pps))
    for unit in pps:
        out += struct.pack(">H", len(unit)) + unit
    if sps[0][1] in HIGH:
        bits = Bits(unescape(sps[0])[4:])
        bits.ue()
        chroma = bits.ue()
        if chroma == 3:
            bits.flag()
        luma, other = bits.ue(), bits.ue()
        if chroma > 3 or luma > 6 or other > 6:
            raise ValueError(f"chroma format {chroma}, depths {luma + 8} and {other + 8}")
        out += bytes((0xFC | chroma, 0xF8 | luma, 0xF8 | other, 0))
    return bytes(out)


def picture(sps: bytes) -> Picture:
    """Raises Problem unplayable if the SPS cannot be read."""
    try:
        return _sps(Bits(unescape(sps)[1:]))
    except ValueError as fault:
        raise Problem("unplayable", f"the H.264 sequence parameter set is damaged: {fault}") from fault


def _sps(bits: Bits) -> Picture:
    profile = bits.read(8)
    bits.read(16)  # constraint flags, level
    bits.ue()  # seq_parameter_set_id
    chroma, separate = 1, False
    if profile in HIGH:
        chroma = bits.ue()
        separate = chroma == 3 and bits.flag()
        bits.ue()
        bits.ue()
        bits.flag()
        skip_scaling_matrix(bits, chroma)
    bits.ue()  # log2_max_frame_num_minus4
    order = bits.ue()
    if order == 0:
        bits.ue()
    elif order == 1:
        bits.flag()
        bits.se()
        bits.se()
        cycle = bits.ue()
        if cycle > 255:
            raise ValueError("num_ref_frames_in_pic_order_cnt_cycle is over 255")
        for _ in range(cycle):
            bits.se()
    bits.ue()  # max_num_ref_frames
    bits.flag()
    width = (bits.ue() + 1) * 16
    units = bits.ue() + 1
    frame_only = bits.flag()
    height = units * 16 * (1 if frame_only else 2)
    if not frame_only:
        bits.flag()
    bits.flag()
    if bits.flag():  # frame_cropping_flag, 7.4.2.1.1
        left, right, top, bottom = bits.ue(), bits.ue(), bits.ue(), bits.ue()
        flat = chroma == 0 or separate
        across = 1 if flat or chroma == 3 else 2
        down = (1 if flat or chroma != 1 else 2) * (1 if frame_only else 2)
        width -= (left + right) * across
        height -= (top + bottom) * down
    if not (0 < width <= 16384 and 0 < height <= 16384):
        raise ValueError(f"a picture of {width}x{height}")
    sar, colour = vui(bits) if bits.flag() else ((1, 1), None)
    return Picture(width=width, height=height, sar=sar, colour=colour)


def vui(bits: Bits) -> tuple[tuple[int, int], tuple[int, int, int, bool] | None]:
    """The head of the VUI parameters (E.1.1; H.265 E.2.1 begins alike): aspect ratio and colour description."""
    sar = (1, 1)
    if bits.flag():
        idc = bits.read(8)
        sar = (bits.read(16), bits.read(16)) if idc == 255 else _SAR.get(idc, (1, 1))
        if 0 in sar:
            sar = (1, 1)
    if bits.flag():
        bits.flag()
    colour = None
    if bits.flag():
        bits.read(3)
        full_range = bits.flag()
        if bits.flag():
            colour = (bits.read(8), bits.read(8), bits.read(8), full_range)
    return sar, colour


def skip_scaling_matrix(bits: Bits, chroma: int) -> None:
    """seq_scaling_matrix_present_flag and what follows from it (7.3.2.1.1); `chroma`: chroma_format_idc."""
    if bits.flag():
        for i in range(8 if chroma != 3 else 12):
            if bits.flag():
                _skip_scaling_list(bits, 16 if i < 6 else 64)


def _skip_scaling_list(bits: Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.se() + 256) % 256
        last = following or last
