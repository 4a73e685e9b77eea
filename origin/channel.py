"""One live channel: what ingest PUTs becomes segment files, journal rows and a window that playlists are printed from.

Files of a channel, below its folder (`{channel}.{edition}`):

    {track}/init-{generation}.mp4
    {track}/{number}.m4s                          closed: its journal row was there first
    {track}/{number}.open-{generation}-{0|1}      open: parts are appended; the flag is "starts after a discontinuity"

The order that makes it crash-proof: a part is acknowledged (and announced) when its octets are in the open file; the
last part when file and journal row are synced. After a crash the open file is read back part by part (restore.py).
"""

from __future__ import annotations

import asyncio
import os
import zlib
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import msgspec
import structlog

from base.media import Format
from base.names import init_file, segment_file
from base.problems import Problem
from base.push import PartNote, SessionGrant, SessionNote
from base.reports import ChannelReport, TrackReport
from node.clock import Clock
from origin.disk import write_whole
from origin.journal import ChannelRow, Journal, SegmentRow
from origin.window import TrackWindow
from packager import describe
from packager.fragments import Chunk, read_chunk
from packager.live import LivePart, LiveSegment, LiveTrack, LiveWindow
from packager.movie import read_init

log = structlog.get_logger("channel")

# Without media for this long a channel is stalled: its open segments are closed, nothing is hinted any more.
_STALLED_GRIDS, _STALLED_MS = 3, 6000


@dataclass(slots=True)
class Track:
    """One track's place on disk and its window; `checksum` and `wall_ms` of the open segment."""

    name: str
    folder: Path
    window: TrackWindow
    inits: dict[str, Format] = field(default_factory=dict)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    checksum: int = 0
    opened_after_break: bool = False

    def open_path(self, segment: LiveSegment) -> Path:
        return self.folder / f"{segment.number}.open-{segment.init}-{int(self.opened_after_break)}"

    def path(self, segment: LiveSegment) -> Path:
        return self.folder / segment_file(segment.number) if segment.closed else self.open_path(segment)


