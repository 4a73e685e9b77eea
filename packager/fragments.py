"""Reading movie fragments (14496-12 8.8): of a fragmented file, and of one CMAF chunk that ingest sent."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from packager.boxes import Box, children, fields, full, malformed, walk
from packager.limits import USUAL, Limits
from packager.tables import FAR, SAMPLE, Columns, Samples


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """A track's trex (8.8.3)."""

    duration: int = 0
    size: int = 0
    flags: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragment:
    """One traf: samples with file offsets and decode times; `end` is the decode time after the last."""

    track_id: int
    samples: Samples
    sync: npt.NDArray[np.bool_]
    tfdt: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """What a live origin needs to know of one part. Times in the track's timescale, `pts` of the earliest picture."""

    tfdt: int
    duration: int
    pts: int
    samples: int
    independent: bool


def read_trex(data: memoryview, moov: Box) -> dict[int, Defaults]:
    found = children(data, moov)
    if "mvex" not in found:
        return {}
    defaults = {}
    for box in walk(data, found["mvex"].body, found["mvex"].end):
        if box.type == "trex":
            track, _, duration, size, flags = fields(data, box, "5I")
            defaults[track] = Defaults(duration=duration, size=size, flags=flags)
    return defaults


def read_moof(
    data: memoryview, moof: Box, trex: dict[int, Defaults], following: dict[int, int], limits: Limits = USUAL
) -> list[Fragment]:
    """The fragments of one moof. `following`: decode time to go on from per track, where a traf has no tfdt."""
    found = []
    for traf in walk(data, moof.body, moof.end, limits):
        if traf.type == "traf":
            fragment = _read_traf(data, moof, traf, trex, following, limits)
            following[fragment.track_id] = fragment.end
            found.append(fragment)
    return found


def _read_traf(
    data: memoryview, moof: Box, traf: Box, trex: dict[int, Defaults], following: dict[int, int], limits: Limits
) -> Fragment:
    boxes = children(data, traf, limits=limits)
    if "tfhd" not in boxes:
        raise malformed("a traf has no tfhd")
    if "senc" in boxes or "saiz" in boxes:
        raise malformed("the fragments are encrypted: add the clear original")
    _, flags = full(data, boxes["tfhd"])
    names = [
        name
        for bit, name in ((0x1, "base"), (0x2, "description"), (0x8, "duration"), (0x10, "size"), (0x20, "flags"))
        if flags & bit
    ]
    layout = "I" + "".join("Q" if name == "base" else "I" for name in names)
    track, *values = fields(data, boxes["tfhd"], layout)
    said = dict(zip(names, values, strict=True))
    usual = trex.get(track, Defaults())
    duration = said.get("duration", usual.duration)
    size, sample_flags = said.get("size", usual.size), said.get("flags", usual.flags)
    base = said.get("base", moof.start)
    tfdt = following.get(track, 0)
    if "tfdt" in boxes:
        version, _ = full(data, boxes["tfdt"])
        (tfdt,) = fields(data, boxes["tfdt"], "Q" if version else "I")
        if tfdt > FAR:
            raise malformed("a tfdt is beyond any time")
    runs, syncs, at, dts, total = [], [], base, tfdt, 0
    for trun in walk(data, traf.body, traf.end, limits):
        if trun.type != "trun":
            continue
        samples, sync, at, dts = _read_trun(data, trun, base, at, dts, duration, size, sample_flags, limits)
        total += len(samples)
        if total > len(data):
            raise malformed(f"{total} samples in one fragment")
        limits.check("samples", total, f"it has {total} samples in one fragment")
        runs.append(samples)
        syncs.append(sync)
    return Fragment(
        track_id=track,
        samples=np.concatenate(runs) if runs else np.empty(0, SAMPLE),
        sync=np.concatenate(syncs) if syncs else np.empty(0, np.bool_),
        tfdt=tfdt,
        end=dts,
    )


