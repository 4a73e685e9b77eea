"""The segment plan of an asset: a pure function of (index, target), one plan for all tracks.

The reference is the first video track: segments are cut at its keyframes, each as near to a multiple of the target
after the previous cut as keyframes allow. Audio is cut at the first frame whose presentation time is at or after the
video's cut: no state, no drift, the same on every node. Without video, audio is cut at the target itself.

A further video track belongs to the plan if it has a keyframe at every cut; else it is left out, with the reason.

The presentation may begin before zero (audio priming, pictures that an edit list hides). A decode time cannot, so the
whole asset is moved by `lead`, the shortest time that makes every track start at or after zero. DASH says it as
presentationTimeOffset; HLS players count from the first segment.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from base.problems import Problem
from packager.index import FileKey, Index, IndexTrack, to_bytes

I64 = npt.NDArray[np.int64]

# No keyframe for longer than this and a file is refused: a viewer could not join or seek.
LONGEST_SEGMENT_S = 30
_NEAR_MS = 2  # keyframes of renditions that are this near count as aligned


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackPlan:
    """One track's cuts. `first`: sample index at which each segment starts, and the end (n + 1 values).

    `start`: presentation ticks at which each segment starts, and the end, moved by lead (n + 1 values).
    tfdt of a sample = dts + base; its composition offset = cto - hidden.
    """

    track: IndexTrack
    first: I64
    start: I64
    base: int
    hidden: int

    def duration(self, number: int) -> int:
        """Presentation duration of a segment in ticks."""
        return int(self.start[number + 1] - self.start[number])

    @property
    def durations(self) -> npt.NDArray[np.float64]:
        """Seconds a segment."""
        return np.diff(self.start) / self.track.format.timescale

    @property
    def sizes(self) -> I64:
        """Media octets a segment, with what its moof adds (octets of a trun row by kind)."""
        ends = np.zeros(len(self.track.samples) + 1, np.int64)
        np.cumsum(self.track.samples["size"], out=ends[1:])
        row = 16 if self.track.format.kind == "video" else 4
        octets: I64 = np.diff(ends[self.first]) + row * np.diff(self.first) + 120
        return octets


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`edition` names what every segment number means here; it changes with the index and with the target."""

    edition: str
    target_ms: int
    lead: Fraction
    tracks: tuple[TrackPlan, ...]
    notes: tuple[str, ...]
    switchable: bool

    @property
    def count(self) -> int:
        return len(self.tracks[0].first) - 1

    @property
    def target_duration(self) -> int:
        """EXT-X-TARGETDURATION: each EXTINF rounded to nearest is at most this (RFC 8216bis 4.4.3.1)."""
        longest = max(float(t.durations.max()) for t in self.tracks)
        return max(1, math.floor(longest + 0.5))

    @property
    def duration(self) -> Fraction:
        """Seconds from the first to the last presented instant."""
        starts = [Fraction(int(t.start[0]), t.track.format.timescale) for t in self.tracks]
        ends = [Fraction(int(t.start[-1]), t.track.format.timescale) for t in self.tracks]
        return max(ends) - max(min(starts), self.lead)

    def track(self, name: str) -> TrackPlan | None:
        return next((t for t in self.tracks if t.track.name == name), None)


def make_plan(index: Index, target_ms: int) -> Plan:
    """Raises Problem unplayable if keyframes are more than LONGEST_SEGMENT_S apart, with the place."""
    lead = max(Fraction(0), *(-t.first_presentation for t in index.tracks)) if index.tracks else Fraction(0)
    reference = (index.video or index.audio)[0]
    cuts = _video_cuts(reference, target_ms) if index.video else _audio_cuts(reference, target_ms)
    tracks, notes, switchable = [], list(index.notes), True
    scale, presentation = reference.format.timescale, _presentation(reference)
    cut_ticks = presentation[cuts]
    for track in index.tracks:
        if track is reference:
            first = np.append(cuts, len(track.samples))
        elif track.format.kind == "audio":
            first = _follow(track, cut_ticks, scale)
        else:
            aligned = _aligned(track, cut_ticks, scale)
            if aligned is None:
                switchable = False
                notes.append(f"video track {track.name} was left out: its keyframes are not where those of v1 are")
                continue
            first = aligned
        tracks.append(_track_plan(track, first, lead))
    digest = hashlib.sha256(f"plan 1 {target_ms}\n".encode() + _identity(index)).hexdigest()
    plan = Plan(
        edition="e" + digest[:9],
        target_ms=target_ms,
        lead=lead,
        tracks=tuple(tracks),
        notes=tuple(notes),
        switchable=switchable,
    )
    _check_longest(plan.tracks[0])
    return plan


