"""What a source's own manifest says of its tracks: an MPD (DASH-IF ingest 6.2 clause 16), or an HLS playlist (no I/O).

Taken from it: which header belongs to which segments, how many tracks there will be, language, role, label, bit rate,
breaks and the end. Times are read from the media.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from base.problems import Problem
from ingest.cmaf import names
from node.probe import mpd

MAX_BYTES = 2 << 20
_MOST_TRACKS = 64
_URI = re.compile(r'(?:^|,)URI="([^"]{1,1024})"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """One representation of an MPD. `header` and `media` as paths of the session; `order`: place in the MPD."""

    representation: str
    order: int
    kind: str
    header: str
    media: re.Pattern[str]
    language: str = ""
    role: str = ""
    label: str = ""
    bitrate: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """`headers`: path of the header by path of a segment. `breaks`: segments behind a discontinuity.

    `media`: it lists segments, so it is an MPD or a media playlist.
    """

    tracks: tuple[Announced, ...] = ()
    headers: dict[str, str] = field(default_factory=dict)
    breaks: frozenset[str] = frozenset()
    ended: bool = False
    media: bool = True


def read(body: bytes, path: str) -> Manifest:
    """Raises Problem malformed: no manifest."""
    return _playlist(body, path) if names.suffix(path) == "m3u8" else _mpd(body, path)


def _mpd(body: bytes, path: str) -> Manifest:
    try:
        root = mpd.parse(body)
    except mpd.Malformed as fault:
        raise Problem("malformed", f"the MPD cannot be read: {fault}") from fault
    if root.name != "MPD":
        raise Problem("malformed", f"the root of an MPD is MPD, not {root.name[:32]}")
    found: list[Announced] = []
    for period in root.all("Period")[-1:]:
        for adaptation in period.all("AdaptationSet"):
            for representation in adaptation.all("Representation"):
                if len(found) < _MOST_TRACKS:
                    found += _announced(path, period, adaptation, representation, len(found))
    return Manifest(tracks=tuple(found), ended=root.get("type") == "static")


def _announced(
    path: str, period: mpd.Node, adaptation: mpd.Node, representation: mpd.Node, order: int
) -> list[Announced]:
    """5.3.9.1: SegmentTemplate is inherited, attribute by attribute."""
    attributes: dict[str, str] = {}
    for holder in (period, adaptation, representation):
        if (given := holder.first("SegmentTemplate")) is not None:
            attributes |= given.attributes
    identity = representation.get("id")
    if not identity or "media" not in attributes or "initialization" not in attributes:
        return []
    header, _ = names.template(path, attributes["initialization"], identity)
    segment, media = names.template(path, attributes["media"], identity)
    if not header or not segment or "\0" in header:
        return []
    mime = representation.get("mimeType") or adaptation.get("mimeType")
    kind = adaptation.get("contentType") or representation.get("contentType") or mime.partition("/")[0]
    role = adaptation.first("Role")
    label = representation.first("Label") or adaptation.first("Label")
    bandwidth = representation.get("bandwidth")
    return [
        Announced(
            representation=identity,
            order=order,
            kind=kind,
            header=header,
            media=media,
            language=adaptation.get("lang") or representation.get("lang"),
            role=role.get("value")[:64] if role is not None else "",
            label=label.text.strip()[:128] if label is not None else "",
            bitrate=int(bandwidth) if bandwidth.isdecimal() and len(bandwidth) < 12 else 0,
        )
    ]


def _playlist(body: bytes, path: str) -> Manifest:
    try:
        lines = body.decode().splitlines()
    except UnicodeDecodeError as fault:
        raise Problem("malformed", "a playlist is UTF-8 (RFC 8216 4.1)") from fault
    if not lines or lines[0].strip() != "#EXTM3U":
        raise Problem("malformed", "a playlist begins with #EXTM3U (RFC 8216 4.3.1.1)")
    headers: dict[str, str] = {}
    breaks: set[str] = set()
    header, broken, variant, ended, media = "", False, False, False, False
    for line in map(str.strip, lines):
        tag, _, value = line.partition(":")
        if tag == "#EXT-X-MAP" and (uri := _URI.search(value)):
            header = names.within(path, uri[1])
        elif tag == "#EXTINF":
            media = True
        elif tag == "#EXT-X-DISCONTINUITY":
            broken = True
        elif tag == "#EXT-X-STREAM-INF":
            variant = True
        elif line and not line.startswith("#"):
            if not variant and (segment := names.within(path, line)):
                if header:
                    headers[segment] = header
                if broken:
                    breaks.add(segment)
            broken = variant = False
        ended = ended or tag == "#EXT-X-ENDLIST"
    return Manifest(headers=headers, breaks=frozenset(breaks), ended=ended, media=media)