class Channel:
    """All changes make a new snapshot and wake who waits for media. Snapshots are values: printing never locks."""

    def __init__(self, folder: Path, row: ChannelRow, journal: Journal, clock: Clock, highest: int = -1) -> None:
        self.folder = folder
        self.row = row
        self.tracks: dict[str, Track] = {}
        self.version = 0
        self.last_media_ms = 0
        self._journal = journal
        self._clock = clock
        self._highest = highest
        self._changed = asyncio.Event()
        self._snapshot: LiveWindow | None = None
        self._reports: tuple[int, tuple[TrackReport, ...]] | None = None

    # what ingest does

    async def begin(self, session: SessionNote) -> SessionGrant:
        """A session starts, changes or ends. The answer names the highest number that was used."""
        target = max(self.row.target, _rounded(Fraction(session.grid_ms, 1000)))
        self.row = msgspec.structs.replace(self.row, session=session, target=target)
        await self._journal.put_channel(self.row)
        for track in self.tracks.values():
            track.window.span_s, track.window.grid_ms = session.window_s, session.grid_ms
            if session.state == "ended":
                async with track.lock:
                    await self._close_if_open(track)
        self._touch()
        return SessionGrant(last_number=self.last_number)

    async def put_init(self, track_name: str, generation: str, body: bytes) -> bool:
        """True if it was new. Raises Problem unplayable, precondition (no session)."""
        note = next((t for t in self.row.session.tracks if t.track == track_name), None)
        if note is None:
            raise Problem("precondition", f"track {track_name} is not in the session: PUT session.json first")
        fmt = read_init(memoryview(body))
        track = self.tracks.get(track_name) or self.add_track(track_name, fmt.timescale)
        if generation in track.inits:
            return False
        if fmt.timescale != track.window.scale:
            raise Problem(
                "conflict", f"track {track_name} has timescale {track.window.scale}: keep it, or use another track"
            )
        await asyncio.to_thread(write_whole, track.folder / init_file(generation), body)
        track.inits[generation] = fmt
        return True

    async def put_part(self, track_name: str, number: int, part: int, body: bytes, note: PartNote) -> bool:
        """True if it was new, False if it was there. Raises Problem as base/push.py lists them."""
        track = self.tracks.get(track_name)
        if track is None or note.init not in track.inits:
            raise Problem("precondition", f"init segment {note.init} is missing: PUT it first")
        chunk = read_chunk(body)
        async with track.lock:
            last = track.window.last
            if last is not None and (number < last.number or (number == last.number and last.closed)):
                return await self._repeated(track, number, part, body)
            if last is not None and number == last.number:
                if part < len(last.parts):
                    await self._repeated(track, number, part, body)
                    if note.last and part == len(last.parts) - 1:
                        await self._close(track)
                    return False
                if note.init != last.init:
                    raise Problem("conflict", f"segment {number} has init segment {last.init}")
            elif number <= self._highest and (last is None or number <= last.number):
                raise Problem("gone", f"number {number} was used before: go on after {self.last_number}")
            if part != (len(last.parts) if last is not None and number == last.number else 0):
                raise Problem(
                    "precondition", f"part {part} of segment {number} is not next: PUT the earlier ones first"
                )
            if last is None or number > last.number:
                await self._close_if_open(track)
                track.window.open(number=number, start=chunk.pts, init=note.init, discontinuity=note.discontinuity)
                track.checksum, track.opened_after_break = 0, note.discontinuity
            await self._append(track, chunk, body)
            if note.last:
                await self._close(track)
        return True

    async def close_stalled(self) -> None:
        """Called now and then: a channel without media has no open segment."""
        if not self.live:
            for track in self.tracks.values():
                async with track.lock:
                    await self._close_if_open(track)

    # what viewers ask

    @property
    def live(self) -> bool:
        """Media came a short while ago and more is expected."""
        patience = max(_STALLED_GRIDS * self.row.session.grid_ms, _STALLED_MS)
        return self.row.session.state == "live" and self._clock.now_ms() - self.last_media_ms <= patience

    @property
    def last_number(self) -> int:
        opened = [track.window.last.number for track in self.tracks.values() if track.window.last]
        return max([self._highest, *opened])

    def window(self) -> LiveWindow:
        """The present snapshot. Tracks of the present session that have media, in their order."""
        if self._snapshot is None or self._snapshot.live != self.live:
            session = self.row.session
            notes = sorted(session.tracks, key=lambda note: note.order)
            listed = [note for note in notes if note.track in self.tracks and self.tracks[note.track].window.segments]
            tracks = {}
            for note in listed:
                track = self.tracks[note.track]
                segments = list(track.window.segments)
                fmt = track.inits[segments[-1].init]
                tracks[note.track] = LiveTrack(
                    name=note.track,
                    format=fmt,
                    segments=segments,
                    order=note.order,
                    label=note.label,
                )
            self._snapshot = LiveWindow(
                title=self.row.channel,
                edition=self.row.edition,
                grid_ms=session.grid_ms,
                part_ms=session.part_ms,
                target=self.row.target,
                window_ms=session.window_s * 1000,
                live=self.live,
                tracks=tracks,
                run_starts={
                    (run, name): start for name in tracks for run, start in self.tracks[name].window.run_starts.items()
                },
            )
        return self._snapshot

    def reports(self) -> tuple[TrackReport, ...]:
        """What playlists say of the tracks, measured over the newest closed segments; renewed with each segment."""
        window = self.window()
        newest = max((track.last_closed for track in window.tracks.values()), default=-1)
        if self._reports is None or self._reports[0] != newest or len(self._reports[1]) != len(window.tracks):
            self._reports = (newest, tuple(_report(track, window.target) for track in window.tracks.values()))
        return self._reports[1]

    def report(self) -> ChannelReport:
        window = self.window()
        first = min((t.segments[0].number for t in window.tracks.values()), default=-1)
        spans = [
            (t.segments[-1].start + t.segments[-1].duration - t.segments[0].start) * 1000 // t.format.timescale
            for t in window.tracks.values()
        ]
        session = self.row.session
        return ChannelReport(
            channel=self.row.channel,
            edition=self.row.edition,
            state="ended" if session.state == "ended" else "live" if self.live else "stalled",
            numbering=session.numbering,
            why=session.why,
            first_number=first,
            last_number=self.last_number,
            window_ms=max(spans, default=0),
            age_ms=self._clock.now_ms() - self.last_media_ms if self.last_media_ms else -1,
            tracks=self.reports(),
        )

    def part_place(self, track_name: str, number: int, part: int) -> tuple[Path, int, int] | None:
        """(file, offset, octets) of a part that is there."""
        track = self.tracks.get(track_name)
        segment = _find(track.window, number) if track else None
        if track is None or segment is None or part >= len(segment.parts):
            return None
        found = segment.parts[part]
        return track.path(segment), found.offset, found.size

    async def changed(self) -> None:
        """Returns when the next part or segment is there."""
        await self._changed.wait()

    # parts of the above

    def add_track(self, name: str, scale: int) -> Track:
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        session = self.row.session
        window = TrackWindow(scale=scale, span_s=session.window_s, grid_ms=session.grid_ms)
        self.tracks[name] = Track(name=name, folder=folder, window=window)
        return self.tracks[name]

    async def _append(self, track: Track, chunk: Chunk, body: bytes) -> None:
        segment = track.window.segments[-1]
        await asyncio.to_thread(_write_at, track.open_path(segment), body, segment.size)
        track.checksum = zlib.crc32(body, track.checksum)
        track.window.grow(
            LivePart(
                duration=chunk.duration,
                size=len(body),
                offset=segment.size,
                independent=chunk.independent,
                samples=chunk.samples,
            )
        )
        self.last_media_ms = self._clock.now_ms()
        self._touch()

    async def _close_if_open(self, track: Track) -> None:
        last = track.window.last
        if last is None or last.closed:
            return
        if last.parts:
            await self._close(track)
        else:
            track.window.segments.pop()

    async def _close(self, track: Track) -> None:
        """Sync the file, journal it, rename it, and only then list it."""
        segment, path = track.window.segments[-1], track.open_path(track.window.segments[-1])
        await asyncio.to_thread(_sync, path)
        await self._journal.append(
            SegmentRow(
                channel=self.row.channel,
                edition=self.row.edition,
                track=track.name,
                number=segment.number,
                start=segment.start,
                duration=segment.duration,
                size=segment.size,
                init=segment.init,
                discontinuity=track.opened_after_break,
                parts=segment.parts,
                checksum=track.checksum,
                wall_ms=self._clock.now_ms(),
            )
        )
        await asyncio.to_thread(os.replace, path, track.folder / segment_file(segment.number))
        track.window.close()
        track.window.trim(segment.start + segment.duration)
        self._align_beginnings()
        seconds = Fraction(segment.duration, track.window.scale)
        if _rounded(seconds) > self.row.target:
            # RFC 8216bis 6.2.1 has the target never change; a publisher whose segments grow leaves no other way
            log.warning("target.raised", channel=self.row.channel, seconds=float(seconds))
            self.row = msgspec.structs.replace(self.row, target=_rounded(seconds))
            await self._journal.put_channel(self.row)
        self._touch()

    def _align_beginnings(self) -> None:
        """All tracks list the same first number, unless one began later than the others."""
        windows = [track.window for track in self.tracks.values() if track.window.segments]
        firsts = [window.segments[0].number for window in windows]
        if max(firsts) - min(firsts) <= 2:
            for window in windows:
                window.drop_before(max(firsts))

    async def _repeated(self, track: Track, number: int, part: int, body: bytes) -> bool:
        """A part that should be there already: False if it is the same. Raises Problem conflict or gone."""
        segment = _find(track.window, number)
        if segment is None or segment.gap:
            raise Problem("gone", f"segment {number} is behind the window: go on after {self.last_number}")
        if part >= len(segment.parts):
            raise Problem("conflict", f"segment {number} is closed with {len(segment.parts)} parts")
        known = segment.parts[part]
        stored = await asyncio.to_thread(read_at, track.path(segment), known.offset, known.size)
        if stored != body:
            raise Problem("conflict", f"part {part} of segment {number} is there with other octets")
        return False

    def _touch(self) -> None:
        self.version += 1
        self._snapshot = None
        self._changed.set()
        self._changed = asyncio.Event()


