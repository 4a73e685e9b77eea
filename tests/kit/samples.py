"""A reader of movie fragments by sample, independent of the packager: every field of every row, defaults filled in.

ISO/IEC 14496-12 8.8. tests/kit/fragments.py tells what a viewer learns; this tells what another packager wrote.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from tests.kit.decrypt import deep
from tests.kit.fragments import boxes


@dataclass(frozen=True, slots=True)
class Row:
    """One sample. Times in the track's timescale; `sync`: sample_is_non_sync_sample is 0."""

    dts: int
    duration: int
    size: int
    offset: int
    sync: bool
    data: bytes


@dataclass(frozen=True, slots=True)
class Fragment:
    """`names`: the four letters of what its traf holds, in order."""

    tfdt: int
    rows: tuple[Row, ...]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Head:
    """What an init segment says. `configuration`: the payloads of the boxes in its sample entry that decoders need.

    `edit`: the composition time at which the presentation begins (the media time of its edit list, 0 if it has none).
    """

    timescale: int
    entry: str
    configuration: dict[str, bytes]
    usual: tuple[int, int, int]
    pssh: tuple[bytes, ...]
    edit: int


def head(init: bytes) -> Head:
    found: dict[bytes, tuple[int, int]] = {}
    for kind, body, end in deep(init):
        found.setdefault(kind, (body, end))
    at = found[b"mdhd"][0]
    scale = struct.unpack_from(">I", init, at + (20 if init[at] == 1 else 12))[0]
    entry, start, end = next(boxes(init, found[b"stsd"][0] + 8, found[b"stsd"][1]))
    skip = 78 if b"vmhd" in found else 28
    inside = {kind.decode("latin-1"): init[body:stop] for kind, body, stop in boxes(init, start + skip, end)}
    kept = {name: body for name, body in inside.items() if name in _CONFIGURATION}
    pssh = tuple(init[body - 8 : stop] for kind, body, stop in deep(init) if kind == b"pssh")
    (trex,) = [body for kind, body, _ in boxes(init, *found[b"mvex"]) if kind == b"trex"]
    usual = struct.unpack_from(">III", init, trex + 8)
    return Head(scale, entry.decode("latin-1"), kept, usual, pssh, _edit(init, *found[b"trak"]))


def _edit(init: bytes, start: int, end: int) -> int:
    inside = [place for kind, *place in boxes(init, start, end) if kind == b"edts"]
    if not inside:
        return 0
    ((at, _),) = [(body, stop) for kind, body, stop in boxes(init, *inside[0]) if kind == b"elst"]
    (count,) = struct.unpack_from(">I", init, at + 4)
    assert count == 1, "one edit"
    time: int = struct.unpack_from(">Qq" if init[at] else ">Ii", init, at + 8)[1]
    return time


_CONFIGURATION = ("avcC", "hvcC", "av1C", "esds", "dac3", "dec3", "dOps", "dfLa")


def fragments(media: bytes, init: Head) -> list[Fragment]:
    """Every moof of one track."""
    return [_moof(media, body - 8, body, end, init) for kind, body, end in boxes(media) if kind == b"moof"]


def _moof(media: bytes, moof: int, start: int, end: int, init: Head) -> Fragment:
    (traf,) = [(body, stop) for kind, body, stop in boxes(media, start, end) if kind == b"traf"]
    duration, size, flags = init.usual
    tfdt = 0
    rows: list[Row] = []
    names: list[str] = []
    for kind, body, _ in boxes(media, *traf):
        names.append(kind.decode("latin-1"))
        said = struct.unpack_from(">I", media, body)[0] & 0xFFFFFF
        if kind == b"tfhd":
            assert not said & 1, "no base data offset in CMAF (23000-19 7.5.16)"
            at = body + 8 + (4 if said & 2 else 0)
            values = []
            for bit, usual in ((8, duration), (0x10, size), (0x20, flags)):
                values.append(struct.unpack_from(">I", media, at)[0] if said & bit else usual)
                at += 4 if said & bit else 0
            duration, size, flags = values
        elif kind == b"tfdt":
            tfdt = struct.unpack_from(">Q" if media[body] == 1 else ">I", media, body + 4)[0]
        elif kind == b"trun":
            begins = rows[-1].dts + rows[-1].duration if rows else tfdt
            rows += _trun(media, moof, body, begins, (duration, size, flags))
    return Fragment(tfdt, tuple(rows), tuple(names))


def _trun(media: bytes, moof: int, at: int, dts: int, usual: tuple[int, int, int]) -> list[Row]:
    said, count = struct.unpack_from(">II", media, at)
    signed = media[at] == 1
    place = moof + struct.unpack_from(">i", media, at + 8)[0]
    at += 12
    first = None
    if said & 4:
        first = struct.unpack_from(">I", media, at)[0]
        at += 4
    rows = []
    for number in range(count):
        values = []
        for bit, default in ((0x100, usual[0]), (0x200, usual[1]), (0x400, usual[2]), (0x800, 0)):
            form = ">i" if bit == 0x800 and signed else ">I"
            values.append(struct.unpack_from(form, media, at)[0] if said & bit else default)
            at += 4 if said & bit else 0
        duration, size, flags, offset = values
        if first is not None and not number:
            flags = first
        rows.append(Row(dts, duration, size, offset, not flags & 0x10000, media[place : place + size]))
        dts, place = dts + duration, place + size
    return rows
