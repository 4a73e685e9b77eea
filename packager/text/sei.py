"""Caption octets in a video's SEI (ATSC A/53 part 4, 6.2.3; ITU-T T.35; H.264 and H.265 annex D).

Only the heads of samples are read: SEI stands before the slices of its picture, so the first slice ends the search. On
each picture that is looked at, one page of the file is touched.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from packager.bits import unescape
from packager.boxes import walk
from packager.index import IndexTrack

I64 = npt.NDArray[np.int64]

# country 0xB5 (United States), provider 0x0031 (ATSC), user identifier, type 3: cc_data
_HEAD = b"\xb5\x00\x31GA94\x03"
_T35 = 4  # payload type user_data_registered_itu_t_t35
_ENTRY = 86  # octets of a visual sample entry's box before the boxes in it
_LARGEST = 4096  # octets of an SEI unit that are looked at
_MOST_UNITS = 32  # before the first slice
# Pictures that are looked at to learn whether a film has captions at all: some at its start, some all over it.
_FIRST, _SPREAD = 150, 150

Pair = tuple[int, int, int]


def carries(track: IndexTrack, media: memoryview) -> bool:
    """True if captions were seen in some of the pictures: encoders that write them do so with each picture."""
    count = len(track.samples)
    rows = np.unique(np.append(np.arange(min(_FIRST, count)), np.linspace(0, count - 1, _SPREAD).astype(np.int64)))
    return any(True for _ in _found(track, media, rows))


def pairs(track: IndexTrack, media: memoryview) -> tuple[list[Pair], list[Pair]]:
    """(ms, octet, octet) of field 1 and of field 2 that say anything, in the order of presentation."""
    shown = track.samples["dts"] + track.samples["cto"].astype(np.int64) - track.shift
    rows = np.argsort(shown, kind="stable")
    scale = track.format.timescale
    fields: tuple[list[Pair], list[Pair]] = ([], [])
    for row, data in _found(track, media, rows):
        at = int(shown[row]) * 1000 // scale
        if at >= 0:
            for start in range(0, len(data) - 2, 3):
                marker, first, second = data[start : start + 3]
                # valid, and of type 0 or 1: a field of CEA-608; most pairs of a film say nothing
                if marker & 0xFE == 0xFC and (first | second) & 0x7F:
                    fields[marker & 1].append((at, first, second))
    return fields


def _found(track: IndexTrack, media: memoryview, rows: I64) -> Iterator[tuple[int, bytes]]:
    """(row, cc_data packets) of each picture that has them."""
    length, hevc = _layout(track)
    if not length:
        return
    offsets, sizes = track.samples["offset"][rows].tolist(), track.samples["size"][rows].tolist()
    for row, at, size in zip(rows.tolist(), offsets, sizes, strict=True):
        end = at + size
        for _ in range(_MOST_UNITS):
            body = at + length
            if body >= end:
                break
            octets = int.from_bytes(media[at:body], "big")
            first = media[body]
            kind = first >> 1 & 0x3F if hevc else first & 0x1F
            if kind < 32 if hevc else 1 <= kind <= 5:
                break
            at = body + octets
            if (kind in (39, 40) if hevc else kind == 6) and (
                data := cc_data(bytes(media[body + (2 if hevc else 1) : min(at, end, body + _LARGEST)]))
            ):
                yield row, data


def cc_data(unit: bytes) -> bytes:
    """The caption packets (three octets each) in an SEI unit without its header; empty if there are none."""
    if b"GA94" not in unit:
        return b""
    unit, at = unescape(unit), 0
    while at + 2 < len(unit):
        kind, at = _number(unit, at)
        size, at = _number(unit, at)
        payload = unit[at : at + size]
        at += size
        if kind == _T35 and payload.startswith(_HEAD) and len(payload) > 10:
            flags = payload[8]
            if flags & 0x40:  # process_cc_data_flag
                return payload[10 : 10 + 3 * (flags & 0x1F)]
    return b""


def _number(unit: bytes, at: int) -> tuple[int, int]:
    """H.264 7.3.2.3.1: 255 as often as it goes, then the rest."""
    value = 0
    while at < len(unit) and unit[at] == 0xFF:
        value, at = value + 255, at + 1
    return value + (unit[at] if at < len(unit) else 0), at + 1


def _layout(track: IndexTrack) -> tuple[int, bool]:
    """Octets of a unit's length, 0 where there are no such units; and whether it is HEVC."""
    entry = memoryview(track.format.entry)
    codec = track.format.codec.partition(".")[0]
    hevc = codec in ("hvc1", "hev1")
    if not hevc and codec not in ("avc1", "avc3"):
        return 0, False
    for box in walk(entry, _ENTRY, len(entry)):
        if box.type == ("hvcC" if hevc else "avcC"):
            at = box.body + (21 if hevc else 4)
            return ((entry[at] & 3) + 1 if at < box.end else 0), hevc
    return 0, hevc
