"""Stills: single keyframes taken out of an asset or a channel, each as a film of one sample that any decoder reads.

Which keyframe a time stands for is decided here: the last one at or before it, or the first one if there is none
before. Times are those of the presentation, from its beginning (Plan.origin), in ms.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from base.media import Format
from packager.boxes import malformed, walk
from packager.fragments import read_moof
from packager.init import init_segment
from packager.moof import moof_and_mdat_head
from packager.plan import Plan, TrackPlan

I64 = npt.NDArray[np.int64]


def still(fmt: Format, media: bytes | memoryview) -> bytes:
    """A film of one picture: an init segment and one fragment with the sample `media`."""
    one = np.ones(1, np.int64)
    head = moof_and_mdat_head(
        sequence=1, tfdt=0, duration=one, size=one * len(media), cto=one * 0, sync=np.ones(1, np.bool_)
    )
    return b"".join((init_segment(fmt), head, media))


def keyframes(plan: Plan, track: TrackPlan, times_ms: Sequence[int]) -> I64:
    """For each time the sample (its place in the index) of the picture that stands for it."""
    rows = track.track.samples
    sync = track.track.sync[track.track.sync >= track.first[0]].astype(np.int64)
    shown = rows["dts"][sync] + rows["cto"][sync] + track.base - track.hidden
    scale = track.track.format.timescale
    # a keyframe counts as of the whole ms in which it lies
    before = [math.ceil((plan.origin + Fraction(ms + 1, 1000)) * scale) for ms in times_ms]
    at = np.searchsorted(shown, np.array(before, np.int64)) - 1
    found: I64 = sync[np.maximum(at, 0)]
    return found


def of_asset(track: TrackPlan, sample: int, media: memoryview) -> bytes:
    """The still of one sample of an asset. `media`: the file that its samples lie in."""
    row = track.track.samples[sample]
    offset = int(row["offset"])
    return still(track.track.format, media[offset : offset + int(row["size"])])


def of_chunk(fmt: Format, chunk: memoryview) -> bytes:
    """The still of the first sample of a live part (one moof, one mdat). Raises Problem unplayable."""
    moof = next((box for box in walk(chunk, 0, len(chunk)) if box.type == "moof"), None)
    if moof is None:
        raise malformed("a part has no moof")
    samples = next((fragment.samples for fragment in read_moof(chunk, moof, {}, {}) if len(fragment.samples)), None)
    if samples is None:
        raise malformed("a part has no samples")
    offset, size = int(samples["offset"][0]), int(samples["size"][0])
    return still(fmt, chunk[offset : offset + size])
