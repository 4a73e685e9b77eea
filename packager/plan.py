"""The segment plan of an asset: a pure function of (index, target), one plan for all tracks.

The reference is the first video track: segments are cut at its keyframes, each as near to a multiple of the target
after the previous cut as keyframes allow. Audio is cut at the first frame whose presentation time is at or after the
video's cut: no state, no drift, the same on every node. Without video, audio is cut at the target itself.

A further video track belongs to the plan if it has a keyframe at every cut; else it is left out, with the reason.
Where there is audio before the first or after the last picture it is cut at the target, and the video has nothing in
those segments.

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
from packager.tables import FAR

I64 = npt.NDArray[np.int64]

# No keyframe for longer than this and a file is refused: a viewer could not join or seek.
LONGEST_SEGMENT_S = 30
# Sound that goes on after the picture for longer is a mistake, or a table that is damaged.
_LONGEST_TAIL_S = 24 * 3600
_NEAR_MS = 2  # keyframes of renditions that are this near count as aligned


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackPlan:
    """One track's cuts. `first`: sample index at which each segment starts, and the end (n + 1 values).

    `start`: presentation ticks at which each segment starts, and the end, moved by lead (n + 1 values). Beside a
    segment in which the track has nothing it is the reference's cut; `shown` is what each segment really begins with.
    tfdt of a sample = dts + base; its composition offset = cto - hidden.
    """

    track: IndexTrack
    first: I64
    start: I64
    shown: I64
    base: int
    hidden: int

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
        counts = np.diff(self.first)
        octets: I64 = np.diff(ends[self.first]) + row * counts + 120
        dts = self.track.samples["dts"][-2:]
        if row == 4 and len(dts) == 2 and self.track.end_dts - dts[1] != dts[1] - dts[0]:
            # the last frame is often cut short: then its run has a column of durations as well
            last = np.flatnonzero(counts)[-1]
            octets[last] += 4 * counts[last]
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
    def origin(self) -> Fraction:
        """Seconds at which the presentation starts, on the timeline that tfdt counts."""
        starts = [Fraction(int(t.start[0]), t.track.format.timescale) for t in self.tracks]
        return max(min(starts), self.lead)

    @property
    def duration(self) -> Fraction:
        """Seconds from the first to the last presented instant."""
        ends = [Fraction(int(t.start[-1]), t.track.format.timescale) for t in self.tracks]
        return max(ends) - self.origin

    def track(self, name: str) -> TrackPlan | None:
        return next((t for t in self.tracks if t.track.name == name), None)


def make_plan(index: Index, target_ms: int) -> Plan:
    """Raises Problem unplayable if keyframes are more than LONGEST_SEGMENT_S apart, with the place."""
    lead = max((_lead(t) for t in index.tracks), default=Fraction(0))
    reference = (index.video or index.audio)[0]
    cuts = _video_cuts(reference, target_ms) if index.video else _audio_cuts(reference, target_ms)
    tracks, notes, switchable = [], list(index.notes), True
    scale, presentation = reference.format.timescale, _presentation(reference)
    before, after = _cuts_around(index, reference, target_ms) if index.video else ([], [])
    cut_ticks = before + presentation[cuts].tolist() + after
    first = _around(cuts, len(reference.samples), before, after)
    for track in index.tracks:
        if track is reference:
            pass
        elif track.format.kind == "audio":
            _check_order(track)
            first = _follow(track, cut_ticks, scale)
        else:
            aligned = _aligned(track, presentation[cuts].tolist(), scale)
            if aligned is None:
                switchable = False
                notes.append(f"video track {track.name} was left out: its keyframes are not where those of v1 are")
                continue
            first = _around(aligned, len(track.samples), before, after)
        tracks.append(_track_plan(track, first, lead, _lines(track, cut_ticks, scale)))
    digest = hashlib.sha256(f"plan 1 {target_ms}\n".encode() + _identity(index)).hexdigest()
    plan = Plan(
        edition="e" + digest[:9],
        target_ms=target_ms,
        lead=lead,
        tracks=tuple(tracks),
        notes=tuple(notes),
        switchable=switchable,
    )
    for planned in plan.tracks:
        _check_longest(planned)
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
        if here <= 0:
            continue
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


def _check_order(track: IndexTrack) -> None:
    if (np.diff(_presentation(track)) < 0).any():
        raise Problem("unplayable", "the file is damaged: audio is not in the order in which it is heard")


def _audio_cuts(track: IndexTrack, target_ms: int) -> I64:
    _check_order(track)
    ticks = _presentation(track)
    cell = (ticks - ticks[0]) * 1000 // (target_ms * track.format.timescale)
    first: I64 = np.append(0, np.flatnonzero(np.diff(cell) > 0) + 1).astype(np.int64)
    return first


def _cuts_around(index: Index, reference: IndexTrack, target_ms: int) -> tuple[list[int], list[int]]:
    """Cuts before the first and after the last picture, a target apart, where there is audio only (reference ticks)."""
    scale = reference.format.timescale
    shown = _presentation(reference)
    begin, end = int(shown[reference.sync[0]]), int(shown.max()) + reference.last_duration
    heard = [
        (
            (int(ticks[0])) * scale // t.format.timescale,
            (int(ticks[-1]) + t.last_duration) * scale // t.format.timescale,
        )
        for t in index.audio
        for ticks in (_presentation(t),)
    ]
    first, last = min((h[0] for h in heard), default=begin), max((h[1] for h in heard), default=end)
    if max(begin - first, last - end) > _LONGEST_TAIL_S * scale:
        raise Problem("unplayable", "sound and picture are more than a day apart: remux the file")
    step = max(1, target_ms * scale // 1000)
    early, late = (max(0, (ticks + step // 2) // step) for ticks in (begin - first, last - end))
    return [begin - step * k for k in range(early, 0, -1)], [end + step * k for k in range(late)]


def _around(first: I64, count: int, before: list[int], after: list[int]) -> I64:
    """Cuts of a video track with the segments around it in which it has nothing."""
    return np.concatenate([np.full(len(before), first[0]), first, np.full(len(after) + 1, count)])


def _lines(track: IndexTrack, cut_ticks: list[int], scale: int) -> I64:
    """The reference's cuts in ticks of another track: the first at or after each."""
    return np.array([min(-(-tick * track.format.timescale // scale), FAR) for tick in cut_ticks], np.int64)


def _follow(track: IndexTrack, cut_ticks: list[int], scale: int) -> I64:
    """First frame at or after each cut; the first segment takes what comes before, the last what comes after."""
    first = np.searchsorted(_presentation(track), _lines(track, cut_ticks, scale)).astype(np.int64)
    first[0] = 0
    return np.append(first, len(track.samples))


def _aligned(track: IndexTrack, cut_ticks: list[int], scale: int) -> I64 | None:
    """The track's own keyframes at the cuts, or None if one is missing."""
    if not len(track.sync):
        return None
    ticks = _presentation(track)[track.sync]
    wanted = _lines(track, cut_ticks, scale)
    slack = max(1, track.format.timescale * _NEAR_MS // 1000)
    at = np.searchsorted(ticks, wanted - slack)
    if (at >= len(ticks)).any() or (np.abs(ticks[np.minimum(at, len(ticks) - 1)] - wanted) > slack).any():
        return None
    first: I64 = track.sync[at].astype(np.int64)
    return first


def _lead(track: IndexTrack) -> Fraction:
    """Seconds by which a track must be moved so that nothing is presented, and no tfdt lies, before zero."""
    head = [-track.first_presentation]
    if track.format.kind == "audio":
        head.append(Fraction(track.shift - int(track.samples["dts"][0]), track.format.timescale))
    elif len(track.sync):
        first = int(track.sync[0])
        head.append(Fraction(-int(_presentation(track)[first]), track.format.timescale))
        decoded = int(track.samples["dts"][first]) + _least_offset(track, first)
        head.append(Fraction(track.shift - decoded, track.format.timescale))
    return max(Fraction(0), *head)


def _least_offset(track: IndexTrack, first: int) -> int:
    """What is taken from all composition offsets, so that the least of them is 0."""
    return int(track.samples["cto"][first:].min())


def _track_plan(track: IndexTrack, first: I64, lead: Fraction, lines: I64) -> TrackPlan:
    scale = track.format.timescale
    moved = math.ceil(lead * scale)
    # no composition offset is negative: docs/decisions/0005-composition-offsets.md
    hidden = _least_offset(track, int(first[0])) if track.format.kind == "video" else 0
    base = moved + hidden - track.shift
    shown = _presentation(track) + moved
    end = int(shown[first[0] :].max()) + track.last_duration
    full = np.flatnonzero(np.diff(first))
    earliest = np.append(lines + moved, end)
    # leading pictures (open groups) are shown before their keyframe
    earliest[full] = np.minimum.reduceat(shown, first[full])
    start = earliest.copy()
    after_nothing = full[np.flatnonzero(np.diff(full, prepend=-1) > 1)]
    start[after_nothing] = lines[after_nothing] + moved
    start[full[-1] + 1 :] = end
    if (np.diff(start)[full] <= 0).any():
        raise Problem("unplayable", "the file is damaged: its presentation times go back")
    return TrackPlan(track=track, first=first, start=start, shown=earliest[:-1], base=base, hidden=hidden)


def _check_longest(planned: TrackPlan) -> None:
    durations = planned.durations
    worst = int(durations.argmax())
    if durations[worst] <= LONGEST_SEGMENT_S:
        return
    at = (int(planned.start[worst]) - int(planned.start[0])) / planned.track.format.timescale
    if planned.track.format.kind == "audio":
        raise Problem(
            "unplayable", f"{durations[worst]:.1f} s of audio from {at:.1f} s on cannot be cut: remux the file"
        )
    raise Problem(
        "unplayable",
        f"no keyframe in {LONGEST_SEGMENT_S} s: from {at:.1f} s on there is none for {durations[worst]:.1f} s; "
        "re-encode with a keyframe every 2 to 10 s",
    )
