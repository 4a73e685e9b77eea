"""Bringing live channels back after a restart: journal rows, then what the open files hold. Blocking, at start."""

from __future__ import annotations

import os
import re
import zlib
from pathlib import Path

import structlog

from base.names import segment_file
from base.problems import Problem
from node.clock import Clock
from origin.channel import Channel, Track
from origin.journal import ChannelRow, Journal
from packager.fragments import read_chunk, split_chunks
from packager.live import LivePart
from packager.movie import read_init

log = structlog.get_logger("restore")

_OPEN = re.compile(r"(\d+)\.open-([0-9a-f]+)-([01])")
_INIT = re.compile(r"init-([0-9a-f]+)\.mp4")


def folder_of(root: Path, row: ChannelRow) -> Path:
    return root / f"{row.channel}.{row.edition}"


def restore(root: Path, row: ChannelRow, journal: Journal, clock: Clock) -> Channel:
    """The channel as it was: numbers never go back, nothing that was acknowledged is missing."""
    channel = Channel(folder_of(root, row), row, journal, clock, highest=journal.highest(row.channel, row.edition))
    since = clock.now_ms() - 1000 * (row.session.window_s + 600)
    by_track: dict[str, list[int]] = {}
    for folder in sorted(channel.folder.iterdir()) if channel.folder.is_dir() else []:
        if folder.is_dir():
            _restore_inits(channel, folder)
    for segment in journal.segments(row.channel, row.edition, since):
        track = channel.tracks.get(segment.track)
        if track is None or segment.init not in track.inits:
            log.warning("segment.without_init", channel=row.channel, track=segment.track, number=segment.number)
            continue
        track.window.add(
            number=segment.number,
            start=segment.start,
            duration=segment.duration,
            size=segment.size,
            init=segment.init,
            discontinuity=segment.discontinuity,
            parts=segment.parts,
        )
        by_track.setdefault(segment.track, []).append(segment.number)
        channel.last_media_ms = max(channel.last_media_ms, segment.wall_ms)
    for track in channel.tracks.values():
        if track.window.last is not None:
            track.window.trim(track.window.last.start + track.window.last.duration)
        _restore_open(channel, track, set(by_track.get(track.name, ())))
    return channel


def _restore_inits(channel: Channel, folder: Path) -> None:
    for path in sorted(folder.iterdir()):
        if found := _INIT.fullmatch(path.name):
            fmt = read_init(memoryview(path.read_bytes()))
            track = channel.tracks.get(folder.name) or channel.add_track(folder.name, fmt.timescale)
            track.inits[found[1]] = fmt


def _restore_open(channel: Channel, track: Track, journalled: set[int]) -> None:
    for path in sorted(track.folder.iterdir()):
        found = _OPEN.fullmatch(path.name)
        if found is None:
            continue
        number, init, broken = int(found[1]), found[2], found[3] == "1"
        if number in journalled:  # the row was there, the rename was not
            os.replace(path, track.folder / segment_file(number))
            continue
        last = track.window.last
        if (last is not None and number <= last.number) or init not in track.inits:
            path.unlink()
            continue
        _read_back(channel, track, path, number, init, broken)


def _read_back(channel: Channel, track: Track, path: Path, number: int, init: str, broken: bool) -> None:
    body = path.read_bytes()
    size = 0
    for offset, length in split_chunks(memoryview(body)):
        try:
            chunk = read_chunk(memoryview(body)[offset : offset + length])
        except Problem:
            break
        if not size:
            track.window.open(number=number, start=chunk.pts, init=init, discontinuity=broken)
            track.opened_after_break = broken
        track.window.grow(
            LivePart(
                duration=chunk.duration,
                size=length,
                offset=offset,
                independent=chunk.independent,
                samples=chunk.samples,
            )
        )
        size = offset + length
    if not size:
        path.unlink()
        return
    os.truncate(path, size)  # a part that was cut off by the crash was never acknowledged
    track.checksum = zlib.crc32(body[:size])
    channel.last_media_ms = max(channel.last_media_ms, int(path.stat().st_mtime * 1000))
