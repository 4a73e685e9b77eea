"""Init segments of text tracks (ISO/IEC 14496-30, 14496-12 12.5 and 12.6; CMAF header, 23000-19 7.3.1)."""

from __future__ import annotations

import struct

from packager.boxes import box, fullbox
from packager.init import TRACK_ID
from packager.text.plan import TIMESCALE

FORMATS = ("wvtt", "stpp")
CODECS = {"wvtt": "wvtt", "stpp": "stpp.ttml.im1t"}  # the latter: W3C's registry of TTML profiles
_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_ENTRY_HEAD = struct.pack(">6xH", 1)
_UNDETERMINED = 0x55C4  # `und`: a language of BCP 47 stands in elng, which goes before mdhd's


def init(kind: str, language: str) -> bytes:
    """`kind`: one of FORMATS; `language`: BCP 47."""
    if kind == "wvtt":
        handler, brand, header = b"text", b"cwvt", fullbox(b"nmhd", 0, 0)
        entry = box(b"wvtt", _ENTRY_HEAD, box(b"vttC", b"WEBVTT"))
    else:
        handler, brand, header = b"subt", b"im1t", fullbox(b"sthd", 0, 0)
        mime = fullbox(b"mime", 0, 0, b"application/ttml+xml;codecs=im1t\0")
        # namespace, schema location (none), media types of images (none): 14496-12 12.6.3.2
        entry = box(b"stpp", _ENTRY_HEAD, b"http://www.w3.org/ns/ttml\0", b"\0", b"\0", mime)
    ftyp = box(b"ftyp", b"iso6", struct.pack(">I", 0), b"iso6", b"cmfc", brand)
    mvhd = fullbox(
        b"mvhd", 0, 0, struct.pack(">IIII", 0, 0, TIMESCALE, 0), struct.pack(">IH10x", 0x10000, 0x100),
        _MATRIX, bytes(24), struct.pack(">I", TRACK_ID + 1),
    )  # fmt: skip
    tkhd = fullbox(
        b"tkhd", 0, 7, struct.pack(">IIIII", 0, 0, TRACK_ID, 0, 0), bytes(16), _MATRIX, bytes(8)
    )  # fmt: skip
    mdhd = fullbox(b"mdhd", 0, 0, struct.pack(">IIIIHH", 0, 0, TIMESCALE, 0, _UNDETERMINED, 0))
    elng = fullbox(b"elng", 0, 0, language.encode("ascii") + b"\0")
    hdlr = fullbox(b"hdlr", 0, 0, struct.pack(">I4s12x", 0, handler), b"Headwater\0")
    dinf = box(b"dinf", fullbox(b"dref", 0, 0, struct.pack(">I", 1), fullbox(b"url ", 0, 1)))
    stbl = box(
        b"stbl",
        fullbox(b"stsd", 0, 0, struct.pack(">I", 1), entry),
        fullbox(b"stts", 0, 0, bytes(4)),
        fullbox(b"stsc", 0, 0, bytes(4)),
        fullbox(b"stsz", 0, 0, bytes(8)),
        fullbox(b"stco", 0, 0, bytes(4)),
    )
    mdia = box(b"mdia", mdhd, elng, hdlr, box(b"minf", header, dinf, stbl))
    mvex = box(b"mvex", fullbox(b"trex", 0, 0, struct.pack(">IIIII", TRACK_ID, 1, 0, 0, 0)))
    return ftyp + box(b"moov", mvhd, box(b"trak", tkhd, mdia), mvex)
