"""The path grammar: the only module that spells or parses the path of a media object.

A name never changes its meaning. What may change (the segment plan of an asset, the identity of a channel)
is part of the name as its *edition*; an init segment carries its *generation*. So everything below an edition
but the playlists may be cached for a year, and ingest PUTs under the very path at which the viewer GETs.

    /{kind}/{title}/multivariant.m3u8                     HLS multivariant playlist
    /{kind}/{title}/manifest.mpd                          DASH manifest
    /{kind}/{title}/{edition}/{track}/media.m3u8          HLS media playlist
    /{kind}/{title}/{edition}/{track}/init-{generation}.mp4
    /{kind}/{title}/{edition}/{track}/{number}.m4s        segment
    /{kind}/{title}/{edition}/{track}/{number}.{part}.m4s part (live only)

Between roles only, never through an edge:

    /live/{title}/{edition}/session.json                  PUT by ingest: what is being published
    /vod/{title}/mezzanine.mp4                            PUT by control: the file itself
    /{kind}/{title}/status.json                           GET by control: what the origin holds
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    LIVE = "live"
    VOD = "vod"


class Leaf(StrEnum):
    """What sort of object a name stands for."""

    MULTIVARIANT = "multivariant"
    MANIFEST = "manifest"
    MEDIA_PLAYLIST = "media playlist"
    INIT = "init segment"
    SEGMENT = "segment"
    PART = "part"
    SESSION = "session"
    MEZZANINE = "mezzanine"
    STATUS = "status"


PUBLIC = frozenset({Leaf.MULTIVARIANT, Leaf.MANIFEST, Leaf.MEDIA_PLAYLIST, Leaf.INIT, Leaf.SEGMENT, Leaf.PART})
IMMUTABLE = frozenset({Leaf.INIT, Leaf.SEGMENT, Leaf.PART})
MANIFESTS = frozenset({Leaf.MULTIVARIANT, Leaf.MANIFEST, Leaf.MEDIA_PLAYLIST})

# The clock that DASH players ask (UTCTiming, ISO/IEC 23009-1 5.8.5.7); answered by every edge itself.
TIME_PATH = "/time"

TITLE_PATTERN = r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?"
_TITLE = re.compile(TITLE_PATTERN)
_PATH = re.compile(
    rf"/(?P<kind>live|vod)/(?P<title>{TITLE_PATTERN})/"
    r"(?:(?P<top>multivariant\.m3u8|manifest\.mpd|mezzanine\.mp4|status\.json)"
    r"|(?P<edition>[a-z0-9]{1,16})/"
    r"(?:(?P<session>session\.json)"
    r"|(?P<track>[a-z][a-z0-9]{0,15})/"
    r"(?:(?P<media>media\.m3u8)"
    r"|init-(?P<generation>[0-9a-f]{8,64})\.mp4"
    r"|(?P<number>0|[1-9][0-9]{0,14})(?:\.(?P<part>0|[1-9][0-9]{0,5}))?\.m4s)))"
)
_TOP = {
    "multivariant.m3u8": Leaf.MULTIVARIANT,
    "manifest.mpd": Leaf.MANIFEST,
    "mezzanine.mp4": Leaf.MEZZANINE,
    "status.json": Leaf.STATUS,
}
_TOP_FILE = {leaf: file for file, leaf in _TOP.items()}

# The sorts of file and their media types (RFC 8216bis 10, Apple HLS Authoring 10.4; DASH: RFC 6381 registrations).
CONTENT_TYPE = {
    Leaf.MULTIVARIANT: "application/vnd.apple.mpegurl",
    Leaf.MEDIA_PLAYLIST: "application/vnd.apple.mpegurl",
    Leaf.MANIFEST: "application/dash+xml",
    Leaf.INIT: "video/mp4",
    Leaf.SEGMENT: "video/iso.segment",
    Leaf.PART: "video/iso.segment",
    Leaf.SESSION: "application/json",
    Leaf.STATUS: "application/json",
    Leaf.MEZZANINE: "video/mp4",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """The name of one object. `number` and `part` count from 0; `generation` is hex of the init's hash."""

    kind: Kind
    title: str
    leaf: Leaf
    edition: str = ""
    track: str = ""
    generation: str = ""
    number: int = -1
    part: int = -1

    @property
    def path(self) -> str:
        if self.leaf in _TOP_FILE:
            return f"/{self.kind}/{self.title}/{_TOP_FILE[self.leaf]}"
        return f"/{self.kind}/{self.title}/{self.relative}"

    @property
    def relative(self) -> str:
        """The URI as the multivariant playlist or the manifest spells it: relative to `/{kind}/{title}/`."""
        if self.leaf is Leaf.SESSION:
            return f"{self.edition}/session.json"
        return f"{self.edition}/{self.track}/{self.file}"

    @property
    def file(self) -> str:
        """The last path element: the URI as a media playlist of the same track spells it."""
        match self.leaf:
            case Leaf.MEDIA_PLAYLIST:
                return "media.m3u8"
            case Leaf.INIT:
                return init_file(self.generation)
            case Leaf.SEGMENT:
                return segment_file(self.number)
            case Leaf.PART:
                return part_file(self.number, self.part)
            case Leaf.SESSION:
                return "session.json"
            case _:
                return _TOP_FILE[self.leaf]

    @property
    def public(self) -> bool:
        """True if a viewer may ask for it through an edge."""
        return self.leaf in PUBLIC


def parse(path: str) -> Name | None:
    """The name that a path (no query, not percent-encoded) spells, or None if it spells none."""
    if len(path) > 256:
        return None
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    kind, title = Kind(found["kind"]), found["title"]
    if found["top"]:
        leaf = _TOP[found["top"]]
        if leaf is Leaf.MEZZANINE and kind is not Kind.VOD:
            return None
        return Name(kind=kind, title=title, leaf=leaf)
    edition = found["edition"]
    if found["session"]:
        return Name(kind=kind, title=title, edition=edition, leaf=Leaf.SESSION) if kind is Kind.LIVE else None
    track = found["track"]
    if found["media"]:
        return Name(kind=kind, title=title, edition=edition, track=track, leaf=Leaf.MEDIA_PLAYLIST)
    if found["generation"]:
        generation = found["generation"]
        return Name(kind=kind, title=title, edition=edition, track=track, leaf=Leaf.INIT, generation=generation)
    number = int(found["number"])
    if found["part"] is None:
        return Name(kind=kind, title=title, edition=edition, track=track, leaf=Leaf.SEGMENT, number=number)
    if kind is not Kind.LIVE:
        return None
    part = int(found["part"])
    return Name(kind=kind, title=title, edition=edition, track=track, leaf=Leaf.PART, number=number, part=part)


def init_file(generation: str) -> str:
    return f"init-{generation}.mp4"


def segment_file(number: int) -> str:
    return f"{number}.m4s"


def part_file(number: int, part: int) -> str:
    return f"{number}.{part}.m4s"


def media_template(edition: str, track: str) -> str:
    """Segment URIs for DASH (ISO/IEC 23009-1 5.3.9.4.4), relative to `/{kind}/{title}/`."""
    return f"{edition}/{track}/$Number$.m4s"


def is_title(text: str) -> bool:
    """True if `text` may name a channel or an asset: lower-case letters, digits and inner hyphens, 1 to 64."""
    return _TITLE.fullmatch(text) is not None
