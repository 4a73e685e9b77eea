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

Live also:

    /live/{title}/manifest-ll.mpd                         DASH manifest by which open segments are asked for

On demand also:

    /vod/{title}/multivariant-ts.m3u8                     HLS with MPEG-TS segments
    /vod/{title}/{edition}/{track}/media-ts.m3u8
    /vod/{title}/{edition}/{track}/{number}.ts            segment as MPEG-TS
    /vod/{title}/{edition}/{track}/iframes.m3u8           I-frame playlist (trick play)
    /vod/{title}/{edition}/{track}/{number}.i.m4s         the first picture of a segment, alone (trick play in DASH)
    /vod/{title}/manifest-number.mpd                      DASH manifest without timelines, where segments are even
    /vod/{title}/manifest-ondemand.mpd                    DASH manifest, one file a track
    /vod/{title}/{edition}/{track}/track.mp4              that file: too large for a cache, asked for by ranges
    /vod/{title}/{edition}/download-{tracks}.mp4          progressive MP4 of tracks, `v1-a1` in the asset's order

Protected (on demand so far): the same names with `/~cenc`, `/~cbcs`, `/~aes-128` or `/~sample-aes` in front, for
playlists, manifests, init segments and segments. Playlists use relative URLs, so the prefix is inherited.

    /~cbcs/vod/{title}/manifest.mpd
    /~aes-128/vod/{title}/{kid}.key                       content key, where the key format is `identity`

Pictures, decoded when they are asked for (base/pictures.py says what their files are called):

    /{kind}/{title}/poster.jpg                            one picture that stands for all, for a short time
    /{kind}/{title}/{edition}/{track}/picture-{ms}-{width}.jpg    or .webp
    /{kind}/{title}/{edition}/{track}/tiles-{layout}-{number}.jpg
    /{kind}/{title}/{edition}/{track}/thumbnails.vtt      where on the tiles the picture at a time is
    /vod/{title}/{edition}/{track}/images.m3u8            the tiles as an HLS image playlist
    /{kind}/{title}/{edition}/{track}/waveform-{number}.json or .dat: peaks of sound; live: of a segment

Text (on demand): subtitles and captions, below an edition of their own:

    /vod/{title}/{edition}/{track}/{number}.vtt           segment as WebVTT

Between roles only, never through an edge:

    /live/{title}/{edition}/session.json                  PUT by ingest: what is being published
    /live/{title}/{edition}/cues.json                     PUT by ingest: breaks that begin or end at a frame
    /vod/{title}/mezzanine.mp4                            PUT by control: the file itself
    /vod/{title}/upload-{token}/{number}.mp4              PUT by control, ingest: a file of several, from 1
    /vod/{title}/upload-{token}/asset.json                PUT, DELETE by control: these files are the asset
    /vod/{title}/text/{track}                             PUT, DELETE by control: a file of subtitles
    /vod/{title}/captions.json                            PUT by control: find captions in the picture
    /vod/{title}/marks.json                               GET, PUT, DELETE by control: chapters, breaks
    /vod/{title}/tracks.json                              GET, PUT, DELETE by control: which tracks viewers get
    /vod/{title}/harvest.json                             PUT by control: a stretch of a channel
    /{kind}/{title}/status.json                           GET by control: what the origin holds
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from base import pictures
from base.uris import init_file, part_file, segment_file, text_file, ts_file


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
    MULTIVARIANT_TS = "multivariant of TS"
    MEDIA_PLAYLIST_TS = "media playlist of TS"
    TS_SEGMENT = "TS segment"
    IFRAME_PLAYLIST = "I-frame playlist"
    IFRAME_SEGMENT = "I-frame segment"
    MANIFEST_NUMBER = "number manifest"
    MANIFEST_ON_DEMAND = "on-demand manifest"
    MANIFEST_LOW_LATENCY = "low-latency manifest"
    TRACK_FILE = "track file"
    DOWNLOAD = "download"
    KEY = "content key"
    PICTURE = "picture"
    TILES = "tiles"
    THUMBNAILS = "thumbnails"
    IMAGE_PLAYLIST = "image playlist"
    POSTER = "poster"
    WAVEFORM = "waveform"
    TEXT_SEGMENT = "text segment"
    SESSION = "session"
    CUES = "cues"
    MEZZANINE = "mezzanine"
    UPLOAD_FILE = "file of an upload"
    UPLOAD = "upload"
    SIDECAR = "sidecar"
    CAPTIONS = "captions"
    MARKS = "marks"
    TRACK_FILTER = "track filter"
    HARVEST = "harvest"
    STATUS = "status"


