"""The segment plan of an asset: a pure function of (index, policy), one plan for all tracks.

The reference is the first video track: segments are cut at its keyframes, each as near to its target after the
previous cut as keyframes allow (packager.cuts). Audio is cut at the first frame whose presentation time is at or after
the video's cut: no state, no drift, the same on every node. Without video, audio is cut at the target itself.

A further video track belongs to the plan if it has a keyframe at every cut; else it is left out, with the place
(packager.alignment).
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
from base.reports import Alignment
from packager.alignment import aligned, judge, lines_of, timing
from packager.cuts import LONGEST_SEGMENT_S, audio_cuts, check_order, cuts_around, video_cuts
from packager.index import Index, IndexTrack, identity
from packager.policy import Policy

I64 = npt.NDArray[np.int64]

_EARLY_MS = 250  # by which a frame may come before its cut


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
    """`edition` names what every segment number means here; it changes with the index and with the policy.

    `alignments`: what was found of each rendition after the first, and of sound that is not in time with the picture.
    """

    edition: str
    policy: Policy
    lead: Fraction
    tracks: tuple[TrackPlan, ...]
    notes: tuple[str, ...] = ()
    alignments: tuple[Alignment, ...] = ()

    @property
    def target_ms(self) -> int:
        return self.policy.target_ms

    @property
    def switchable(self) -> bool:
        """True if a player may go from each rendition to each other one."""
        return all(a.switchable for a in self.alignments)

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


def make_plan(index: Index, policy: Policy | int) -> Plan:
    """`policy`: a whole number stands for a target in ms and nothing else.

    Raises Problem unplayable if keyframes are more than LONGEST_SEGMENT_S apart, with the place.
    """
    if isinstance(policy, int):
        policy = Policy(target_ms=policy)
    shown = {t.name: presentation_of(t) for t in index.tracks}
    lead = max((lead_of(t, shown[t.name]) for t in index.tracks), default=Fraction(0))
    reference = (index.video or index.audio)[0]
    scale, presentation = reference.format.timescale, shown[reference.name]
    cut = video_cuts if index.video else audio_cuts
    cuts = cut(reference, presentation, policy)
    before: list[int] = []
    after: list[int] = []
    if index.video:
        heard = [(t, shown[t.name]) for t in index.audio]
        before, after = cuts_around(reference, presentation, heard, policy.target_ms)
    inner = presentation[cuts]
    ticks = np.concatenate([np.array(before, np.int64), inner, np.array(after, np.int64)])
    tracks, notes = [], list(index.notes)
    alignments = []
    taken = b""
    for track in index.tracks:
        lines = lines_of(ticks, scale, track.format.timescale)
        if track is reference:
            first = _around(cuts, len(track.samples), before, after)
        elif track.format.kind == "audio":
            check_order(shown[track.name])
            first = _follow(track, shown[track.name], lines)
            if _without_holes(first, shown[track.name], lines, track.format.timescale):
                taken += track.name.encode()
        else:
            own, missed = aligned(track, shown[track.name], lines_of(inner, scale, track.format.timescale))
            at = Fraction(int(inner[missed]), scale) if own is None else None
            alignments.append(judge(reference, track, shown, at))
            if own is None:
                notes.append(f"video track {track.name} was left out: {alignments[-1].because}")
                continue
            first = _around(own, len(track.samples), before, after)
        tracks.append(track_plan(track, shown[track.name], first, lead, lines))
    alignments += [late for t in index.audio if index.video and (late := timing(reference, t, shown))]
    digest = hashlib.sha256(policy.identity)
    for piece in identity(index):
        digest.update(piece)
    if taken:  # what was planned before frames were taken early keeps its name
        digest.update(b"early " + taken)
    plan = Plan(
        edition="e" + digest.hexdigest()[:9],
        policy=policy,
        lead=lead,
        tracks=tuple(tracks),
        notes=tuple(notes),
        alignments=tuple(alignments),
    )
    for planned in plan.tracks:
        _check_longest(planned)
    return plan


def presentation_of(track: IndexTrack) -> I64:
    """Presentation ticks of each sample, zero where the edit list starts."""
    ticks: I64 = (track.samples["dts"] + track.samples["cto"] - track.shift).astype(np.int64)
    return ticks


def _around(first: I64, count: int, before: list[int], after: list[int]) -> I64:
    """Cuts of a video track with the segments around it in which it has nothing."""
    return np.concatenate([np.full(len(before), first[0]), first, np.full(len(after) + 1, count)])


def _follow(track: IndexTrack, shown: I64, lines: I64) -> I64:
    """First frame at or after each cut; the first segment takes what comes before, the last what comes after."""
    first = np.searchsorted(shown, lines).astype(np.int64)
    first[0] = 0
    return np.append(first, len(track.samples))


def _without_holes(first: I64, shown: I64, lines: I64, scale: int) -> bool:
    """Give a segment that is shorter than a frame, so that none begins in it, the next one; True if there was any.

    In place. A hole in the numbers of a track can be told in DASH (S@n), but players do not listen: dash.js (issue
    5107), Shaka Player and FFmpeg count on, and would play the wrong segments from there on.
    """
    found = False
    done = 0
    for hole in np.flatnonzero((np.diff(first) == 0) & (first[:-1] > 0) & (first[:-1] < len(shown))).tolist():
        number = max(hole, done)
        while number < len(lines) and (at := int(first[number])) >= first[number + 1]:
            near = at < len(shown) and shown[at] - lines[number] <= scale * _EARLY_MS // 1000
            first[number + 1] = at + near
            found |= bool(near)
            number += 1
        done = number
    return found


def lead_of(track: IndexTrack, shown: I64) -> Fraction:
    """Seconds by which a track must be moved so that nothing is presented, and no tfdt lies, before zero."""
    head = [-track.first_presentation]
    if track.format.kind == "audio":
        head.append(Fraction(track.shift - int(track.samples["dts"][0]), track.format.timescale))
    elif len(track.sync):
        first = int(track.sync[0])
        head.append(Fraction(-int(shown[first]), track.format.timescale))
        decoded = int(track.samples["dts"][first]) + _least_offset(track, first)
        head.append(Fraction(track.shift - decoded, track.format.timescale))
    return max(Fraction(0), *head)


def _least_offset(track: IndexTrack, first: int) -> int:
    """What is taken from all composition offsets, so that the least of them is 0."""
    return int(track.samples["cto"][first:].min())


def track_plan(track: IndexTrack, shown: I64, first: I64, lead: Fraction, lines: I64) -> TrackPlan:
    scale = track.format.timescale
    moved = math.ceil(lead * scale)
    # no composition offset is negative: docs/decisions/0005-composition-offsets.md
    hidden = _least_offset(track, int(first[0])) if track.format.kind == "video" else 0
    base = moved + hidden - track.shift
    shown = shown + moved
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
