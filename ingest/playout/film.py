"""A film of the catalog, read from the origin as players read it: HLS with fMP4 segments, a picture and a sound."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urljoin

import aiohttp

from base.names import Kind, Leaf, Name
from base.problems import Problem
from ingest.cmaf.fragment import Fragment, read_fragment
from ingest.cmaf.header import Source, read_header
from ingest.cmaf.reader import BoxReader, FragmentCame, HeaderCame
from ingest.media import TrackConfig

_MOST_PLAYLIST = 16 << 20
_MOST_SEGMENT = 256 << 20
_URI = re.compile(r'(?:^|[:,])URI="([^"]+)"')
_TIMEOUT = aiohttp.ClientTimeout(total=30, connect=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A segment: from `start_ms` of the film on, for `duration_ms`."""

    url: str
    start_ms: float
    duration_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmTrack:
    config: TrackConfig
    source: Source
    pieces: Sequence[Piece]


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """`tracks`: the picture first; at least one. `duration_ms`: of the first track."""

    asset: str
    tracks: Sequence[FilmTrack]
    duration_ms: int


class Films:
    """Films at an origin. `base` as ingest.publisher.origin_client gives it."""

    def __init__(self, client: aiohttp.ClientSession, base: str) -> None:
        self._client = client
        self._base = base

    async def open(self, asset: str) -> Film:
        """Raises Problem unknown, upstream, unplayable."""
        name = Name(kind=Kind.VOD, title=asset, leaf=Leaf.MULTIVARIANT)
        url = self._base + name.path
        playlists = _first_tracks((await self._get(url, _MOST_PLAYLIST)).decode())
        if not playlists:
            raise Problem("unplayable", f"{asset} has no playlist of a picture or a sound")
        tracks = [await self._track(urljoin(url, uri), number) for uri, number in playlists]
        tracks.sort(key=lambda track: track.config.track[0] != "v")
        last = tracks[0].pieces[-1]
        return Film(asset=asset, tracks=tracks, duration_ms=round(last.start_ms + last.duration_ms))

    async def fragments(self, track: FilmTrack, piece: Piece) -> list[Fragment]:
        """The samples of a segment, in the film's own times. Raises Problem."""
        body = await self._get(piece.url, _MOST_SEGMENT)
        sources = {track.source.track_id: track.source}
        found: list[Fragment] = []
        for came in BoxReader().feed(body):
            if isinstance(came, FragmentCame):
                found += read_fragment(came.data, came.moof, came.base, sources)
        return found

    async def _track(self, url: str, number: int) -> FilmTrack:
        header, pieces = _media(url, (await self._get(url, _MOST_PLAYLIST)).decode())
        if not header or not pieces:
            raise Problem("unplayable", "a media playlist has no segments")
        body = await self._get(header, _MOST_PLAYLIST)
        (moov,) = [came.moov for came in BoxReader().feed(body) if isinstance(came, HeaderCame)]
        (source,) = read_header(moov).sources
        if source.format is None:
            raise Problem("unplayable", "a media playlist is of neither pictures nor sound")
        config = TrackConfig(track=f"{source.format.kind[0]}{number}", format=source.format)
        return FilmTrack(config=config, source=source, pieces=pieces)

    async def _get(self, url: str, most: int) -> bytes:
        try:
            async with self._client.get(url, timeout=_TIMEOUT) as answer:
                if answer.status == 404:
                    raise Problem("unknown", "the origin has no such film")
                if answer.status != 200:
                    raise Problem("upstream", f"the origin answers {answer.status}")
                body = bytearray()
                async for octets in answer.content.iter_any():
                    body += octets
                    if len(body) > most:
                        raise Problem("too-large", f"over {most >> 20} MiB")
                return bytes(body)
        except (aiohttp.ClientError, TimeoutError, OSError) as fault:
            raise Problem("upstream", "the origin does not answer") from fault


def _first_tracks(text: str) -> list[tuple[str, int]]:
    """The best variant of a multivariant playlist, and the sound that it names: URIs of their media playlists."""
    sounds: dict[str, str] = {}
    variant, group = "", ""
    lines = text.splitlines()
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if line.startswith("#EXT-X-MEDIA:") and "TYPE=AUDIO" in line:
            named, uri = re.search(r'GROUP-ID="([^"]+)"', line), _URI.search(line)
            if named and uri:
                sounds.setdefault(named[1], uri[1])
        elif line.startswith("#EXT-X-STREAM-INF:") and not variant:
            variant = following.strip()
            named = re.search(r'AUDIO="([^"]+)"', line)
            group = named[1] if named else ""
    sound = sounds.get(group, "")
    return [(uri, 1) for uri in dict.fromkeys((variant, sound)) if uri]


def _media(url: str, text: str) -> tuple[str, list[Piece]]:
    """The header of a media playlist, and its segments."""
    header, pieces, start, duration = "", [], 0.0, 0.0
    for line in text.splitlines():
        tag, _, value = line.partition(":")
        if tag == "#EXT-X-MAP" and (uri := _URI.search(value)):
            header = urljoin(url, uri[1])
        elif tag == "#EXTINF":
            duration = float(value.partition(",")[0]) * 1000
        elif line and not line.startswith("#"):
            pieces.append(Piece(url=urljoin(url, line), start_ms=start, duration_ms=duration))
            start += duration
    return header, pieces
