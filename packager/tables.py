"""Sample tables of a progressive track (`stbl`), expanded into columns without a loop per sample (14496-12 8.6, 8.7).

Every count is checked against the octets that are there before anything is allocated by it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from base.problems import Problem
from packager.boxes import Box, children, fields, malformed
from packager.limits import USUAL, Limits

I64 = npt.NDArray[np.int64]

# One row a sample, 24 octets: where it lies in the file, decode time, size, composition offset.
SAMPLE = np.dtype([("offset", "<u8"), ("dts", "<i8"), ("size", "<u4"), ("cto", "<i4")])
Samples = npt.NDArray[np.void]

# Beyond any file and any time; sums of what is below it still fit 64 bits.
FAR = 1 << 61


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """A track's samples in decode order. `sync`: indices of sync samples. `last_duration`: of the final sample."""

    samples: Samples
    sync: npt.NDArray[np.uint32]
    last_duration: int
    description: int = 1


def rows(data: memoryview, box: Box, width: int, *, skip: int = 8, kind: str = ">u4") -> npt.NDArray[np.int64]:
    """The table of a FullBox: `count` rows of `width` integers. Raises Problem unplayable if it is not all there."""
    (count,) = fields(data, box, "I", skip - 4)
    item = np.dtype(kind).itemsize
    if box.body + skip + count * width * item > box.end:
        raise malformed(f"table {box.type} claims {count} entries, more than it holds")
    table = np.frombuffer(data, kind, count * width, box.body + skip)
    return table.reshape(count, width).astype(np.int64)


def expand(data: memoryview, stbl: Box, limits: Limits = USUAL) -> Columns:
    """All sample tables of one track as columns. Raises Problem unplayable where they contradict one another."""
    boxes = children(data, stbl, limits=limits)
    for need in ("stts", "stsc"):
        if need not in boxes:
            raise malformed(f"box stbl has no {need}")
    size = _sizes(data, boxes, limits)
    count = len(size)
    dts, last_duration = _decode_times(rows(data, boxes["stts"], 2), count)
    samples = np.empty(count, SAMPLE)
    samples["dts"] = dts
    samples["size"] = size
    samples["cto"] = _composition_offsets(data, boxes, count)
    samples["offset"], description = _offsets(data, boxes, size)
    return Columns(
        samples=samples, sync=_sync(data, boxes, count), last_duration=last_duration, description=description
    )


def _sizes(data: memoryview, boxes: dict[str, Box], limits: Limits) -> I64:
    if "stsz" in boxes:
        same, count = fields(data, boxes["stsz"], "II")
        if count * same > len(data):
            raise malformed(f"{count} samples in one track, more than the file can hold")
        _check_count(limits, count, count if same else (boxes["stsz"].end - boxes["stsz"].body) // 4)
        if same:
            return np.full(count, same, np.int64)
        return rows(data, boxes["stsz"], 1, skip=12)[:, 0]
    if "stz2" in boxes:  # 14496-12 8.7.3.3
        width, count = fields(data, boxes["stz2"], "3xBI")
        kind = {8: ">u1", 16: ">u2"}.get(width)
        if kind is None:
            raise malformed("stz2 with 4-bit sizes is not supported: remux the file")
        _check_count(limits, count, boxes["stz2"].end - boxes["stz2"].body)
        return rows(data, boxes["stz2"], 1, skip=12, kind=kind)[:, 0]
    raise malformed("box stbl has no stsz")


def _check_count(limits: Limits, claimed: int, fitting: int) -> None:
    """A claim that the table has no room for is damage, and is told as such."""
    if claimed <= fitting:
        limits.check("samples", claimed, f"it has {claimed} samples in one track")


def _decode_times(stts: I64, count: int) -> tuple[I64, int]:
    if int(stts[:, 0].sum()) != count:
        raise malformed(f"stts is for {int(stts[:, 0].sum())} samples, stsz for {count}")
    if not count:
        return np.zeros(0, np.int64), 0
    delta = np.repeat(stts[:, 1], stts[:, 0])
    delta[delta >= 1 << 31] = 1  # some muxers write a negative last delta
    dts = np.zeros(count, np.int64)
    np.cumsum(delta[:-1], out=dts[1:])
    return dts, int(delta[-1])


def _composition_offsets(data: memoryview, boxes: dict[str, Box], count: int) -> I64:
    if "ctts" not in boxes:
        return np.zeros(count, np.int64)
    # version 0 is unsigned by the text, signed in practice (negative offsets by QuickTime and others)
    table = rows(data, boxes["ctts"], 2)
    if int(table[:, 0].sum()) != count:
        raise malformed(f"ctts is for {int(table[:, 0].sum())} samples, stsz for {count}")
    return np.repeat(table[:, 1].astype(np.uint32).astype(np.int32).astype(np.int64), table[:, 0])


def _offsets(data: memoryview, boxes: dict[str, Box], size: I64) -> tuple[I64, int]:
    if "co64" in boxes:
        chunk = rows(data, boxes["co64"], 1, kind=">u8")[:, 0]
    elif "stco" in boxes:
        chunk = rows(data, boxes["stco"], 1)[:, 0]
    else:
        raise malformed("box stbl has no stco or co64")
    stsc = rows(data, boxes["stsc"], 3)
    count = len(size)
    if not count:
        return np.zeros(0, np.int64), 1
    if not len(stsc) or stsc[0, 0] != 1 or (np.diff(stsc[:, 0]) <= 0).any() or stsc[-1, 0] > len(chunk):
        raise malformed("stsc does not fit the chunk offsets")
    if len(set(stsc[:, 2].tolist())) > 1:
        raise Problem("unplayable", "a track changes its codec configuration in mid-file: re-encode or split the file")
    if ((chunk < 0) | (chunk > FAR)).any():
        raise malformed("a chunk offset is beyond any file")
    run = np.diff(stsc[:, 0], append=len(chunk) + 1)
    per_chunk = np.repeat(stsc[:, 1], run)
    if int(per_chunk.sum()) != count:
        raise malformed(f"stsc is for {int(per_chunk.sum())} samples, stsz for {count}")
    before = np.zeros(count + 1, np.int64)
    np.cumsum(size, out=before[1:])
    first = np.zeros(len(chunk) + 1, np.int64)
    np.cumsum(per_chunk, out=first[1:])
    within = before[:-1] - np.repeat(before[first[:-1]], per_chunk)
    return np.repeat(chunk, per_chunk) + within, int(stsc[0, 2])


def _sync(data: memoryview, boxes: dict[str, Box], count: int) -> npt.NDArray[np.uint32]:
    if "stss" not in boxes:  # absent: every sample is a sync sample (8.6.2)
        return np.arange(count, dtype=np.uint32)
    numbers = rows(data, boxes["stss"], 1)[:, 0] - 1
    if len(numbers) and (numbers[0] < 0 or numbers[-1] >= count or (np.diff(numbers) <= 0).any()):
        raise malformed("stss names samples that are not there")
    return numbers.astype(np.uint32)
