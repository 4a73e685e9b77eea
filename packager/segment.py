"""A segment on demand: generated header octets, and ranges of the file that follow them. No sample is touched."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from packager.moof import Sync, moof_and_mdat_head
from packager.plan import TrackPlan
from packager.tables import Samples


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """`head`, then file[offset:offset + size] for each of `ranges`, in order. `length`: octets of it all."""

    head: bytes
    ranges: tuple[tuple[int, int], ...]
    length: int


def segment(
    plan: TrackPlan,
    number: int,
    boxes: Callable[[int], bytes] | None = None,
    *,
    behind: bytes = b"",
    description: int = 0,
) -> Body:
    """Segment `number` (from 0) of a track. The caller has checked that it lies in the plan and is not empty.

    `boxes`, `behind`, `description`: see moof_and_mdat_head.
    """
    head = segment_head(plan, number, boxes, behind=behind, description=description)
    ranges = pieces(plan.track.samples[int(plan.first[number]) : int(plan.first[number + 1])])
    return Body(head=head, ranges=ranges, length=len(head) + sum([size for _, size in ranges]))


def segment_head(
    plan: TrackPlan,
    number: int,
    boxes: Callable[[int], bytes] | None = None,
    *,
    behind: bytes = b"",
    description: int = 0,
) -> bytes:
    """The octets before the media of a segment."""
    first, end = int(plan.first[number]), int(plan.first[number + 1])
    track = plan.track
    rows = track.samples[first:end]
    dts = rows["dts"]
    duration = np.empty(end - first, np.int64)
    np.subtract(dts[1:], dts[:-1], out=duration[:-1])
    following = int(track.samples["dts"][end]) if end < len(track.samples) else track.end_dts
    duration[-1] = following - int(dts[-1])
    cto = rows["cto"]
    return moof_and_mdat_head(
        sequence=number + 1,
        tfdt=int(dts[0]) + plan.base,
        duration=duration,
        size=rows["size"],
        cto=cto - np.int32(plan.hidden) if plan.hidden else cto,
        sync=_sync(track.sync, first, end),
        boxes=boxes,
        behind=behind,
        description=description,
    )


def _sync(indices: npt.NDArray[np.uint32], first: int, end: int) -> Sync | npt.NDArray[np.bool_]:
    """Which of samples `first` to `end` are among the rising `indices` of sync samples."""
    table = indices.data
    begin = bisect_left(table, first)
    stop = bisect_left(table, end, begin)
    if stop - begin == end - first:
        return Sync.ALL
    if begin == stop:
        return Sync.NONE
    if stop == begin + 1 and table[begin] == first:
        return Sync.FIRST
    sync = np.zeros(end - first, np.bool_)
    sync[indices[begin:stop].astype(np.int64) - first] = True
    return sync


def pieces(rows: Samples) -> tuple[tuple[int, int], ...]:
    """(offset, octets) in the file of consecutive samples; what lies together is one."""
    begins = rows["offset"]
    ends = begins + rows["size"]
    (breaks,) = (begins[1:] != ends[:-1]).nonzero()
    if not len(breaks):
        begin = int(begins[0])
        return ((begin, int(ends[-1]) - begin),)
    starts = [int(begins[0]), *begins[breaks + 1].tolist()]
    stops = [*ends[breaks].tolist(), int(ends[-1])]
    return tuple([(start, stop - start) for start, stop in zip(starts, stops, strict=True)])
