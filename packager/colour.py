"""The colours of a video track: primaries, transfer characteristics and matrix (ITU-T H.273), wherever it says them.

First the `colr` box of the sample entry (ISO/IEC 14496-12 12.1.5), which goes before the stream; then the stream's own
configuration in that entry: the VUI of H.264 (E.1.1) and HEVC (E.2.1), and AV1's color_config (5.5.2). Many encoders
write no `colr` box.
"""

from __future__ import annotations

import struct
from functools import lru_cache

from base.media import Format
from base.problems import Problem
from packager import avc
from packager.av1_sequence import read_sequence
from packager.bits import Bits, unescape
from packager.boxes import walk
from packager.hevc_sets import read_sps
from packager.hevc_slices import parameter_sets

_VISUAL_ENTRY = 86  # octets of it before its boxes
_UNSPECIFIED = 2
_HEVC_SPS, _SEQUENCE_HEADER = 33, 1


def cicp(fmt: Format) -> tuple[int, ...]:
    """Three codes, or () where nothing is said or what is said cannot be read."""
    return _of_entry(bytes(fmt.entry)) if fmt.kind == "video" else ()


@lru_cache(64)
def _of_entry(entry: bytes) -> tuple[int, ...]:
    data = memoryview(entry)
    if len(data) <= _VISUAL_ENTRY:
        return ()
    configuration: tuple[str, bytes] = ("", b"")
    for box in walk(data, _VISUAL_ENTRY, len(data)):
        if box.type == "colr" and box.size >= 18 and bytes(data[box.body : box.body + 4]) == b"nclx":
            return struct.unpack_from(">3H", data, box.body + 4)
        if box.type in ("avcC", "hvcC", "av1C"):
            configuration = box.type, bytes(data[box.body : box.end])
    try:
        match configuration:
            case "avcC", body:
                found = _of_avc(body)
            case "hvcC", body:
                found = _of_hevc(body)
            case "av1C", body:
                found = _of_av1(body)
            case _:
                found = ()
    except (Problem, ValueError, IndexError):
        return ()  # the codec's own reader says what is wrong with it
    # a transfer that is not told says nothing of the range
    return found if len(found) == 3 and found[1] != _UNSPECIFIED else ()


def _of_avc(body: bytes) -> tuple[int, ...]:
    sets, _ = avc.parameter_sets(body)
    colour = avc.picture(sets[0]).colour
    return colour[:3] if colour else ()


def _of_hevc(body: bytes) -> tuple[int, ...]:
    sps = next(unit for unit in [*parameter_sets(body), b""] if not unit or unit[0] >> 1 & 0x3F == _HEVC_SPS)
    bits = Bits(unescape(sps)[2:])
    read_sps(bits)  # up to sps_temporal_mvp_enabled_flag
    bits.flag()  # strong_intra_smoothing_enabled_flag
    if not bits.flag():  # vui_parameters_present_flag
        return ()
    _, colour = avc.vui(bits)  # it begins as H.264's does
    return colour[:3] if colour else ()


def _of_av1(body: bytes) -> tuple[int, ...]:
    """configOBUs (AV1 in ISOBMFF 2.3.3): the first is the sequence header, with a size (5.3.2)."""
    header, at = body[4], 5
    if header >> 3 & 15 != _SEQUENCE_HEADER or not header & 2:
        return ()
    at += header >> 2 & 1
    size = shift = 0
    while True:  # leb128 (4.10.5)
        octet = body[at]
        size |= (octet & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not octet & 0x80 or shift > 56:
            break
    return read_sequence(body[at : at + size]).colour.codes
