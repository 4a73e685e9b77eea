"""Playlists as a viewer reads them, with the m3u8 library: what to fetch next, and which promises were broken."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import m3u8


@dataclass(frozen=True, slots=True)
class Place:
    """The next thing to fetch: part `part` of segment `number`."""

    number: int
    part: int

    @property
    def directives(self) -> str:
        """The query of a blocking reload (RFC 8216bis 6.2.5.2)."""
        return f"?_HLS_msn={self.number}&_HLS_part={self.part}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Something to fetch: a whole segment (part 0, `next` in the following segment), or one part."""

    number: int
    part: int
    uri: str
    init: str
    next: Place
    discontinuity: bool = False
    gap: bool = False


@dataclass(slots=True)
class MediaPlaylist:
    text: str
    parsed: Any

    @property
    def ended(self) -> bool:
        return bool(self.parsed.is_endlist)

    @property
    def target_s(self) -> float:
        return float(self.parsed.target_duration)

    @property
    def first(self) -> int:
        return int(self.parsed.media_sequence or 0)

    @property
    def blocking(self) -> bool:
        control = self.parsed.server_control
        return bool(control and control.can_block_reload == "YES")

    def start(self) -> Place:
        """On demand the beginning; live the last whole segments: one with parts, three without (6.3.3)."""
        if self.ended:
            return Place(self.first, 0)
        whole = [self.first + at for at, row in enumerate(self.parsed.segments) if row.uri and not row.gap_tag]
        back = 1 if self.blocking else 3
        return Place(whole[-back] if len(whole) >= back else self.first, 0)

    def after(self, at: Place) -> Iterator[Piece]:
        """Everything that is listed from `at` on, in order: whole segments where none of it was fetched, else parts."""
        for index, row in enumerate(self.parsed.segments):
            number = self.first + index
            if number < at.number:
                continue
            skip = at.part if number == at.number else 0
            init = row.init_section.uri if row.init_section else ""
            broken = bool(row.discontinuity)
            if row.uri and not skip:
                yield Piece(
                    number=number,
                    part=0,
                    uri=row.uri,
                    init=init,
                    next=Place(number + 1, 0),
                    discontinuity=broken,
                    gap=bool(row.gap_tag),
                )
                continue
            parts = list(row.parts)
            for part in range(skip, len(parts)):
                last = bool(row.uri) and part == len(parts) - 1
                yield Piece(
                    number=number,
                    part=part,
                    uri=parts[part].uri,
                    init=init,
                    next=Place(number + 1, 0) if last else Place(number, part + 1),
                    discontinuity=broken and part == 0,
                    gap=parts[part].gap == "YES",
                )
            if row.uri and skip >= len(parts):
                at = Place(number + 1, 0)

    def broken_promises(self, before: MediaPlaylist) -> list[str]:
        """What this reload must not have done to the playlist before it (RFC 8216bis 6.2.1, 4.4.3)."""
        found = []
        if self.first < before.first:
            found.append(f"EXT-X-MEDIA-SEQUENCE went back from {before.first} to {self.first}")
        if self.target_s != before.target_s:
            found.append(f"EXT-X-TARGETDURATION changed from {before.target_s} to {self.target_s}")
        if (self.parsed.discontinuity_sequence or 0) < (before.parsed.discontinuity_sequence or 0):
            found.append("EXT-X-DISCONTINUITY-SEQUENCE went back")
        long = [row for row in self.parsed.segments if row.uri and int(row.duration + 0.5) > self.target_s]
        found += [f"{row.uri} lasts {row.duration} s, the target duration is {self.target_s}" for row in long]
        old = {before.first + at: row.uri for at, row in enumerate(before.parsed.segments) if row.uri}
        new = {self.first + at: row.uri for at, row in enumerate(self.parsed.segments) if row.uri}
        changed = [number for number in old.keys() & new.keys() if old[number] != new[number]]
        return found + [f"segment {number} was {old[number]}, now it is {new[number]}" for number in sorted(changed)]


def read_media(text: str) -> MediaPlaylist:
    assert text.startswith("#EXTM3U"), text[:80]
    return MediaPlaylist(text, m3u8.loads(text))


def read_multivariant(text: str) -> list[tuple[str, str]]:
    """(name, URI) of the first variant and of the audio rendition that belongs to it."""
    parsed = m3u8.loads(text)
    assert parsed.playlists, f"no variant in\n{text}"
    variant = parsed.playlists[0]
    found = [(_track(variant.uri), variant.uri)]
    group = variant.stream_info.audio
    for media in parsed.media:
        if media.group_id == group and media.type == "AUDIO" and media.uri and media.uri != variant.uri:
            found.append((_track(media.uri), media.uri))
            break
    return found


def _track(uri: str) -> str:
    """`e1/v1/media.m3u8` -> `v1`."""
    found = re.search(r"([^/]+)/[^/]+$", uri)
    return found[1] if found else uri