def _read_trun(
    data: memoryview,
    trun: Box,
    base: int,
    at: int,
    dts: int,
    duration: int,
    size: int,
    usual_flags: int,
    limits: Limits,
) -> tuple[Samples, npt.NDArray[np.bool_], int, int]:
    _, flags = full(data, trun)
    (count,) = fields(data, trun, "I")
    skip = 8
    if flags & 0x1:
        at = base + fields(data, trun, "i", skip)[0]
        skip += 4
    first_flags = None
    if flags & 0x4:
        (first_flags,) = fields(data, trun, "I", skip)
        skip += 4
    columns = [name for bit, name in ((0x100, "d"), (0x200, "s"), (0x400, "f"), (0x800, "c")) if flags & bit]
    if trun.body + skip + count * 4 * len(columns) > trun.end:
        raise malformed(f"a trun claims {count} samples, more than it holds")
    if "s" not in columns and count * max(size, 1) > len(data):  # a run without a table costs its writer nothing
        raise malformed(f"a trun claims {count} samples of {size} octets, more than the file holds")
    limits.check("samples", count, f"it has {count} samples in one run")
    if not 0 <= at <= len(data):
        raise malformed(f"a fragment's samples begin at {at}, the file ends at {len(data)}: it was cut short")
    table = np.frombuffer(data, ">u4", count * len(columns), trun.body + skip).reshape(count, len(columns))
    column = {name: table[:, i].astype(np.int64) for i, name in enumerate(columns)}
    durations = column.get("d", np.full(count, duration, np.int64))
    sizes = column.get("s", np.full(count, size, np.int64))
    sample_flags = column.get("f", np.full(count, usual_flags, np.int64))
    if first_flags is not None and count:
        sample_flags = sample_flags.copy()
        sample_flags[0] = first_flags
    samples = np.empty(count, SAMPLE)
    ends = np.cumsum(sizes)
    spans = np.cumsum(durations)
    samples["offset"] = at + ends - sizes
    samples["dts"] = dts + spans - durations
    samples["size"] = sizes
    samples["cto"] = column["c"].astype(np.uint32).astype(np.int32) if "c" in column else 0
    total, span = (int(ends[-1]), int(spans[-1])) if count else (0, 0)
    if at + total > len(data):
        raise malformed(f"a fragment's samples end at {at + total}, the file at {len(data)}: it was cut short")
    return samples, (sample_flags >> 16 & 1) == 0, at + total, dts + span


def join(fragments: list[Fragment]) -> Columns:
    """The columns of one track from its fragments in order."""
    fragments = [f for f in fragments if len(f.samples)]
    samples = np.concatenate([f.samples for f in fragments]) if fragments else np.empty(0, SAMPLE)
    sync = np.concatenate([f.sync for f in fragments]) if fragments else np.empty(0, np.bool_)
    last = fragments[-1].end - int(samples["dts"][-1]) if len(samples) else 0
    return Columns(samples=samples, sync=np.flatnonzero(sync).astype(np.uint32), last_duration=last)


def read_chunk(body: bytes | memoryview) -> Chunk:
    """Check one part as ingest sends it: one moof with one traf, one mdat that holds all samples (23000-19 7.3.2.3).

    Raises Problem unplayable if it is anything else.
    """
    data = memoryview(body)
    boxes = [box for box in walk(data, 0, len(data)) if box.type not in ("styp", "prft", "emsg", "free")]
    if [box.type for box in boxes] != ["moof", "mdat"]:
        raise malformed(f"a part must be one moof and one mdat, not {' '.join(b.type for b in boxes) or 'nothing'}")
    inside = [box for box in walk(data, boxes[0].body, boxes[0].end) if box.type == "traf"]
    types = [box.type for traf in inside for box in walk(data, traf.body, traf.end)]
    if types.count("trun") != 1 or types.count("tfdt") != 1:  # 7.3.2.3, RFC 8216bis 3.1.2
        raise malformed("a part must have one traf with one tfdt and one trun")
    fragments = read_moof(data, boxes[0], {}, {})
    if len(fragments) != 1 or not len(fragments[0].samples):
        raise malformed("a part must have one track with samples")
    (fragment,) = fragments
    first, last = fragment.samples[0], fragment.samples[-1]
    mdat = boxes[1]
    if int(first["offset"]) < mdat.body or int(last["offset"]) + int(last["size"]) > mdat.end:
        raise malformed("a part's samples lie outside of its mdat")
    pts = fragment.samples["dts"] + fragment.samples["cto"]
    return Chunk(
        tfdt=fragment.tfdt,
        duration=fragment.end - fragment.tfdt,
        pts=int(pts.min()),
        samples=len(fragment.samples),
        independent=bool(fragment.sync[0]),
    )


def split_chunks(body: memoryview) -> list[tuple[int, int]]:
    """Offset and size of each whole moof + mdat pair; an incomplete tail (a crash in mid-write) is left out."""
    found: list[tuple[int, int]] = []
    at = start = 0
    while at + 8 <= len(body):
        size, kind = struct.unpack_from(">I4s", body, at)
        if size == 1 and at + 16 <= len(body):
            (size,) = struct.unpack_from(">Q", body, at + 8)
        if size < 8 or at + size > len(body):
            break
        at += size
        if kind == b"mdat":
            found.append((start, at - start))
            start = at
    return found
