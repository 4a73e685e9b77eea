"""Marks of a live channel in HLS: EXT-X-DATERANGE (RFC 8216bis 4.4.5.1), interstitials (appendix D), CUE tags.

All media playlists have the same ranges (6.2.4), above the first segment.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from base.uris import segment_file
from packager.hls_tags import Tag, attributes, quoted, seconds
from packager.live import LiveSegment, LiveWindow
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
        rest = _with_cues(rest, window, name, marks)
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


def _with_cues(lines: list[str], window: LiveWindow, name: str, marks: Sequence[LiveMark]) -> list[str]:
    """Tags in front of all lines of their segment, the last of which is its address."""
    track = window.tracks[name]
    scale = track.format.timescale
    tags = {segment_file(s.number): _cues(s, scale, marks) for s in track.segments if s.closed}
    out: list[str] = []
    begun = 0
    for line in lines:
        out.append(line)
        if not line.startswith("#"):
            out[begun:begun] = tags.get(line, [])
            begun = len(out)
    return out


def _cues(segment: LiveSegment, scale: int, marks: Sequence[LiveMark]) -> list[str]:
    begin = segment.start * 1_000_000 // scale - _SLACK_US
    end = begin + segment.duration * 1_000_000 // scale
    found = []
    for mark in marks:
        if not (mark.avail and mark.is_break) or mark.start >= end:
            continue
        planned = _planned(mark)
        if begin <= mark.end < end:
            found.append(_CUE_IN)
        elif mark.start >= begin:
            found.append(_CUE_OUT + (f":{planned}" if planned else ""))
        elif (mark.end < 0 and begin < mark.until) or begin < mark.end:
            elapsed = seconds((begin + _SLACK_US - mark.start) / 1_000_000)
            found.append(f"{_CUE_OUT}-CONT:{elapsed}" + (f"/{planned}" if planned else ""))
    return found


def _planned(mark: LiveMark) -> str | None:
    return None if mark.planned_ms < 0 else seconds(mark.planned_ms / 1000)


def _lasted(mark: LiveMark) -> str | None:
    return None if mark.end < 0 else seconds((mark.end - mark.start) / 1_000_000)


def _section(section: bytes) -> str | None:
    return "0x" + section.hex().upper() if section else None
