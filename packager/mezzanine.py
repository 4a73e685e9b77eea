"""A CMAF mezzanine: each track of a film as a file of its own, a group of pictures a fragment (ISO/IEC 23000-19 7.3).

Sound is cut where the pictures are: each fragment begins with the first frame at or after a keyframe of the first
video track. All tracks are moved by one and the same lead, so that no decode time is below zero and the files stay in
time with one another without edit lists.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from packager.alignment import lines_of
from packager.cuts import audio_cuts, check_order
from packager.index import Index, IndexTrack
from packager.init import init_segment
from packager.plan import I64, lead_of, presentation_of, track_plan
from packager.policy import Policy
from packager.track_file import TrackFile, track_file

# Fragments of sound without pictures.
_ALONE = Policy(target_ms=2000)


def mezzanine(index: Index) -> list[TrackFile]:
    """The files, one for each track in order; their pieces name the track and lie where the samples lie.

    Raises Problem unplayable where presentation times go back.
    """
    shown = {t.name: presentation_of(t) for t in index.tracks}
    lead = max((lead_of(t, shown[t.name]) for t in index.tracks), default=Fraction(0))
    grid = _keyframes(index.video[0], shown[index.video[0].name]) if index.video else None
    made = []
    for track in index.tracks:
        ticks = shown[track.name]
        if track.format.kind == "video":
            starts = _rising(track, ticks)
        elif grid is None:
            starts = audio_cuts(track, ticks, _ALONE)
        else:
            check_order(ticks)
            # what is heard before the first picture goes with it
            found = np.searchsorted(ticks, lines_of(grid[0][1:], grid[1], track.format.timescale))
            starts = np.unique(np.append(0, found[found < len(ticks)])).astype(np.int64)
        first = np.append(starts, len(track.samples))
        plan = track_plan(track, ticks, first, lead, ticks[starts])
        made.append(track_file(plan, init_segment(track.format)))
    return made


def _keyframes(track: IndexTrack, ticks: I64) -> tuple[I64, int]:
    return ticks[_rising(track, ticks)], track.format.timescale


def _rising(track: IndexTrack, ticks: I64) -> I64:
    """Keyframes that are shown after all keyframes before them: others begin no fragment."""
    sync = track.sync.astype(np.int64)
    at = ticks[sync]
    found: I64 = sync[np.append(True, at[1:] > np.maximum.accumulate(at)[:-1])]
    return found
