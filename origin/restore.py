"""Bringing live channels back after a restart: journal rows, then what the open files hold. Blocking, at start.

What is on the disk may be damaged. A channel then loses what cannot be read, with a line in the log; the origin starts.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import msgspec
import structlog

from base.problems import Problem
from base.uris import segment_file
from node.clock import Clock
from origin.channel import Channel, rounded
from origin.journal import ChannelRow, Journal, SegmentRow
from origin.runs import Run, Runs
from origin.track import Track
from packager.fragments import Chunk, read_chunk, split_chunks
from packager.live import LiveSegment
from packager.movie import read_init

log = structlog.get_logger("restore")

# as it was called before runs were the channel's: the flag is "starts after a discontinuity"
_OPEN = re.compile(r"(\d+)\.open-([0-9a-f]+)-(?:r(\d+)|([01]))")
_INIT = re.compile(r"init-([0-9a-f]+)\.mp4")


def folder_of(root: Path, row: ChannelRow) -> Path:
    return root / f"{row.channel}.{row.edition}"


def restore(root: Path, row: ChannelRow, journal: Journal, clock: Clock) -> Channel:
    """The channel as it was: numbers never go back, nothing that was acknowledged is missing."""
    by_track: dict[str, list[SegmentRow]] = {}
    for segment in journal.segments(row.channel, row.edition):
        by_track.setdefault(segment.track, []).append(segment)
    known = {name: rows[-1] for name, rows in by_track.items()}
    channel = Channel(
        folder_of(root, row), row, journal, clock, known, _runs(by_track), journal.marks(row.channel, row.edition)
    )
    for folder in sorted(channel.folder.iterdir()) if channel.folder.is_dir() else []:
        if folder.is_dir():
            _restore_inits(channel, folder, by_track.get(folder.name, []))
    for name, rows in by_track.items():
        channel.last_media_ms = max(channel.last_media_ms, rows[-1].wall_ms)
        track = channel.tracks.get(name)
        if track is None or rows[-1].init not in track.inits:
            log.warning("track.without_init", channel=row.channel, track=name, number=rows[-1].number)
        else:
            _restore_closed(channel, track, rows)
    opened = [found for track in channel.tracks.values() if (found := _newest_open(track)) is not None]
    for found in sorted(opened, key=lambda found: found.number):  # one may begin the run that the next is in
        _read_back(channel, found)
    for track in channel.tracks.values():
        track.window.span_s = channel.span_s
    channel.align_beginnings(max((row.common for rows in by_track.values() for row in rows), default=-1))
    return channel


def _runs(by_track: dict[str, list[SegmentRow]]) -> Runs:
    """What the rows tell of runs. Tracks that once counted apart go on from the highest count."""
    found: dict[int, Run] = {}
    for row in sorted((row for rows in by_track.values() for row in rows), key=lambda row: row.wall_ms, reverse=True):
        run = Run(row.run, row.breaks, row.wall_ms)
        found[run.number] = max(run, found.get(run.number, run), key=lambda run: run.breaks)
    return Runs(found.values())


def _restore_inits(channel: Channel, folder: Path, rows: list[SegmentRow]) -> None:
    """A track is there if an init segment is. Its timescale is that of the newest closed segment."""
    formats = {}
    for path in sorted(folder.iterdir()):
        if path.name.endswith(".new"):
            path.unlink()  # a file that was being written whole
        elif found := _INIT.fullmatch(path.name):
            try:
                formats[found[1]] = read_init(memoryview(path.read_bytes()))
            except Problem as problem:  # ingest is told that it is missing, and sends it again
                log.warning("init.damaged", channel=channel.row.channel, track=folder.name, why=problem.detail)
                path.unlink()
    if formats:
        newest = rows[-1].init if rows and rows[-1].init in formats else next(iter(formats))
        track = channel.add_track(folder.name, formats[newest].timescale)
        track.inits.update(formats)


def _restore_closed(channel: Channel, track: Track, rows: list[SegmentRow]) -> None:
    """Rows become segments. One whose file or init segment is missing is a gap: its number stays used."""
    there = {path.name for path in track.folder.iterdir()}
    for name in sorted(there):
        found = _OPEN.fullmatch(name)
        if found and any(row.number == int(found[1]) for row in reversed(rows)):
            # the row was there, the rename was not
            os.replace(track.folder / name, track.folder / segment_file(int(found[1])))
            there.add(segment_file(int(found[1])))
    longest = Fraction(0)
    for row in rows:
        if row.number < rows[-1].first:
            continue
        if row.init in track.inits and track.inits[row.init].timescale != track.window.scale:
            continue  # of before the timescale changed
        gap = row.init not in track.inits or segment_file(row.number) not in there
        if gap:
            log.warning("segment.missing", channel=row.channel, track=row.track, number=row.number)
        track.window.restore(
            LiveSegment(
                number=row.number,
                start=row.start,
                duration=row.duration,
                size=0 if gap else row.size,
                init=row.init if row.init in track.inits else rows[-1].init,
                run=row.run,
                breaks=row.breaks,
                parts=() if gap else row.parts,
                gap=gap,
                discontinuity=row.discontinuity,
            ),
            row.run_start,
            channel.runs.within(track.window.run if track.window.segments else row.run, row.run),
        )
        longest = max(longest, Fraction(row.duration, track.window.scale))
    if all(segment.gap for segment in track.window.segments):
        track.window.lose(track.window.highest)
    # the row of a longer target duration may not have been written any more
    channel.row = msgspec.structs.replace(channel.row, target=max(channel.row.target, rounded(longest)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Open:
    """An open file with its whole parts. `run`: -1 where its name tells only whether it is `broken`."""

    track: Track
    path: Path
    number: int
    init: str
    run: int
    broken: bool
    body: memoryview
    chunks: list[tuple[Chunk, int, int]]


def _newest_open(track: Track) -> _Open | None:
    """The newest open file with a whole part; any other was never acknowledged and goes."""
    found = [match for path in track.folder.iterdir() if (match := _OPEN.fullmatch(path.name))]
    kept = None
    for match in sorted(found, key=lambda match: int(match[1]), reverse=True):
        path, number = track.folder / match[0], int(match[1])
        if kept is None and number > track.window.highest and match[2] in track.inits:
            body = memoryview(path.read_bytes())
            if chunks := _chunks(body):
                kept = _Open(
                    track=track,
                    path=path,
                    number=number,
                    init=match[2],
                    run=int(match[3] or -1),
                    broken=match[4] == "1",
                    body=body,
                    chunks=chunks,
                )
                continue
        path.unlink()
    return kept


def _chunks(body: memoryview) -> list[tuple[Chunk, int, int]]:
    found = []
    for offset, length in split_chunks(body):
        try:
            found.append((read_chunk(body[offset : offset + length]), offset, length))
        except Problem:
            break
    return found


def _read_back(channel: Channel, opened: _Open) -> None:
    track, written_ms = opened.track, opened.path.stat().st_mtime_ns // 1_000_000
    if opened.run < 0:
        run = channel.run_of(track, opened.number, opened.init, broken=opened.broken)
    else:
        run = channel.runs.named(opened.run, written_ms)
    channel.open(track, opened.number, opened.chunks[0][0].pts, opened.init, run)
    size = 0
    for chunk, offset, length in opened.chunks:
        size = offset + length
        track.grow(chunk, opened.body[offset:size])
    os.truncate(opened.path, size)  # a part that was cut off by the crash was never acknowledged
    channel.last_media_ms = max(channel.last_media_ms, written_ms)
