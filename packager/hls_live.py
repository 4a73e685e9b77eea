"""LL-HLS and HLS media playlists of a live channel, printed from one snapshot (RFC 8216bis 4.4.3 to 4.4.5, B.1)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from base.uris import init_file, part_file, segment_file
from packager.hls_tags import Tag, attributes, quoted, seconds
from packager.live import LiveSegment, LiveTrack, LiveWindow

_VERSION = 6
_DELTA_VERSION = 9  # EXT-X-SKIP (section 8)
_SKIP_TARGETS = 6  # CAN-SKIP-UNTIL in target durations (4.4.3.8: at least 6)
_PART_TARGETS = 3  # how long EXT-X-PART stays, in target durations from the end (6.2.2)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def media_playlist(window: LiveWindow, name: str, *, skip: bool = False) -> str:
    """The playlist of track `name` (a key of window.tracks). `skip`: a delta update if there is something to skip."""
    track = window.tracks[name]
    segments = track.segments
    skipped = _skippable(window, track) if skip else 0
    first = segments[0]
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
        f"{Tag.MEDIA_SEQUENCE}:{first.number}",
        # once there has been a discontinuity it is always printed (Apple authoring 8.17); 0 is the default
        f"{Tag.DISCONTINUITY_SEQUENCE}:{first.breaks - first.discontinuity}",
        Tag.INDEPENDENT_SEGMENTS,
    ]
    if skipped:
        lines.append(attributes(Tag.SKIP, SKIPPED_SEGMENTS=skipped))
    scale = track.format.timescale
    parts_from = segments[-1].start + segments[-1].duration - _PART_TARGETS * window.target * scale
    init = segments[skipped - 1].init if skipped else ""
    for segment in segments[skipped:]:
        lines += _segment_lines(segment, scale, init, with_parts=segment.start + segment.duration > parts_from)
        init = segment.init or init
    if window.live:
        lines.append(attributes(Tag.PRELOAD_HINT, TYPE="PART", URI=quoted(part_file(*next_part(track)))))
    lines += _reports(window, name)
    return "\n".join(lines) + "\n"


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


def _reports(window: LiveWindow, name: str) -> list[str]:
    """One report for every other rendition, all of the same snapshot (4.4.5.4, B.1)."""
    lines = []
    for other in window.tracks.values():
        if other.name != name:
            number, part = other.last_part
            lines.append(
                attributes(
                    Tag.RENDITION_REPORT,
                    URI=quoted(f"../{other.name}/media.m3u8"),
                    LAST_MSN=number,
                    LAST_PART=max(part, 0),
                )
            )
    return lines


def date(ticks: int, scale: int) -> str:
    """ISO 8601 with milliseconds and zone (4.4.4.6) of a time counted from 1970."""
    moment = _EPOCH + timedelta(microseconds=round(ticks * 1_000_000 / scale))
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
