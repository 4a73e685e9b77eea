"""A live HLS presentation with MPEG-TS segments as octets in order (RFC 8216): reload, segments one by one.

Of a multivariant playlist the variant with the highest bandwidth is taken. Playlists are read by the package m3u8.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urljoin

import aiohttp
import m3u8

from base.problems import Problem
from base.sources import Source

_CONNECT_S, _SILENCE_S = 10.0, 15.0
_MOST_PLAYLIST, _MOST_SEGMENT = 1 << 20, 64 << 20
# Where a client begins (RFC 8216 6.3.3): no nearer to the end than three target durations.
_BEHIND = 3
_LEAST_RELOAD_S, _MOST_RELOAD_S = 0.5, 30.0
# A playlist that has not changed for so many target durations has stopped.
_STALE = 6


class Segments:
    """`fresh`: what the last read gave is a whole segment, in which nothing from before it goes on."""

    fresh = True
    dropped = 0

    def __init__(self, client: aiohttp.ClientSession, source: Source, url: str) -> None:
        self.peer = f"{source.host}:{source.port}"
        self._client = client
        self._source = source
        self._url = url
        self._next = -1  # media sequence number of the next segment
        self._waiting: list[str] = []
        self._target_s = 0.0
        self._unchanged = 0
        self._chosen = False
        self._ended = False

    async def read(self) -> bytes:
        """The next segment; empty at the end. Raises aiohttp.ClientError, Problem."""
        while not self._waiting:
            if self._ended:
                return b""
            await self._reload()
        octets, _ = await self._get(self._waiting.pop(0), _MOST_SEGMENT)
        return octets

    async def _reload(self) -> None:
        if self._next >= 0:  # RFC 8216 6.3.4: a target duration, half of it if nothing had changed
            wait = self._target_s / (2 if self._unchanged else 1)
            await asyncio.sleep(min(max(wait, _LEAST_RELOAD_S), _MOST_RELOAD_S))
        octets, base = await self._get(self._url, _MOST_PLAYLIST)
        playlist = read(octets)
        if playlist.is_variant:
            if self._chosen:
                raise Problem("unplayable", "its multivariant playlist names another one")
            self._url, self._chosen = _joined(base, best(playlist)), True
            return
        self._target_s = float(min(playlist.target_duration or 1, _MOST_RELOAD_S))
        self._ended = bool(playlist.is_endlist)
        first = int(playlist.media_sequence or 0)
        segments = list(playlist.segments)
        if self._next < 0:
            self._next = first if self._ended else first + max(0, len(segments) - _BEHIND)
        # A sequence that begins anew is that of a packager that was started again (6.2.2 forbids it, and it is seen).
        if self._next > first + len(segments):
            self._next = first
        self._next = max(self._next, first)
        for segment in segments[self._next - first :]:
            self._waiting.append(_joined(base, addressed(segment)))
        self._unchanged = 0 if self._waiting else self._unchanged + 1
        self._next = first + len(segments)
        if self._unchanged > 2 * _STALE:
            raise Problem("upstream", "its playlist does not change any more")

    async def _get(self, url: str, most: int) -> tuple[bytes, str]:
        """A file, and where it was found (RFC 3986 5.1.3): `url`, or where that was redirected to."""
        async with self._client.get(url) as answer:
            if answer.status != 200:
                raise Problem("upstream", f"{self._source.shown} answers {answer.status}")
            octets = bytearray()
            async for piece in answer.content.iter_chunked(1 << 16):
                octets += piece
                if len(octets) > most:
                    raise Problem("too-large", f"a file of the presentation is over {most >> 20} MiB")
            return bytes(octets), str(answer.url) if answer.history else url


def _joined(base: str, uri: str) -> str:
    """Raises Problem unplayable."""
    try:
        return urljoin(base, uri)
    except ValueError as fault:
        raise Problem("unplayable", "its playlist has an address that is none") from fault


def read(octets: bytes) -> Any:
    """A playlist. Raises Problem unplayable: no playlist, or one of a sort that is not taken."""
    try:
        text = octets.decode()
        found = m3u8.loads(text)
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as fault:
        raise Problem("unplayable", "its playlist cannot be read") from fault
    if not text.startswith("#EXTM3U"):
        raise Problem("unplayable", "it is no HLS playlist")
    if any(key is not None and key.method != "NONE" for key in found.keys):
        raise Problem("unplayable", "its segments are encrypted: fetch the clear presentation")
    if found.segment_map:
        raise Problem("unplayable", "its segments are fMP4: fetch a presentation with MPEG-TS segments")
    return found


def best(playlist: Any) -> str:
    """The URI of the variant with the highest bandwidth. Raises Problem unplayable."""
    variants = [variant for variant in playlist.playlists if variant.uri]
    if not variants:
        raise Problem("unplayable", "its multivariant playlist has no variant")
    chosen = max(variants, key=lambda variant: variant.stream_info.bandwidth or 0)
    apart = [media for media in playlist.media if media.type == "AUDIO" and media.uri]
    if any(media.group_id == chosen.stream_info.audio for media in apart):
        raise Problem("unplayable", "its sound is apart from its picture: fetch one with both in one playlist")
    return str(chosen.uri)


def addressed(segment: Any) -> str:
    """Raises Problem unplayable for a part of a file."""
    if segment.byterange:
        raise Problem("unplayable", "its segments are parts of files: fetch one with a file each")
    return str(segment.uri)


@asynccontextmanager
async def receiving(source: Source) -> AsyncIterator[Segments]:
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S, sock_read=_SILENCE_S)
    async with aiohttp.ClientSession(timeout=timeout) as client:
        yield Segments(client, source, source.url)
