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

    def place(self, at: Place) -> Place:
        """Where the next thing after `at` will be: behind a segment that has been closed, its successor (6.2.5.2)."""
        index = at.number - self.first
        if 0 <= index < len(self.parsed.segments):
            row = self.parsed.segments[index]
            if row.uri and at.part and at.part >= len(row.parts):
                return Place(at.number + 1, 0)
        return at

    def reaches(self, at: Place) -> bool:
        """Is there what a blocking reload for `at` has waited for, or anything later?"""
        at = self.place(at)
        return any(piece.uri or piece.gap for piece in self.after(at))

    def after(self, at: Place) -> Iterator[Piece]:
        """Everything that is listed from `at` on, in order: whole segments where none of it was fetched, else parts."""
        # The library gives a segment that is still open no EXT-X-MAP: the last one before it holds (4.4.4.5).
        init = self.parsed.segment_map[-1].uri if self.parsed.segment_map else ""
        for index, row in enumerate(self.parsed.segments):
            number = self.first + index
            init = row.init_section.uri if row.init_section else init
            if number < at.number:
                continue
            skip = at.part if number == at.number else 0
            broken = bool(row.discontinuity) or (not row.uri and self._opens_after_break())
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

    def _opens_after_break(self) -> bool:
        """The library drops EXT-X-DISCONTINUITY (4.4.4.3) of a segment of which only parts are listed."""
        lines = self.text.splitlines()
        whole = [at for at, line in enumerate(lines) if line and not line.startswith("#")]
        return "#EXT-X-DISCONTINUITY" in lines[whole[-1] + 1 if whole else 0 :]

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
