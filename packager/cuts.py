"""Where the reference track of an asset is cut: at its keyframes, as near to the policy's targets as they allow.

Cuts are samples of the reference; the other tracks follow them (packager.plan). No loop here is per sample.
"""

from __future__ import annotations

from bisect import bisect_left

import numpy as np
import numpy.typing as npt

from base.problems import Problem
from packager.index import IndexTrack
from packager.policy import Last, Policy

I64 = npt.NDArray[np.int64]

# No keyframe for longer than this and a file is refused: a viewer could not join or seek.
LONGEST_SEGMENT_S = 30
# Sound that goes on after the picture for longer is a mistake, or a table that is damaged.
_LONGEST_TAIL_S = 24 * 3600


def video_cuts(track: IndexTrack, presentation: I64, policy: Policy) -> I64:
    """Sample indices of keyframes. Raises Problem unplayable if there is none."""
    if not len(track.sync):
        raise Problem("unplayable", "the video has no keyframe: re-encode it")
    sync, ticks = _rising(track.sync.astype(np.int64), presentation[track.sync])
    times: list[int] = ticks.tolist()
    scale = track.format.timescale
    end = int(presentation.max()) + track.last_duration
    usual = policy.last is Last.USUAL
    edges = times if usual or end <= times[-1] else [*times, end]
    cuts, last = [0], times[0]
    while True:
        target = policy.target(len(cuts) - 1) * scale / 1000
        at = bisect_left(edges, last + target)  # the first that is not too early
        if at == len(edges) and not usual:
            break
        before = at - 1
        if before > cuts[-1] and (at == len(edges) or target - (edges[before] - last) < edges[at] - last - target):
            at = before
        if at >= len(times):
            break
        cuts.append(at)
        last = times[at]
    _join_end(cuts, times, end, scale, policy)
    first: I64 = sync[cuts]
    return first


def _rising(sync: I64, ticks: I64) -> tuple[I64, I64]:
    """Without the keyframes that are not shown after all those before them."""
    rising = np.append(True, ticks[1:] > np.maximum.accumulate(ticks)[:-1])
    return sync[rising], ticks[rising]


def _join_end(cuts: list[int], times: list[int], end: int, scale: int, policy: Policy) -> None:
    """Take back the last cut where the policy wants what is after it to join the segment before."""
    if len(cuts) < 2:
        return
    rest, joined = end - times[cuts[-1]], end - times[cuts[-2]]
    target = policy.target(len(cuts) - 1) * scale / 1000
    match policy.last:
        case Last.SHORT:
            return
        case Last.LONG:
            join = rest < target and joined <= LONGEST_SEGMENT_S * scale
        case _:
            join = rest < target / 2 and joined < 1.5 * target
    if join:
        cuts.pop()


def audio_cuts(track: IndexTrack, presentation: I64, policy: Policy) -> I64:
    """Of sound alone: the first frame of each target's cell, counted from the first frame."""
    check_order(presentation)
    scale = track.format.timescale
    ticks = presentation - presentation[0]
    lead = sum(policy.bootstrap_ms)
    cell = (ticks * 1000 - lead * scale) // (policy.target_ms * scale) + len(policy.bootstrap_ms)
    if lead:
        edges = np.cumsum(policy.bootstrap_ms) * scale
        early = ticks * 1000 < lead * scale
        cell[early] = np.searchsorted(edges, ticks[early] * 1000, side="right")
    first: I64 = np.append(0, np.flatnonzero(np.diff(cell) > 0) + 1).astype(np.int64)
    if policy.last in (Last.LONG, Last.ROUNDED) and len(first) > 1:
        rest = (int(ticks[-1]) + track.last_duration - int(ticks[first[-1]])) * 1000
        least = policy.target(len(first) - 1) * scale
        if rest < (least if policy.last is Last.LONG else least / 2):
            first = first[:-1]
    return first


def check_order(presentation: I64) -> None:
    """Of an audio track. Raises Problem unplayable."""
    if (np.diff(presentation) < 0).any():
        raise Problem("unplayable", "the file is damaged: audio is not in the order in which it is heard")


def cuts_around(
    reference: IndexTrack, shown: I64, heard: list[tuple[IndexTrack, I64]], target_ms: int
) -> tuple[list[int], list[int]]:
    """Cuts before the first and after the last picture, a target apart, where there is audio only (reference ticks).

    `heard`: each audio track with its presentation ticks.
    """
    scale = reference.format.timescale
    begin, end = int(shown[reference.sync[0]]), int(shown.max()) + reference.last_duration
    spans = [
        (
            int(ticks[0]) * scale // t.format.timescale,
            (int(ticks[-1]) + t.last_duration) * scale // t.format.timescale,
        )
        for t, ticks in heard
    ]
    first, last = min((s[0] for s in spans), default=begin), max((s[1] for s in spans), default=end)
    if max(begin - first, last - end) > _LONGEST_TAIL_S * scale:
        raise Problem("unplayable", "sound and picture are more than a day apart: remux the file")
    step = max(1, target_ms * scale // 1000)
    early, late = (max(0, (ticks + step // 2) // step) for ticks in (begin - first, last - end))
    return [begin - step * k for k in range(early, 0, -1)], [end + step * k for k in range(late)]