def _find(window: TrackWindow, number: int) -> LiveSegment | None:
    if not window.segments:
        return None
    at = number - window.segments[0].number
    return window.segments[at] if 0 <= at < len(window.segments) else None


def _report(track: LiveTrack, target: int) -> TrackReport:
    """Rates over the last 30 closed segments with a tenth of head room; of the open one while there is no other."""
    scale = track.format.timescale
    known = [s for s in track.segments if not s.gap and s.duration]
    sample = [s for s in known if s.closed][-30:] or known[-1:]
    peak, average = describe.rates([s.size for s in sample], [s.duration / scale for s in sample], target)
    parts = [part for s in sample for part in s.parts]
    ticks = sum(part.duration for part in parts)
    rate = ""
    if track.format.kind == "video" and ticks:
        rate = describe.frame_rate(Fraction(sum(part.samples for part in parts) * scale, ticks))
    return describe.report(track.name, track.format, peak + peak // 10, average, rate, track.label)


def _rounded(seconds: Fraction) -> int:
    """To the nearest whole second, at least 1: how EXTINF counts against the target duration (4.4.3.1)."""
    return max(1, int(seconds + Fraction(1, 2)))


def _write_at(path: Path, data: bytes, offset: int) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        view = memoryview(data)
        while view:
            written = os.pwrite(fd, view, offset)
            view, offset = view[written:], offset + written
    except OSError as fault:
        raise Problem("busy", f"the origin cannot store media: {fault.strerror}") from fault
    finally:
        os.close(fd)


def read_at(path: Path, offset: int, size: int) -> bytes:
    """The file may be renamed meanwhile: an open segment that was closed has its final name."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        fd = os.open(path.with_name(segment_file(int(path.name.partition(".")[0]))), os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.pread(fd, size, offset)
    finally:
        os.close(fd)


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