# Computed from a whole file: an asset has them, a channel has not.
VOD_ONLY = frozenset(
    {
        Leaf.MULTIVARIANT_TS,
        Leaf.MEDIA_PLAYLIST_TS,
        Leaf.TS_SEGMENT,
        Leaf.IFRAME_PLAYLIST,
        Leaf.IFRAME_SEGMENT,
        Leaf.MANIFEST_NUMBER,
        Leaf.MANIFEST_ON_DEMAND,
        Leaf.TRACK_FILE,
        Leaf.DOWNLOAD,
        Leaf.IMAGE_PLAYLIST,
        Leaf.KEY,
        Leaf.TEXT_SEGMENT,
        Leaf.SIDECAR,
        Leaf.CAPTIONS,
        Leaf.MARKS,
        Leaf.HARVEST,
        Leaf.TRACK_FILTER,
        Leaf.MEZZANINE,
        Leaf.UPLOAD_FILE,
        Leaf.UPLOAD,
    }
)
LIVE_ONLY = frozenset({Leaf.PART, Leaf.MANIFEST_LOW_LATENCY, Leaf.SESSION, Leaf.CUES})
INTERNAL = frozenset(
    {
        Leaf.SESSION,
        Leaf.CUES,
        Leaf.MEZZANINE,
        Leaf.UPLOAD_FILE,
        Leaf.UPLOAD,
        Leaf.SIDECAR,
        Leaf.CAPTIONS,
        Leaf.MARKS,
        Leaf.TRACK_FILTER,
        Leaf.HARVEST,
        Leaf.STATUS,
    }
)
PUBLIC = frozenset(Leaf) - INTERNAL
MANIFESTS = frozenset(
    {
        Leaf.MULTIVARIANT,
        Leaf.MANIFEST,
        Leaf.MEDIA_PLAYLIST,
        Leaf.MULTIVARIANT_TS,
        Leaf.MEDIA_PLAYLIST_TS,
        Leaf.IFRAME_PLAYLIST,
        Leaf.MANIFEST_NUMBER,
        Leaf.MANIFEST_ON_DEMAND,
        Leaf.MANIFEST_LOW_LATENCY,
        Leaf.THUMBNAILS,
        Leaf.IMAGE_PLAYLIST,
        Leaf.POSTER,
    }
)
# Made from decoded media.
PICTURES = frozenset({Leaf.PICTURE, Leaf.TILES, Leaf.THUMBNAILS, Leaf.IMAGE_PLAYLIST, Leaf.POSTER, Leaf.WAVEFORM})
# As long as a whole film: handed through by caches, range by range.
LARGE = frozenset({Leaf.TRACK_FILE, Leaf.DOWNLOAD})
# Handed on by caches and never kept by them.
SECRET = frozenset({Leaf.KEY})
IMMUTABLE = PUBLIC - MANIFESTS - SECRET
# What may stand in front of a path, and what there is under it: schemes of ISO/IEC 23001-7, and methods of HLS alone.
_SCHEME = PICTURES | {
    Leaf.MULTIVARIANT,
    Leaf.MANIFEST,
    Leaf.MEDIA_PLAYLIST,
    Leaf.INIT,
    Leaf.SEGMENT,
    Leaf.PART,
    Leaf.TEXT_SEGMENT,
}
_METHOD = frozenset(
    {
        Leaf.MULTIVARIANT,
        Leaf.MEDIA_PLAYLIST,
        Leaf.INIT,
        Leaf.SEGMENT,
        Leaf.MULTIVARIANT_TS,
        Leaf.MEDIA_PLAYLIST_TS,
        Leaf.TS_SEGMENT,
        Leaf.TEXT_SEGMENT,
        Leaf.KEY,
    }
)
PROTECTED = {"cenc": _SCHEME, "cbcs": _SCHEME, "aes-128": _METHOD, "sample-aes": _METHOD}
PROTECTIONS = tuple(PROTECTED)

# The clock that DASH players ask (UTCTiming, ISO/IEC 23009-1 5.8.5.7); answered by every edge itself.
TIME_PATH = "/time"
# Where a player asks for content keys, by POST; the edge hands it on.
CLEARKEY_PATH = "/licence/clearkey"

