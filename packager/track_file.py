"""One track as one file: ftyp, moov, sidx and then its segments, octet by octet as they are by name.

DASH's on-demand profile addresses segments by the ranges that sidx says (ISO/IEC 23009-1 6.3.5.2, 8.3; DASH-IF timing
model 18.1). The file is never stored nor made as a whole. How long each segment is follows from the tables: the
length of a fragment's head depends on which columns its run needs, and that is found for all segments at once.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from packager.boxes import box, fullbox
from packager.layout import I64, Piece, Run, cut, edges, trimmed
from packager.plan import TrackPlan
from packager.segment import segment

# sidx counts its references in 16 bits (14496-12 8.16.3).
MOST_REFERENCES = (1 << 16) - 1
_BLOCK = 512  # segments looked at together: what bounds the memory
_SIDX = 8 + 4 + 8 + 16 + 4
# ftyp of a self-initializing segment: the brands of packager.init, and `dash` (ISO/IEC 23009-1 6.3.5.2)
_FTYP = box(b"ftyp", b"iso6", struct.pack(">I", 0), b"iso6", b"cmfc", b"mp41", b"dash")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackFile:
    """`head` is ftyp, moov and sidx; `numbers` the segments that follow it; `edges` where head and segments begin.

    `initialization` and `index`: first and last octet of ftyp and moov, and of sidx.
    """

    plan: TrackPlan
    head: bytes
    numbers: I64
    edges: I64
    initialization: tuple[int, int]
    index: tuple[int, int]

    @property
    def length(self) -> int:
        return int(self.edges[-1])

    @property
    def cost(self) -> int:
        """Octets of memory."""
        return len(self.head) + self.edges.nbytes + self.numbers.nbytes

    def pieces(self, start: int, stop: int) -> Iterator[Piece]:
        """Octets [start, stop), one element after the other."""
        for element, first, last in cut(self.edges, start, stop):
            if not element:
                yield memoryview(self.head)[first:last]
                continue
            body = segment(self.plan, int(self.numbers[element - 1]))
            head = len(body.head)
            if first < head:
                yield body.head[first:last]
            if last > head:
                yield Run(self.plan.track.name, trimmed(body.ranges, max(0, first - head), last - head))


def track_file(plan: TrackPlan, init: bytes) -> TrackFile:
    """The file of a track whose init segment is `init`."""
    moov = init[int.from_bytes(init[:4], "big") :]
    numbers = np.flatnonzero(np.diff(plan.first))
    lengths = segment_lengths(plan, numbers)
    initial = len(_FTYP) + len(moov)
    index = sidx(plan, numbers, lengths)
    head = _FTYP + moov + index
    return TrackFile(
        plan=plan,
        head=head,
        numbers=numbers,
        edges=edges(np.concatenate(([len(head)], lengths))),
        initialization=(0, initial - 1),
        index=(initial, len(head) - 1),
    )


def sidx(plan: TrackPlan, numbers: I64, lengths: I64) -> bytes:
    """Segment index, version 1, one reference a segment, each with a stream access point of type 1 (14496-12 8.16.3).

    Where there are more segments than it can count, as many as need be share a reference.
    """
    each = -(-len(numbers) // MOST_REFERENCES)
    first = numbers[::each]
    times = np.append(plan.shown[first], plan.start[-1])
    rows = np.empty((len(first), 3), ">u4")
    rows[:, 0] = np.add.reduceat(lengths, np.arange(0, len(numbers), each))
    rows[:, 1] = np.diff(times)
    rows[:, 2] = 0x90000000  # starts_with_SAP, SAP_type 1, SAP_delta_time 0
    scale = plan.track.format.timescale
    return fullbox(
        b"sidx", 1, 0,
        struct.pack(">IIQQHH", 1, scale, int(times[0]), 0, 0, len(first)),
        rows.tobytes(),
    )  # fmt: skip


def index_range(init: bytes, segments: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """(first and last octet of ftyp and moov, of sidx) of a track file, without making it."""
    initial = len(_FTYP) + len(init) - int.from_bytes(init[:4], "big")
    references = -(-segments // -(-segments // MOST_REFERENCES))
    return (0, initial - 1), (initial, initial + _SIDX + 12 * references - 1)


def segment_lengths(plan: TrackPlan, numbers: I64) -> I64:
    """Octets of each of these segments, none of which is empty: as packager.segment makes them, without making them."""
    found = np.empty(len(numbers), np.int64)
    for at in range(0, len(numbers), _BLOCK):
        found[at : at + _BLOCK] = _lengths(plan, numbers[at : at + _BLOCK])
    return found


def _lengths(plan: TrackPlan, numbers: I64) -> I64:
    """The same for a block of segments. What costs which octets: packager.moof."""
    track = plan.track
    first, end = plan.first[numbers], plan.first[numbers + 1]
    begin, stop = int(first[0]), int(end[-1])
    rows, starts, count = track.samples[begin:stop], first - begin, end - first
    following = int(track.samples["dts"][stop]) if stop < len(track.samples) else track.end_dts
    duration = np.diff(rows["dts"], append=following)
    varying = np.minimum.reduceat(duration, starts) != np.maximum.reduceat(duration, starts)
    offsets = np.logical_or.reduceat(rows["cto"] != plan.hidden, starts)
    at = np.searchsorted(track.sync, np.append(first, stop))
    sync = np.diff(at)
    opens = np.isin(first, track.sync[at[0] : at[-1]])
    all_sync = sync == count
    only_first = ~all_sync & (sync == opens)
    mixed = ~all_sync & ~only_first
    columns = 1 + varying.astype(np.int64) + mixed + offsets
    media = np.add.reduceat(rows["size"].astype(np.int64), starts)
    # moof 8, mfhd 16, traf 8, tfhd 20 and a default duration, tfdt 20, trun 20 and the flags of its first sample
    head = 92 + 4 * ~varying + 4 * (only_first & opens) + 4 * count * columns
    octets: I64 = head + np.where(media + 8 >= 1 << 32, 16, 8) + media
    return octets
