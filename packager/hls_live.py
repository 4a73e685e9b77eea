"""LL-HLS and HLS media playlists of a live channel, printed from one snapshot (RFC 8216bis 4.4.3 to 4.4.5, B.1).

What is said of a closed segment without its parts never changes, so it is printed once, in blocks that the snapshots
of a track share: a playlist of three days is put together from some hundred strings.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from base.uris import init_file, part_file, segment_file
from packager.hls_tags import Tag, attributes, quoted, seconds
from packager.live import LiveSegment, LiveTrack, LiveWindow
from packager.live_clip import LiveClip

_VERSION = 6
_DELTA_VERSION = 9  # EXT-X-SKIP (section 8)
_SKIP_TARGETS = 6  # CAN-SKIP-UNTIL in target durations (4.4.3.8: at least 6)
_PART_TARGETS = 3  # how long EXT-X-PART stays, in target durations from the end (6.2.2)
_BLOCK = 256  # segments that are printed as one
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def media_playlist(window: LiveWindow, name: str, *, skip: bool = False, clip: LiveClip | None = None) -> str:
    """The playlist of track `name` (a key of window.tracks). `skip`: a delta update if there is something to skip.

    `clip`: the stretch that `window` is. It has no EXT-X-PLAYLIST-TYPE:EVENT while it goes on: its beginning leaves as
    the window of the channel slides (4.4.3.5: nothing may).
    """
    track = window.tracks[name]
    if clip is not None and clip.over:
        return _film(window, track, clip)
    segments = track.segments
    skipped = _skippable(window, track) if skip else 0
    first = segments[0]
    query = f"?{clip.query}" if clip is not None and clip.query else ""
    lines = [
        Tag.M3U,
        f"{Tag.VERSION}:{_DELTA_VERSION if skipped else _VERSION}",
        f"{Tag.TARGETDURATION}:{window.target}",
        attributes(
            Tag.SERVER_CONTROL,
            CAN_BLOCK_RELOAD="YES",
            CAN_SKIP_UNTIL=seconds(_SKIP_TARGETS * window.target),
            HOLD_BACK=seconds(3 * window.target),
            PART_HOLD_BACK=seconds(3 * window.part_target),
        ),
        attributes(Tag.PART_INF, PART_TARGET=seconds(window.part_target)),
        *_sequence(first),
        Tag.INDEPENDENT_SEGMENTS,
        *_start(clip),
    ]
    if skipped:
        lines.append(attributes(Tag.SKIP, SKIPPED_SEGMENTS=skipped))
    parts_from = segments[-1].start + segments[-1].duration - _PART_TARGETS * window.target * track.format.timescale
    lines += _listed(track, skipped, parts_from)
    if window.live:
        lines.append(attributes(Tag.PRELOAD_HINT, TYPE="PART", URI=quoted(part_file(*next_part(track)))))
    lines += _reports(window, name, query)
    return "\n".join(lines) + "\n"


def _film(window: LiveWindow, track: LiveTrack, clip: LiveClip) -> str:
    """A stretch that is over: nothing is added, and nothing leaves while its segments are there."""
    lines = [
        Tag.M3U,
        f"{Tag.VERSION}:{_VERSION}",
        f"{Tag.TARGETDURATION}:{window.target}",
        f"{Tag.PLAYLIST_TYPE}:VOD",
        *_sequence(track.segments[0]),
        Tag.INDEPENDENT_SEGMENTS,
        *(_start(clip) if clip.offset else ()),
        *_listed(track, 0, None),
        Tag.ENDLIST,
    ]
    return "\n".join(lines) + "\n"


def _sequence(first: LiveSegment) -> list[str]:
    return [
        f"{Tag.MEDIA_SEQUENCE}:{first.number}",
        # once there has been a discontinuity it is always printed (Apple authoring 8.17); 0 is the default
        f"{Tag.DISCONTINUITY_SEQUENCE}:{first.breaks - first.discontinuity}",
    ]


def _start(clip: LiveClip | None) -> list[str]:
    """Where players begin (4.4.2.2): else at the live edge."""
    if clip is None or clip.offset is None:
        return []
    return [attributes(Tag.START, TIME_OFFSET=seconds(float(clip.offset)), PRECISE="YES")]


def _listed(track: LiveTrack, skipped: int, parts_from: int | None) -> list[str]:
    """The lines of the segments from `skipped` on; with parts where they end after `parts_from`, None: nowhere.

    A block is made of segments that have one before them in the list: the first needs its EXT-X-MAP.
    """
    segments, scale = track.segments, track.format.timescale
    lines: list[str] = []
    at, count = skipped, len(segments)
    while at < count:
        segment, last = segments[at], at + _BLOCK - 1
        block = segment.number // _BLOCK
        whole = at and segment.number % _BLOCK == 0 and last < count and segments[last].closed
        if whole and (parts_from is None or segments[last].start + segments[last].duration <= parts_from):
            if block not in track.lines:
                pairs = zip(segments[at - 1 : last], segments[at : last + 1], strict=True)
                said = (line for one, two in pairs for line in _segment_lines(two, scale, one.init, with_parts=False))
                track.lines[block] = "\n".join(said)
            lines.append(track.lines[block])
            at = last + 1
        else:
            with_parts = parts_from is not None and segment.start + segment.duration > parts_from
            init = segments[at - 1].init if at else ""
            lines += _segment_lines(segment, scale, init, with_parts=with_parts)
            at += 1
    return lines


def forget(lines: dict[int, str], first: int) -> None:
    """Drop what LiveTrack.lines says of segments before this number only."""
    for block in list(lines):  # at once: another thread may be printing
        if (block + 1) * _BLOCK <= first:
            del lines[block]


def next_part(track: LiveTrack) -> tuple[int, int]:
    """(number, part) of what comes next, if nothing breaks: hinted, and held when asked for (4.4.5.3)."""
    last = track.segments[-1]
    return (last.number + 1, 0) if last.closed else (last.number, len(last.parts))


def _skippable(window: LiveWindow, track: LiveTrack) -> int:
    """Segments further than the skip boundary from the end of the last whole segment (6.2.5.1)."""
    whole = [s for s in track.segments[-2:] if s.closed]
    if not whole:
        return 0
    boundary = whole[-1].start + whole[-1].duration - _SKIP_TARGETS * window.target * track.format.timescale
    low, high = 0, len(track.segments)
    while low < high:  # ends rise with the number
        middle = (low + high) // 2
        if track.segments[middle].start + track.segments[middle].duration <= boundary:
            low = middle + 1
        else:
            high = middle
    return low


def _segment_lines(segment: LiveSegment, scale: int, init: str, *, with_parts: bool) -> list[str]:
    lines: list[str] = []
    # DISCONTINUITY, MAP and PDT stand before the first part of their segment (4.4.4.9)
    if segment.discontinuity:
        lines.append(Tag.DISCONTINUITY)
    if segment.init and segment.init != init:
        lines.append(attributes(Tag.MAP, URI=quoted(init_file(segment.init))))
    lines.append(f"{Tag.PROGRAM_DATE_TIME}:{date(segment.start, scale)}")
    if with_parts and not segment.gap:
        lines += [
            attributes(
                Tag.PART,
                DURATION=seconds(part.duration / scale),
                URI=quoted(part_file(segment.number, at)),
                INDEPENDENT="YES" if part.independent else None,
            )
            for at, part in enumerate(segment.parts)
        ]
    if segment.closed:
        if segment.gap:
            lines.append(Tag.GAP)
        lines.append(f"{Tag.INF}:{seconds(segment.duration / scale)},")
        lines.append(segment_file(segment.number))
    elif not lines[-1].startswith(Tag.PART):
        return []
    return lines


def _reports(window: LiveWindow, name: str, query: str) -> list[str]:
    """One report for every other rendition, all of the same snapshot (4.4.5.4, B.1)."""
    lines = []
    for other in window.tracks.values():
        if other.name != name:
            number, part = other.last_part
            lines.append(
                attributes(
                    Tag.RENDITION_REPORT,
                    URI=quoted(f"../{other.name}/media.m3u8{query}"),
                    LAST_MSN=number,
                    LAST_PART=max(part, 0),
                )
            )
    return lines


def date(ticks: int, scale: int) -> str:
    """ISO 8601 with milliseconds and zone (4.4.4.6) of a time counted from 1970."""
    moment = _EPOCH + timedelta(microseconds=round(ticks * 1_000_000 / scale))
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
