"""A stretch of a channel's window: from a time on, or between two times. The same segments under the same names.

All tracks are cut at the same numbers, those of the segments of the first track that hold the two instants. With an
end that has passed, what is left is a film: it ends, and never changes while its segments are there.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fractions import Fraction

from base import lifetimes
from base.problems import Problem
from packager.live import LiveSegment, LiveTrack, LiveWindow

# Media that comes later than this after the end that was asked for is not waited for.
_LATE_MS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveClip:
    """`window`: what is left of it. `over`: nothing will be added. `query`: what playlists hand on to one another.

    `offset`: seconds from the beginning of the first segment to the instant that was asked for; None if that has left.
    `moves`: it was asked for by how long ago, so the same address means something else in a moment.
    """

    window: LiveWindow
    query: str
    over: bool
    offset: Fraction | None
    moves: bool = False


def newest_ms(window: LiveWindow) -> int:
    """When the newest whole segment ends, ms since 1970; 0 without any."""
    ends = (_end_ms(segment, track) for track in window.tracks.values() for segment in _last_whole(track))
    return max(ends, default=0)


def cut(
    window: LiveWindow, start_ms: int, end_ms: int, now_ms: int, *, query: str = "", strict: bool = True
) -> LiveClip:
    """The segments that hold [start, end), in ms since 1970; -1: from the beginning of the window, or going on.

    `strict`: a beginning that has left the window is refused; else what is left is listed, for who plays on.
    Raises Problem gone, early (no media of that time yet), unknown (none at all).
    """
    if not window.tracks:
        raise Problem("unknown", "the channel has no media yet", cache_control="no-store")
    reference = next(iter(window.tracks.values()))
    segments, scale = reference.segments, reference.format.timescale
    begins_ms, newest = segments[0].start * 1000 // scale, newest_ms(window)
    if start_ms >= 0 and start_ms >= newest:
        raise Problem("early", f"there is no whole segment of {date(start_ms)} yet: the newest ends {date(newest)}")
    left = 0 <= start_ms < begins_ms
    if (left and (strict or end_ms >= 0)) or 0 <= end_ms <= begins_ms:
        raise Problem(
            "gone",
            f"the window of the channel begins {date(begins_ms)}: ask for a later start",
            cache_control=lifetimes.not_found(window.target),
        )
    first = max(0, bisect_right(segments, start_ms, key=lambda s: s.start * 1000 // scale) - 1) if start_ms >= 0 else 0
    if first + 1 < len(segments) and 0 <= _end_ms(segments[first], reference) <= start_ms:
        first += 1  # nothing was sent at that time
    offset = None
    if start_ms >= 0 and not left:
        offset = max(Fraction(0), Fraction(start_ms, 1000) - Fraction(segments[first].start, scale))
    last = None
    if end_ms >= 0:
        at = max(first, bisect_left(segments, end_ms, key=lambda s: s.start * 1000 // scale) - 1)
        last = segments[at].number
    kept = {
        name: replace(track, segments=found)
        for name, track in window.tracks.items()
        if (found := _between(track, segments[first].number, last))
    }
    # while media comes, its own time counts: a source's clock may be behind
    late = (newest if window.live else now_ms) >= end_ms + _LATE_MS
    over = last is not None and (newest >= end_ms or late)
    over = over and all(late or track.last_closed >= (last or 0) for track in window.tracks.values())
    if over:
        kept = {name: track for name, track in kept.items() if any(not s.gap for s in track.segments)}
    if not kept:
        raise Problem("unknown", "the channel sent nothing at that time", cache_control="public, max-age=60")
    return LiveClip(window=replace(window, tracks=kept), query=query, over=over, offset=offset)


def listed_for_ms(clip: LiveClip, window: LiveWindow) -> int:
    """How long at least the beginning of a clip stays in the window of its channel, if that is full already."""
    first = next(iter(clip.window.tracks.values()))
    begins = first.segments[0].start * 1000 // first.format.timescale
    return max(0, begins - (newest_ms(window) - window.window_ms))


def _between(track: LiveTrack, first: int, last: int | None) -> Sequence[LiveSegment]:
    begin = max(0, first - track.segments[0].number)
    return track.segments[begin : None if last is None else max(0, last + 1 - track.segments[0].number)]


def _last_whole(track: LiveTrack) -> Sequence[LiveSegment]:
    return [segment for segment in track.segments[-2:] if segment.closed]


def _end_ms(segment: LiveSegment, track: LiveTrack) -> int:
    return (segment.start + segment.duration) * 1000 // track.format.timescale


def date(ms: int) -> str:
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
