"""A progressive MP4 of some tracks, computed: ftyp, moov with sample tables, one mdat (ISO/IEC 14496-12 8.2 to 8.7).

`moov` comes first, so playing begins with the first octets; media is interleaved by segment. Decode times begin at zero
in each track, and an edit list says where it is presented, so sound and picture stay where they were in the source.
Only the tables are in memory: 4 to 20 octets a sample.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from packager.boxes import box, fullbox
from packager.init import MATRIX, dinf, language_code, media_header
from packager.layout import I64, Piece, Run, cut, edges, trimmed
from packager.plan import TrackPlan
from packager.segment import pieces
from packager.tables import Samples

_FTYP = box(b"ftyp", b"isom", struct.pack(">I", 0x200), b"isom", b"iso2", b"mp41")
# Movie time counts in the least common multiple of the tracks' timescales while that is not larger, so edits are exact.
_MOST_SCALE = 1 << 31
_ENABLED, _IN_MOVIE = 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Progressive:
    """`head` is all before the media; then a chunk for each segment and track that has something in it.

    `edges`: where head and chunks begin; `track`, `number`: of each chunk, the place in `plans` and the segment.
    """

    plans: tuple[TrackPlan, ...]
    head: bytes
    edges: I64
    track: I64
    number: I64

    @property
    def length(self) -> int:
        return int(self.edges[-1])

    @property
    def cost(self) -> int:
        """Octets of memory."""
        return len(self.head) + self.edges.nbytes + self.track.nbytes + self.number.nbytes

    def pieces(self, start: int, stop: int) -> Iterator[Piece]:
        """Octets [start, stop), one element after the other."""
        for element, first, last in cut(self.edges, start, stop):
            if not element:
                yield memoryview(self.head)[first:last]
                continue
            plan, number = self.plans[self.track[element - 1]], int(self.number[element - 1])
            rows = plan.track.samples[int(plan.first[number]) : int(plan.first[number + 1])]
            yield Run(plan.track.name, trimmed(pieces(rows), first, last))


def progressive(plans: Sequence[TrackPlan]) -> Progressive:
    """The file of these tracks of one plan, in this order."""
    chunk_sizes = np.array([_octets(plan) for plan in plans])  # one row a track, one column a segment
    counts = np.array([np.diff(plan.first) for plan in plans])
    number, track = np.nonzero(counts.T)
    sizes = chunk_sizes[track, number]
    media = int(sizes.sum())
    tables = [_tables(plan, counts[at]) for at, plan in enumerate(plans)]
    scale = math.lcm(*(plan.track.format.timescale for plan in plans))
    if scale >= _MOST_SCALE:
        scale = 90_000
    mdat = struct.pack(">I4sQ", 1, b"mdat", media + 16)
    # The tables of chunk offsets are as long whatever is in them: first their length, then what they say.
    wide = media + sum(map(len, tables)) + 16 * len(sizes) + (1 << 16) >= 1 << 32
    offsets = edges(sizes)[:-1]
    blank = _moov(plans, tables, [offsets[track == at] for at in range(len(plans))], scale, wide)
    offsets += len(_FTYP) + len(blank) + len(mdat)
    moov = _moov(plans, tables, [offsets[track == at] for at in range(len(plans))], scale, wide)
    head = _FTYP + moov + mdat
    return Progressive(
        plans=tuple(plans),
        head=head,
        edges=edges(np.concatenate(([len(head)], sizes))),
        track=track,
        number=number,
    )


def _octets(plan: TrackPlan) -> I64:
    """Media octets a segment."""
    ends = np.zeros(len(plan.track.samples) + 1, np.int64)
    np.cumsum(plan.track.samples["size"], out=ends[1:])
    octets: I64 = np.diff(ends[plan.first])
    return octets


def _samples(plan: TrackPlan) -> Samples:
    """Those that segments have too: pictures before the first keyframe are left out."""
    return plan.track.samples[int(plan.first[0]) :]


def _moov(plans: Sequence[TrackPlan], tables: list[bytes], offsets: list[I64], scale: int, wide: bool) -> bytes:
    first_of_kind: set[str] = set()
    traks, longest = [], 0
    for at, plan in enumerate(plans):
        kind = plan.track.format.kind
        edts, shown = _edits(plan, scale)
        longest = max(longest, shown)
        flags = _IN_MOVIE | (0 if kind in first_of_kind else _ENABLED)
        first_of_kind.add(kind)
        traks.append(_trak(plan, at + 1, flags, edts, shown, tables[at], offsets[at], wide))
    mvhd = fullbox(
        b"mvhd", 1, 0, struct.pack(">QQIQ", 0, 0, scale, longest), struct.pack(">IH10x", 0x10000, 0x100),
        MATRIX, bytes(24), struct.pack(">I", len(plans) + 1),
    )  # fmt: skip
    return box(b"moov", mvhd, *traks)


def _trak(
    plan: TrackPlan, track_id: int, flags: int, edts: bytes, shown: int, tables: bytes, offsets: I64, wide: bool
) -> bytes:
    fmt = plan.track.format
    video = fmt.kind == "video"
    tkhd = fullbox(
        b"tkhd", 1, flags, struct.pack(">QQIIQ", 0, 0, track_id, 0, shown), bytes(8),
        struct.pack(">hhHH", 0, 0 if video else 1, 0 if video else 0x100, 0), MATRIX,
        struct.pack(">II", fmt.width << 16, fmt.height << 16),
    )  # fmt: skip
    samples = _samples(plan)
    lasts = plan.track.end_dts - int(samples["dts"][0])
    mdhd = fullbox(b"mdhd", 1, 0, struct.pack(">QQIQHH", 0, 0, fmt.timescale, lasts, language_code(fmt.language), 0))
    chunks = (
        fullbox(b"co64", 0, 0, struct.pack(">I", len(offsets)), offsets.astype(">u8").tobytes())
        if wide
        else fullbox(b"stco", 0, 0, struct.pack(">I", len(offsets)), offsets.astype(">u4").tobytes())
    )
    minf = box(b"minf", media_header(fmt.kind), dinf(), box(b"stbl", tables, chunks))
    hdlr = fullbox(b"hdlr", 0, 0, struct.pack(">I4s12x", 0, b"vide" if video else b"soun"), b"Headwater\0")
    return box(b"trak", tkhd, edts, box(b"mdia", mdhd, hdlr, minf))


def _edits(plan: TrackPlan, scale: int) -> tuple[bytes, int]:
    """The edit list (8.6.6), empty where decode and presentation begin together, and how long the track is presented.

    Movie time is in `scale`. Presentation time of a sample = dts + cto - shift; here decode times begin at zero.
    """
    track, samples = plan.track, _samples(plan)
    first = int(samples["dts"][0])
    begin = track.shift - first  # in the media's time, the instant that is shown at zero
    opens = int((samples["dts"][:64] + samples["cto"][:64]).min()) - first  # and the one that is shown first
    end = int((samples["dts"][-256:] + samples["cto"][-256:]).max()) - first + track.last_duration
    rows = []
    media_time = begin
    if begin < opens and begin:
        # the edit begins with a sample, not before it: readers such as FFmpeg show the first sample where it begins
        rows.append((_moved(opens - begin, track.format.timescale, scale), -1))
        media_time = opens
    rows.append((_moved(end - media_time, track.format.timescale, scale), media_time))
    shown = sum(duration for duration, _ in rows)
    if begin == 0:
        return b"", shown
    listed = b"".join(struct.pack(">QqHH", duration, time, 1, 0) for duration, time in rows)
    return box(b"edts", fullbox(b"elst", 1, 0, struct.pack(">I", len(rows)), listed)), shown


def _moved(ticks: int, timescale: int, scale: int) -> int:
    return (2 * ticks * scale + timescale) // (2 * timescale)


def _tables(plan: TrackPlan, counts: I64) -> bytes:
    """All of stbl but the chunk offsets. `counts`: samples a segment."""
    track, samples = plan.track, _samples(plan)
    made = [fullbox(b"stsd", 0, 0, struct.pack(">I", 1), track.format.entry)]
    made.append(_runs(b"stts", 0, np.diff(samples["dts"], append=track.end_dts)))
    if samples["cto"].any():
        made.append(_runs(b"ctts", 1 if int(samples["cto"].min()) < 0 else 0, samples["cto"]))
    sync = track.sync[np.searchsorted(track.sync, int(plan.first[0])) :]
    if len(sync) < len(samples):
        numbers = (sync.astype(np.int64) - int(plan.first[0]) + 1).astype(">u4")
        made.append(fullbox(b"stss", 0, 0, struct.pack(">I", len(numbers)), numbers.tobytes()))
    per_chunk = counts[counts > 0]
    begins = _changes(per_chunk)
    stsc = np.empty((len(begins), 3), ">u4")
    stsc[:, 0], stsc[:, 1], stsc[:, 2] = begins + 1, per_chunk[begins], 1
    made.append(fullbox(b"stsc", 0, 0, struct.pack(">I", len(begins)), stsc.tobytes()))
    sizes = samples["size"].astype(">u4").tobytes()
    made.append(fullbox(b"stsz", 0, 0, struct.pack(">II", 0, len(samples)), sizes))
    return b"".join(made)


def _runs(kind: bytes, version: int, values: I64) -> bytes:
    """stts or ctts: (how many, which value) of each run."""
    begins = _changes(values)
    rows = np.empty((len(begins), 2), ">u4")
    rows[:, 0] = np.diff(begins, append=len(values))
    rows[:, 1] = values[begins].astype(np.int64) & 0xFFFFFFFF
    return fullbox(kind, version, 0, struct.pack(">I", len(begins)), rows.tobytes())


def _changes(values: I64) -> I64:
    """Where a run of equal values begins."""
    return np.concatenate(([0], np.flatnonzero(values[1:] != values[:-1]) + 1))
