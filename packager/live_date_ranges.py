"""Marks of a live channel in HLS: EXT-X-DATERANGE (RFC 8216bis 4.4.5.1), interstitials (appendix D), CUE tags.

All media playlists have the same ranges (6.2.4), above the first segment.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from urllib.parse import quote

from base.uris import segment_file
from packager.hls_tags import Tag, attributes, quoted, seconds
from packager.live import LiveSegment, LiveTrack, LiveWindow
from packager.live_marks import LiveMark, within

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST = (Tag.SKIP, Tag.DISCONTINUITY + "\n", Tag.MAP, Tag.PROGRAM_DATE_TIME, Tag.PART + ":", Tag.GAP, Tag.INF)
_CUE_OUT, _CUE_IN = "#EXT-X-CUE-OUT", "#EXT-X-CUE-IN"
_INTERSTITIAL = "com.apple.hls.interstitial"
# A segment that begins this little before a break begins with it: clocks of tracks differ by a sample.
_SLACK_US = 30_000


def date(us: int) -> str:
    """ISO 8601 with milliseconds (4.4.4.6), rounded as the dates of segments are."""
    moment = _EPOCH + timedelta(microseconds=us)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def marked(text: str, window: LiveWindow, name: str, *, cue_tags: bool = False) -> str:
    """The media playlist of track `name` with the window's marks, unchanged if it has none.

    `cue_tags`: also EXT-X-CUE-OUT, -CONT and -IN, which are of no standard and which older ad inserters look for.
    """
    marks = _listed(window, ended=text.endswith(Tag.ENDLIST + "\n"))
    if not marks:
        return text
    lines = text.splitlines()
    first = next((at for at, line in enumerate(lines) if line.startswith(_FIRST)), len(lines))
    head, rest = lines[:first], lines[first:]
    if cue_tags:
        rest = _with_cues(rest, window.tracks[name], marks)
    return "\n".join([*head, *_ranges(window, marks), *rest]) + "\n"


def _listed(window: LiveWindow, *, ended: bool) -> list[LiveMark]:
    """Those of the window's tracks, which may be a stretch of the channel's; the same for all renditions (6.2.4)."""
    if not window.marks:
        return []
    spans = [(t.segments[0], t.segments[-1], t.format.timescale) for t in window.tracks.values()]
    begin = min(first.start * 1_000_000 // scale for first, _, scale in spans)
    end = max((last.start + last.duration) * 1_000_000 // scale for _, last, scale in spans)
    return [mark for mark in within(window.marks, begin) if not ended or mark.start < end]


def _ranges(window: LiveWindow, marks: Sequence[LiveMark]) -> list[str]:
    found = []
    for mark in marks:
        found.append(_range(mark))
        if window.interstitials and mark.avail and mark.is_break:
            found.append(_interstitial(mark, window.title, window.interstitials))
    return found


def _range(mark: LiveMark) -> str:
    return attributes(
        Tag.DATERANGE,
        ID=quoted(mark.id),
        START_DATE=quoted(date(mark.start)),
        DURATION=_lasted(mark),
        PLANNED_DURATION=_planned(mark),
        SCTE35_CMD=_section(mark.command),
        SCTE35_OUT=_section(mark.out),
        SCTE35_IN=_section(mark.back),
    )


def _interstitial(mark: LiveMark, channel: str, assets: str) -> str:
    """Never changes: what is known of its end is the planned duration, and a break that ends early ends the range."""
    words = {"channel": channel, "event": str(mark.event), "id": mark.id, "duration": _planned(mark) or ""}
    address = assets
    for word, value in words.items():
        address = address.replace("{" + word + "}", quote(value, safe=""))
    return attributes(
        Tag.DATERANGE,
        ID=quoted(f"{mark.id}-assets"),
        CLASS=quoted(_INTERSTITIAL),
        START_DATE=quoted(date(mark.start)),
        DURATION=_planned(mark),
        X_ASSET_LIST=quoted(address),
        X_PLAYOUT_LIMIT=_planned(mark),
        X_SNAP=quoted("OUT,IN"),
        X_RESTRICT=quoted("SKIP,JUMP"),
    )


def _with_cues(lines: list[str], track: LiveTrack, marks: Sequence[LiveMark]) -> list[str]:
    """Tags in front of all lines of their segment, the last of which is its address."""
    tags: dict[str, list[str]] = {}
    for mark in marks:
        if mark.avail and mark.is_break:
            for number, tag in _cues(mark, track):
                tags.setdefault(segment_file(number), []).append(tag)
    out: list[str] = []
    begun = 0
    for line in lines:
        out.append(line)
        if line.startswith(Tag.SKIP):
            begun = len(out)
        elif not line.startswith("#"):
            out[begun:begun] = tags.get(line, [])
            begun = len(out)
    return out


def _cues(mark: LiveMark, track: LiveTrack) -> Iterator[tuple[int, str]]:
    """(segment, tag) from the segment that holds the beginning of a break to the one that holds its end."""
    segments, scale = track.segments, track.format.timescale

    def begins(segment: LiveSegment) -> int:
        return segment.start * 1_000_000 // scale - _SLACK_US

    planned = _planned(mark)
    first = max(0, bisect_right(segments, mark.start, key=begins) - 1)
    for segment in islice(segments, first, None):
        begin = begins(segment)
        over = mark.end if mark.end >= 0 else mark.until
        if begin > over:
            return
        if mark.end >= 0 and begin <= mark.end < begin + segment.duration * 1_000_000 // scale:
            yield segment.number, _CUE_IN
        elif begin <= mark.start < begin + segment.duration * 1_000_000 // scale:
            yield segment.number, _CUE_OUT + (f":{planned}" if planned else "")
        elif begin > mark.start:
            elapsed = seconds((begin + _SLACK_US - mark.start) / 1_000_000)
            yield segment.number, f"{_CUE_OUT}-CONT:{elapsed}" + (f"/{planned}" if planned else "")


def _planned(mark: LiveMark) -> str | None:
    return None if mark.planned_ms < 0 else seconds(mark.planned_ms / 1000)


def _lasted(mark: LiveMark) -> str | None:
    return None if mark.end < 0 else seconds((mark.end - mark.start) / 1_000_000)


def _section(section: bytes) -> str | None:
    return "0x" + section.hex().upper() if section else None