def _identity(index: Index) -> bytes:
    """The index without its file key: the same media has the same edition on every node."""
    return to_bytes(Index(key=FileKey(0, 0, 0), tracks=index.tracks))


def _presentation(track: IndexTrack) -> I64:
    """Presentation ticks of each sample, zero where the edit list starts."""
    ticks: I64 = (track.samples["dts"] + track.samples["cto"] - track.shift).astype(np.int64)
    return ticks


def _video_cuts(track: IndexTrack, target_ms: int) -> I64:
    if not len(track.sync):
        raise Problem("unplayable", "the video has no keyframe: re-encode it")
    ticks = _presentation(track)[track.sync].tolist()
    target = target_ms * track.format.timescale / 1000
    cuts, last = [0], ticks[0]
    for i in range(1, len(ticks)):
        here = ticks[i] - last
        following = ticks[i + 1] - last if i + 1 < len(ticks) else math.inf
        if here >= target or target - here < following - target:
            cuts.append(i)
            last = ticks[i]
    # after the last keyframe only the end is left: a stub of less than half a target joins the segment before
    end = int(_presentation(track).max()) + track.last_duration
    if len(cuts) > 1 and end - ticks[cuts[-1]] < target / 2 and end - ticks[cuts[-2]] < 1.5 * target:
        cuts.pop()
    first: I64 = track.sync[cuts].astype(np.int64)
    return first


def _audio_cuts(track: IndexTrack, target_ms: int) -> I64:
    ticks = _presentation(track)
    step = target_ms * track.format.timescale / 1000
    lines = ticks[0] + np.arange(math.ceil((track.end_dts - int(track.samples["dts"][0])) / step)) * step
    first: I64 = np.unique(np.searchsorted(ticks, np.ceil(lines).astype(np.int64))).astype(np.int64)
    return first


def _follow(track: IndexTrack, cut_ticks: I64, scale: int) -> I64:
    """First frame at or after each cut; the first segment takes what comes before, the last what comes after."""
    lines = -(-cut_ticks * track.format.timescale // scale)
    first = np.searchsorted(_presentation(track), lines).astype(np.int64)
    first[0] = 0
    return np.append(first, len(track.samples))


def _aligned(track: IndexTrack, cut_ticks: I64, scale: int) -> I64 | None:
    """The track's own keyframes at the cuts, or None if one is missing."""
    ticks = _presentation(track)[track.sync]
    wanted = cut_ticks * track.format.timescale // scale
    slack = max(1, track.format.timescale * _NEAR_MS // 1000)
    at = np.searchsorted(ticks, wanted - slack)
    if (at >= len(ticks)).any() or (np.abs(ticks[np.minimum(at, len(ticks) - 1)] - wanted) > slack).any():
        return None
    first: I64 = np.append(track.sync[at].astype(np.int64), len(track.samples))
    return first


def _track_plan(track: IndexTrack, first: I64, lead: Fraction) -> TrackPlan:
    scale = track.format.timescale
    moved = math.ceil(lead * scale)
    if track.format.kind == "video":
        # CMAF 9.2.1: trun v1, tfdt = the first composition time; what elst hides comes off the offsets
        hidden = max(0, track.shift)
        base = moved + max(0, -track.shift)
    else:
        hidden, base = 0, moved - track.shift
    shown = _presentation(track) + moved
    # an empty segment (no audio there) starts and ends where the next one does
    end = int(shown.max()) + track.last_duration
    start = np.append(shown, end)[first]
    return TrackPlan(track=track, first=first, start=start, base=base, hidden=hidden)


def _check_longest(reference: TrackPlan) -> None:
    durations = reference.durations
    worst = int(durations.argmax())
    if durations[worst] > LONGEST_SEGMENT_S:
        at = (int(reference.start[worst]) - int(reference.start[0])) / reference.track.format.timescale
        raise Problem(
            "unplayable",
            f"no keyframe in {LONGEST_SEGMENT_S} s: from {at:.1f} s on there is none for {durations[worst]:.1f} s; "
            "re-encode with a keyframe every 2 to 10 s",
        )
