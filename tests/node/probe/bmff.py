"""Small init segments and fragments, box by box, and each with a way to be wrong."""

from __future__ import annotations

import struct
from collections.abc import Sequence

SCALE = 1000
SYNC, OTHER = 0x02000000, 0x01010000
# A baseline profile avcC up to where the parameter sets begin: all that a codec string needs.
AVCC = bytes([1, 0x42, 0xC0, 0x1E, 0xFF, 0xE0, 0])
# esds of AAC-LC: ES descriptor, decoder config (object type 0x40), decoder specific info (audio object type 2).
ESDS = bytes([0] * 4 + [3, 22, 0, 1, 0, 4, 17, 0x40, 0x15] + [0] * 11 + [5, 2, 0x12, 0x10])


def box(kind: bytes, *bodies: bytes) -> bytes:
    body = b"".join(bodies)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def full(kind: bytes, *bodies: bytes, version: int = 0, flags: int = 0) -> bytes:
    return box(kind, struct.pack(">I", version << 24 | flags), *bodies)


def entry(video: bool) -> bytes:
    if video:
        return box(b"avc1", bytes(24), struct.pack(">HH", 640, 360), bytes(50), box(b"avcC", AVCC))
    return box(b"mp4a", bytes(28), box(b"esds", ESDS))


def init(
    *,
    video: bool = True,
    brand: bytes = b"cmfc",
    mvex: bool = True,
    samples: int = 0,
    duration: int = 0,
    track: int = 1,
    edit: int | None = None,
    tail: bytes = b"",
) -> bytes:
    """One track with timescale 1000; `edit`: the media time that an edit list begins with."""
    tables = b"".join(
        [full(b"stts", struct.pack(">I", samples), bytes(8 * samples))]
        + [full(kind, bytes(4)) for kind in (b"stsc", b"stco")]
        + [full(b"stsz", bytes(8))]
    )
    mdia = box(
        b"mdia",
        full(b"mdhd", struct.pack(">IIIII", 0, 0, SCALE, 0, 0)),
        full(b"hdlr", bytes(4), b"vide" if video else b"soun", bytes(13)),
        box(b"minf", box(b"stbl", full(b"stsd", struct.pack(">I", 1), entry(video)), tables)),
    )
    edts = b""
    if edit is not None:
        edts = box(b"edts", full(b"elst", struct.pack(">IIiI", 1, 0, edit, 0x10000)))
    tkhd = full(b"tkhd", struct.pack(">IIIII", 0, 0, track, 0, duration), bytes(60))
    trak = box(b"trak", tkhd, edts, mdia)
    mvhd = full(b"mvhd", struct.pack(">IIII", 0, 0, SCALE, duration), bytes(80))
    extends = box(b"mvex", full(b"trex", struct.pack(">5I", track, 1, 0, 0, 0))) if mvex else b""
    return (
        box(b"ftyp", brand, bytes(4), b"iso6" if brand == b"cmfc" else brand) + box(b"moov", mvhd, trak, extends) + tail
    )


def fragment(
    time: int,
    durations: Sequence[int] = (500,) * 4,
    *,
    track: int = 1,
    sync: bool = True,
    tfdt: bool = True,
    base: bool = False,
    size: int = 10,
    fill: bytes = b"x",
    offset: int = 0,
) -> bytes:
    """One moof and mdat of samples of `size` octets; `offset` is every sample's composition offset."""
    flags = [SYNC if at == 0 and sync else OTHER for at in range(len(durations))]
    rows = b"".join(struct.pack(">IIIi", d, size, flag, offset) for d, flag in zip(durations, flags, strict=True))

    def moof(data: int) -> bytes:
        head = full(
            b"tfhd", struct.pack(">I", track), struct.pack(">Q", 0) if base else b"", flags=1 if base else 0x20000
        )
        decode = full(b"tfdt", struct.pack(">Q", time), version=1) if tfdt else b""
        run = full(b"trun", struct.pack(">Ii", len(durations), data), rows, version=1, flags=0xF01)
        return box(b"moof", full(b"mfhd", struct.pack(">I", 1)), box(b"traf", head, decode, run))

    return moof(len(moof(0)) + 8) + box(b"mdat", fill * (size * len(durations)))


def sidx(*entries: tuple[int, int], sap: bool = True, nested: bool = False) -> bytes:
    """(octets, duration) of each subsegment."""
    rows = b"".join(
        struct.pack(">III", size | nested << 31, lasts, (1 << 31 | 1 << 28) if sap else 0) for size, lasts in entries
    )
    return full(b"sidx", struct.pack(">IIIIHH", 1, SCALE, 0, 0, 0, len(entries)), rows)
