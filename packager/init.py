"""Init segments: the CMAF header of one track (ISO/IEC 23000-19 7.3.1, RFC 8216bis 3.1.2)."""

from __future__ import annotations

import hashlib
import struct

from base.media import Format
from packager import dolby_vision
from packager.boxes import box, fullbox

TRACK_ID = 1
MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


def generation(init: bytes) -> str:
    """The hex that an init segment's name carries: equal bytes, equal name."""
    return hashlib.sha256(init).hexdigest()[:16]


def init_segment(fmt: Format, *entries: bytes) -> bytes:
    """ftyp, moov with one track and empty tables, mvex. No edit list (`cmf2`): presentation times are in trun.

    `entries` stand in for the format's own sample entry (protection).
    """
    video = fmt.kind == "video"
    brands = [b"iso6", b"cmfc", b"mp41"]
    if beside := dolby_vision.of(fmt):
        brands += [dolby_vision.FILE_BRAND, beside.brand.encode()]
    ftyp = box(b"ftyp", b"iso6", struct.pack(">I", 0), *brands)
    # durations 0: the movie grows by fragments (23000-19 7.5.1; RFC 8216bis 3.1.2)
    mvhd = fullbox(
        b"mvhd", 0, 0, struct.pack(">IIII", 0, 0, fmt.timescale, 0), struct.pack(">IH10x", 0x10000, 0x100),
        MATRIX, bytes(24), struct.pack(">I", TRACK_ID + 1),
    )  # fmt: skip
    tkhd = fullbox(
        b"tkhd", 0, 7, struct.pack(">IIIII", 0, 0, TRACK_ID, 0, 0), bytes(8),
        struct.pack(">hhHH", 0, 0, 0 if video else 0x100, 0), MATRIX,
        struct.pack(">II", fmt.width << 16, fmt.height << 16),
    )  # fmt: skip
    mdhd = fullbox(b"mdhd", 0, 0, struct.pack(">IIIIHH", 0, 0, fmt.timescale, 0, language_code(fmt.language), 0))
    hdlr = fullbox(b"hdlr", 0, 0, struct.pack(">I4s12x", 0, b"vide" if video else b"soun"), b"Headwater\0")
    stbl = box(
        b"stbl",
        fullbox(b"stsd", 0, 0, struct.pack(">I", len(entries) or 1), *(entries or (fmt.entry,))),
        fullbox(b"stts", 0, 0, bytes(4)),
        fullbox(b"stsc", 0, 0, bytes(4)),
        fullbox(b"stsz", 0, 0, bytes(8)),
        fullbox(b"stco", 0, 0, bytes(4)),
    )
    minf = box(b"minf", media_header(fmt.kind), dinf(), stbl)
    trak = box(b"trak", tkhd, box(b"mdia", mdhd, hdlr, minf))
    mvex = box(b"mvex", fullbox(b"trex", 0, 0, struct.pack(">IIIII", TRACK_ID, 1, 0, 0, 0)))
    return ftyp + box(b"moov", mvhd, trak, mvex)


def media_header(kind: str) -> bytes:
    """vmhd or smhd (14496-12 12.1.2, 12.2.2)."""
    return fullbox(b"vmhd", 0, 1, bytes(8)) if kind == "video" else fullbox(b"smhd", 0, 0, bytes(4))


def dinf() -> bytes:
    """The media lies in this very file (8.7.1, 8.7.2)."""
    return box(b"dinf", fullbox(b"dref", 0, 0, struct.pack(">I", 1), fullbox(b"url ", 0, 1)))


def language_code(code: str) -> int:
    """ISO 639-2/T code in three times five bits, letter - 0x60 (14496-12 8.4.2)."""
    letters = code if len(code) == 3 and code.isascii() and code.islower() and code.isalpha() else "und"
    first, second, third = (ord(letter) - 0x60 for letter in letters)
    return first << 10 | second << 5 | third
