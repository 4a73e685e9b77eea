"""A live channel as the packager sees it: what the journal holds, as frozen values, and pure questions about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from base.media import Format
from base.reload import Reload
from packager.live_marks import LiveMark


@dataclass(frozen=True, slots=True)
class LivePart:
    """One part: ticks it lasts, octets, where they start in the segment, keyframe first?, count of samples."""

    duration: int
    size: int
    offset: int
    independent: bool
    samples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSegment:
    """One cell of a track. `start`, `duration` in ticks since 1970; `gap`: no media, listed to keep the count.

    `run`: number at which its unbroken run began, the same in all tracks of the channel. `breaks`: discontinuities that
    the channel has had up to and including this segment; 0 throughout the first run. `discontinuity`: it is the track's
    first of a run other than the first.
    """

    number: int
    start: int
    duration: int
    size: int
    init: str
    run: int
    breaks: int
    parts: tuple[LivePart, ...] = ()
    closed: bool = True
    gap: bool = False
    discontinuity: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveTrack:
    """One track's window: consecutive numbers, the last one may be open. Never empty.

    `lines`: what playlists say of closed segments, by packager.hls_live; the same for all snapshots of the track.
    """

    name: str
    format: Format
    segments: Sequence[LiveSegment]
    order: int = 0
    label: str = ""
    lines: dict[int, str] = field(default_factory=dict, compare=False, repr=False)

    @property
    def last_closed(self) -> int:
        """Number of the last whole segment; one less than the first listed if there is none."""
        last = self.segments[-1]
        return last.number if last.closed else last.number - 1

    @property
    def last_part(self) -> tuple[int, int]:
        """(number, part) of the newest part."""
        last = self.segments[-1]
        return last.number, len(last.parts) - 1

    def find(self, number: int) -> LiveSegment | None:
        at = number - self.segments[0].number
        return self.segments[at] if 0 <= at < len(self.segments) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveWindow:
    """All tracks of a channel at one moment: one atomic snapshot, from which all playlists are printed.

    `live`: a publisher is sending; then parts are announced ahead. Durations in ms but `target` (s).
    `run_starts`: (run, track) -> ticks at which that run began in that track, though its first segments may have left.
    `marks`: those that are not over before it begins; `interstitials`: where players ask what to show in a break.
    """

    title: str
    edition: str
    grid_ms: int
    part_ms: int
    target: int
    window_ms: int
    live: bool
    tracks: dict[str, LiveTrack] = field(default_factory=dict)
    run_starts: dict[tuple[int, str], int] = field(default_factory=dict)
    marks: tuple[LiveMark, ...] = ()
    interstitials: str = ""

    @property
    def part_target(self) -> float:
        return self.part_ms / 1000


def answers(track: LiveTrack, ask: Reload) -> bool:
    """Does the playlist now hold what a blocking reload waits for (RFC 8216bis 6.2.5.2)?"""
    if ask.part < 0:
        return track.last_closed >= ask.msn
    number, part = track.last_part
    if track.segments[-1].closed:  # a part past the last one of a segment means part 0 of the next
        return number > ask.msn or (number == ask.msn and ask.part <= part)
    return (number, part) >= (ask.msn, ask.part)


def too_far(window: LiveWindow, track: LiveTrack, ask: Reload) -> bool:
    """Is the request beyond what may be waited for (6.2.5.2: msn > last + 2, or past the Advance Part Limit)?"""
    if ask.msn > track.last_closed + 2:
        return True
    if ask.part < 0:
        return False
    limit = 3 if window.part_target >= 1 else -(-3000 // window.part_ms)
    number, part = track.last_part
    if track.segments[-1].closed:
        number, part = number + 1, -1
    return ask.msn > number or (ask.msn == number and ask.part > part + limit)
