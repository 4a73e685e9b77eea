"""A segment on demand: generated header octets, and ranges of the file that follow them. No sample is touched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from packager.moof import moof_and_mdat_head
from packager.plan import TrackPlan
from packager.tables import Samples


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """`head`, then file[offset:offset + size] for each of `ranges`, in order. `length`: octets of it all."""

    head: bytes
    ranges: tuple[tuple[int, int], ...]
    length: int


def segment(plan: TrackPlan, number: int, boxes: Callable[[int], bytes] | None = None) -> Body:
    """Segment `number` (from 0) of a track. The caller has checked that it lies in the plan and is not empty.

    `boxes`: see moof_and_mdat_head.
    """
    first, end = int(plan.first[number]), int(plan.first[number + 1])
    track = plan.track
    rows = track.samples[first:end]
    dts = rows["dts"]
    following = int(track.samples["dts"][end]) if end < len(track.samples) else track.end_dts
    sync = np.zeros(end - first, np.bool_)
    at = np.searchsorted(track.sync, [first, end])
    sync[track.sync[at[0] : at[1]].astype(np.int64) - first] = True
    size = rows["size"].astype(np.int64)
    head = moof_and_mdat_head(
        sequence=number + 1,
        tfdt=int(dts[0]) + plan.base,
        duration=np.diff(dts, append=following),
        size=size,
        cto=rows["cto"].astype(np.int64) - plan.hidden,
        sync=sync,
        boxes=boxes,
    )
    return Body(head=head, ranges=pieces(rows), length=len(head) + int(size.sum()))


def pieces(rows: Samples) -> tuple[tuple[int, int], ...]:
    """(offset, octets) in the file of consecutive samples; what lies together is one."""
    size = rows["size"].astype(np.int64)
    offset = rows["offset"].astype(np.int64)
    starts = np.concatenate(([0], np.flatnonzero(offset[1:] != offset[:-1] + size[:-1]) + 1))
    ends = np.append(starts[1:], len(size))
    octets = np.concatenate(([0], np.cumsum(size)))
    sizes = octets[ends] - octets[starts]
    return tuple(zip(offset[starts].tolist(), sizes.tolist(), strict=True))
