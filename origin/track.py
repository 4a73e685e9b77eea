"""One track of a live channel: its window, and its files.

    init-{generation}.mp4
    {number}.m4s                          closed: its journal row was there first
    {number}.open-{generation}-r{run}     open: parts are appended

The order that makes it crash-proof: a part is acknowledged (and announced) when its octets are in the open file; the
last part when file and journal row are synced. After a crash the open file is read back part by part (restore.py).
"""

from __future__ import annotations

import asyncio
import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from base.media import Format
from base.uris import segment_file
from origin import disk
from origin.runs import Run
from origin.window import TrackWindow
from packager.fragments import Chunk
from packager.live import LivePart, LiveSegment


@dataclass(slots=True)
class Track:
    """`checksum` is of the open segment; `lines`: see LiveTrack. All that writes holds `lock`.

    `ending`: the open segment has its last part, which is listed only when the segment is closed. Else playlists
    would for a moment hint a part that never comes, and every viewer would ask for it.
    """

    name: str
    folder: Path
    window: TrackWindow
    inits: dict[str, Format] = field(default_factory=dict)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    checksum: int = 0
    ending: bool = False
    lines: dict[int, str] = field(default_factory=dict)

    @property
    def open(self) -> LiveSegment | None:
        """The open segment, which has a part at least."""
        last = self.window.last
        return last if last is not None and not last.closed else None

    def open_path(self, number: int, init: str, run: int) -> Path:
        return self.folder / f"{number}.open-{init}-r{run}"

    def path(self, segment: LiveSegment) -> Path:
        if segment.closed:
            return self.folder / segment_file(segment.number)
        return self.open_path(segment.number, segment.init, segment.run)

    def begin(self, *, number: int, start: int, init: str, run: Run, within: Sequence[Run] = ()) -> None:
        """Open a segment. Another timescale (an encoder with another sampling rate) starts the window anew."""
        scale = self.inits[init].timescale
        if scale != self.window.scale:
            self.window = self.window.rescaled(scale)
        self.window.open(number=number, start=start, init=init, run=run, within=within)
        self.checksum = 0

    def grow(self, chunk: Chunk, body: bytes | memoryview, *, last: bool = False) -> None:
        """The open file has one more part."""
        self.ending = last
        self.checksum = zlib.crc32(body, self.checksum)
        self.window.grow(
            LivePart(
                duration=chunk.duration,
                size=len(body),
                offset=self.window.segments[-1].size,
                independent=chunk.independent,
                samples=chunk.samples,
            )
        )

    def close(self) -> None:
        """The open segment is whole, synced and journalled."""
        self.window.close()
        self.ending = False

    def listed(self) -> list[LiveSegment]:
        """What playlists may show now."""
        segments = list(self.window.segments)
        if self.ending:
            opened = segments.pop()
            *parts, last = opened.parts
            if parts:
                duration, size = opened.duration - last.duration, opened.size - last.size
                segments.append(replace(opened, parts=tuple(parts), duration=duration, size=size))
        return segments

    def place(self, number: int, part: int) -> tuple[Path, int, int] | None:
        """(file, offset, octets) of a part that is there."""
        segment = self.window.find(number)
        if segment is None or part >= len(segment.parts):
            return None
        found = segment.parts[part]
        return self.path(segment), found.offset, found.size


def read_part(path: Path, offset: int, size: int) -> bytes:
    """What `Track.place` named. An open file may meanwhile have got its final name. Raises FileNotFoundError."""
    try:
        return disk.read_at(path, offset, size)
    except FileNotFoundError:
        number, _, rest = path.name.partition(".")
        if not rest.startswith("open-"):
            raise
        return disk.read_at(path.with_name(segment_file(int(number))), offset, size)


def drop_segments(folder: Path, first: int, before_ms: int) -> list[int]:
    """Remove segments below `first` that were last written before a time (UTC); gives their numbers. Blocking."""
    dropped: list[int] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                stem, _, ending = entry.name.partition(".")
                if ending != "m4s" or not stem.isdecimal() or int(stem) >= first:
                    continue
                if entry.stat().st_mtime_ns < before_ms * 1_000_000:
                    os.unlink(entry.path)
                    dropped.append(int(stem))
    except FileNotFoundError:
        return dropped  # the channel was removed meanwhile
    return dropped