TITLE_PATTERN = r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?"
_TITLE = re.compile(TITLE_PATTERN)
_TRACK = r"[a-z][a-z0-9]{0,15}"
_NUMBER = r"0|[1-9][0-9]{0,14}"
# In one download.
MOST_TRACKS = 8
_TOP_FILE = {
    Leaf.MULTIVARIANT: "multivariant.m3u8",
    Leaf.MULTIVARIANT_TS: "multivariant-ts.m3u8",
    Leaf.MANIFEST: "manifest.mpd",
    Leaf.MANIFEST_NUMBER: "manifest-number.mpd",
    Leaf.MANIFEST_ON_DEMAND: "manifest-ondemand.mpd",
    Leaf.MANIFEST_LOW_LATENCY: "manifest-ll.mpd",
    Leaf.POSTER: "poster.jpg",
    Leaf.MEZZANINE: "mezzanine.mp4",
    Leaf.CAPTIONS: "captions.json",
    Leaf.MARKS: "marks.json",
    Leaf.TRACK_FILTER: "tracks.json",
    Leaf.HARVEST: "harvest.json",
    Leaf.STATUS: "status.json",
}
_TRACK_FILE = {
    Leaf.MEDIA_PLAYLIST: "media.m3u8",
    Leaf.MEDIA_PLAYLIST_TS: "media-ts.m3u8",
    Leaf.IFRAME_PLAYLIST: "iframes.m3u8",
    Leaf.TRACK_FILE: "track.mp4",
    Leaf.THUMBNAILS: "thumbnails.vtt",
    Leaf.IMAGE_PLAYLIST: "images.m3u8",
}
_MADE = {
    Leaf.PICTURE: pictures.PICTURE_PATTERN,
    Leaf.TILES: pictures.TILES_PATTERN,
    Leaf.WAVEFORM: pictures.WAVEFORM_PATTERN,
}
_LEAF_OF = {file: leaf for leaf, file in (*_TOP_FILE.items(), *_TRACK_FILE.items())}
_PATH = re.compile(
    rf"(?:/~(?P<protection>{'|'.join(PROTECTIONS)}))?/(?P<kind>live|vod)/(?P<title>{TITLE_PATTERN})/"
    rf"(?:(?P<top>{'|'.join(map(re.escape, _TOP_FILE.values()))})"
    r"|(?P<kid>[0-9a-f]{32})\.key"
    rf"|text/(?P<sidecar>{_TRACK})"
    r"|upload-(?P<upload>[0-9a-f]{8,32})/(?:(?P<upload_file>[1-9][0-9]{0,3})\.mp4|asset\.json)"
    r"|(?P<edition>[a-z0-9]{1,16})/"
    r"(?:(?P<session>session\.json)|(?P<cues>cues\.json)"
    rf"|download-(?P<tracks>{_TRACK}(?:-{_TRACK}){{0,{MOST_TRACKS - 1}}})\.mp4"
    rf"|(?P<track>{_TRACK})/"
    rf"(?:(?P<file>{'|'.join(map(re.escape, _TRACK_FILE.values()))})"
    r"|init-(?P<generation>[0-9a-f]{8,64})\.mp4"
    rf"|(?P<made>{'|'.join(_MADE.values())})"
    rf"|(?P<ts>{_NUMBER})\.ts"
    rf"|(?P<vtt>{_NUMBER})\.vtt"
    rf"|(?P<iframe>{_NUMBER})\.i\.m4s"
    rf"|(?P<number>{_NUMBER})(?:\.(?P<part>0|[1-9][0-9]{{0,5}}))?\.m4s)))"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """The name of one object. `number` and `part` count from 0; `generation` is hex of the init's hash.

    `protection`: one of PROTECTIONS, empty for what is clear. `kid`: 32 hex digits, of a content key.
    `made`: the file of a picture, of tiles or of a waveform, as base/pictures.py spells it. `tracks`: of a download.
    `upload`: hex that tells uploads of one title apart; its files are numbered from 1.
    """

    kind: Kind
    title: str
    leaf: Leaf
    edition: str = ""
    track: str = ""
    generation: str = ""
    number: int = -1
    part: int = -1
    protection: str = ""
    kid: str = ""
    made: str = ""
    tracks: tuple[str, ...] = ()
    upload: str = ""

    @property
    def path(self) -> str:
        prefix = f"/~{self.protection}" if self.protection else ""
        if self.leaf in _TOP_FILE:
            return f"{prefix}/{self.kind}/{self.title}/{_TOP_FILE[self.leaf]}"
        return f"{prefix}/{self.kind}/{self.title}/{self.relative}"

    @property
    def relative(self) -> str:
        """The URI as the multivariant playlist or the manifest spells it: relative to `/{kind}/{title}/`."""
        if self.leaf in (Leaf.KEY, Leaf.SIDECAR, Leaf.UPLOAD_FILE, Leaf.UPLOAD):
            return self.file
        if self.leaf in (Leaf.SESSION, Leaf.CUES, Leaf.DOWNLOAD):
            return f"{self.edition}/{self.file}"
        return f"{self.edition}/{self.track}/{self.file}"

    @property
    def file(self) -> str:
        """The last path element: the URI as a media playlist of the same track spells it."""
        match self.leaf:
            case Leaf.INIT:
                return init_file(self.generation)
            case Leaf.SEGMENT:
                return segment_file(self.number)
            case Leaf.PART:
                return part_file(self.number, self.part)
            case Leaf.TS_SEGMENT:
                return ts_file(self.number)
            case Leaf.IFRAME_SEGMENT:
                return f"{self.number}.i.m4s"
            case Leaf.TEXT_SEGMENT:
                return text_file(self.number)
            case Leaf.SIDECAR:
                return f"text/{self.track}"
            case Leaf.UPLOAD_FILE:
                return f"upload-{self.upload}/{self.number}.mp4"
            case Leaf.UPLOAD:
                return f"upload-{self.upload}/asset.json"
            case Leaf.KEY:
                return f"{self.kid}.key"
            case Leaf.SESSION:
                return "session.json"
            case Leaf.CUES:
                return "cues.json"
            case Leaf.DOWNLOAD:
                return f"download-{'-'.join(self.tracks)}.mp4"
            case Leaf.PICTURE | Leaf.TILES | Leaf.WAVEFORM:
                return self.made
            case _:
                return _TRACK_FILE.get(self.leaf) or _TOP_FILE[self.leaf]

    @property
    def at_top(self) -> bool:
        """True if it lies beside its title's manifests, outside of any edition."""
        return self.leaf in _TOP_FILE

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
    name = _name(found)
    wrong = VOD_ONLY if name.kind is Kind.LIVE else LIVE_ONLY
    if name.leaf is Leaf.TILES and (name.kind is Kind.LIVE) != pictures.of_a_run(name.made):
        return None
    if name.leaf in wrong or (name.leaf is Leaf.KEY and not name.protection):
        return None
    return None if name.protection and name.leaf not in PROTECTED[name.protection] else name


def _name(found: re.Match[str]) -> Name:
    def named(leaf: Leaf, *, number: int = -1, part: int = -1) -> Name:
        return Name(
            kind=Kind(found["kind"]),
            title=found["title"],
            leaf=leaf,
            edition=found["edition"] or "",
            track=found["track"] or found["sidecar"] or "",
            generation=found["generation"] or "",
            number=number,
            part=part,
            protection=found["protection"] or "",
            kid=found["kid"] or "",
            made=found["made"] or "",
            tracks=tuple(found["tracks"].split("-")) if found["tracks"] else (),
            upload=found["upload"] or "",
        )

    if fixed := found["top"] or found["file"]:
        return named(_LEAF_OF[fixed])
    if found["kid"]:
        return named(Leaf.KEY)
    if found["upload_file"]:
        return named(Leaf.UPLOAD_FILE, number=int(found["upload_file"]))
    if found["upload"]:
        return named(Leaf.UPLOAD)
    if found["session"]:
        return named(Leaf.SESSION)
    if found["cues"]:
        return named(Leaf.CUES)
    if found["tracks"]:
        return named(Leaf.DOWNLOAD)
    if found["generation"]:
        return named(Leaf.INIT)
    if found["made"]:
        return named(next(leaf for leaf, pattern in _MADE.items() if re.fullmatch(pattern, found["made"])))
    if found["ts"]:
        return named(Leaf.TS_SEGMENT, number=int(found["ts"]))
    if found["vtt"]:
        return named(Leaf.TEXT_SEGMENT, number=int(found["vtt"]))
    if found["sidecar"]:
        return named(Leaf.SIDECAR)
    if found["iframe"]:
        return named(Leaf.IFRAME_SEGMENT, number=int(found["iframe"]))
    if found["part"]:
        return named(Leaf.PART, number=int(found["number"]), part=int(found["part"]))
    return named(Leaf.SEGMENT, number=int(found["number"]))


def is_title(text: str) -> bool:
    """True if `text` may name a channel or an asset: lower-case letters, digits and inner hyphens, 1 to 64."""
    return _TITLE.fullmatch(text) is not None
