"""One live channel: what ingest PUTs becomes segment files, journal rows and windows that playlists are printed from.

A track's files are in its folder below the channel's (`{channel}.{edition}`); track.py says what they are called and in
which order they are written.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import msgspec
import structlog

from base.problems import Problem
from base.push import MarkNote, PartNote, SessionGrant, SessionNote
from base.reports import ChannelReport, TrackReport
from base.uris import init_file, segment_file
from node.clock import Clock
from origin import disk, track_report
from origin.journal import ChannelRow, Journal, SegmentRow
from origin.live_marks import LiveMarks
from origin.runs import Opening, Run, Runs
from origin.track import Track, drop_segments, read_part
from origin.window import TrackWindow
from packager import hls_live
from packager.fragments import read_chunk
from packager.live import LiveTrack, LiveWindow
from packager.live_marks import LiveMark
from packager.movie import read_init

log = structlog.get_logger("channel")

# Without media for this long a channel is stalled: its open segments are closed, nothing is hinted any more.
_STALLED_GRIDS, _STALLED_MS = 3, 6000
# A playlist never gets shorter than this many target durations (RFC 8216bis 6.2.2: 3; Apple authoring 8.11: 6).
_LEAST_TARGETS = 6


class Channel:
    """All changes make a new snapshot and wake who waits for media. Snapshots are values: printing never locks.

    `known`: the newest row by track, of what the journal holds; `runs`: those of all rows. `printed` holds what the
    present snapshot was printed as, by who prints. `removed`: the channel was deleted or made anew; it takes nothing
    any more.
    """

    def __init__(
        self,
        folder: Path,
        row: ChannelRow,
        journal: Journal,
        clock: Clock,
        known: Mapping[str, SegmentRow] | None = None,
        runs: Runs | None = None,
        marks: Iterable[LiveMark] = (),
    ) -> None:
        self.folder = folder
        self.row = row
        self.tracks: dict[str, Track] = {}
        self.runs = runs or Runs()
        self.marks = LiveMarks(journal, row.channel, row.edition, marks)
        self.printed: dict[str, tuple[bytes, str]] = {}
        self.printing = asyncio.Lock()
        self.manifest: tuple[object, bytes, str] | None = None  # of the whole window, and what it is made of
        self.last_media_ms = 0
        self.removed = False
        self._journal = journal
        self._clock = clock
        self._known = dict(known or {})
        self._opening = asyncio.Lock()
        self._earlier = (0, 0)  # a longer window of an earlier session: seconds, and UTC ms until which it counts
        self._changed = asyncio.Event()
        self._snapshot: LiveWindow | None = None
        self._reports: tuple[int, SessionNote, tuple[TrackReport, ...]] | None = None

    # what ingest does

    async def begin(self, session: SessionNote) -> SessionGrant:
        """A session starts, changes or ends. The answer names the highest number that was used."""
        self._check_there()
        before = self.span_s
        longest_ms = max(session.grid_ms, session.longest_ms)
        target = max(self.row.target, rounded(Fraction(longest_ms, 1000)))
        used = self.row.used if _is_same(session, self.row.session) else self.last_number
        self.row = msgspec.structs.replace(self.row, session=session, target=target, used=used)
        if self.span_s < before:
            self._earlier = before, self._clock.now_ms() + 1000 * before
        await self._journal.put_channel(self.row)
        names = {note.track for note in session.tracks}
        for track in list(self.tracks.values()):
            track.window.span_s, track.window.grid_ms = self.span_s, session.grid_ms
            if session.state == "ended" or track.name not in names:
                async with track.lock:
                    await self._close_if_open(track)
        self._touch()
        return SessionGrant(last_number=self.last_number, breaks=self.marks.returning(self._clock.now_ms() * 1000))

    async def put_init(self, track_name: str, generation: str, body: bytes) -> bool:
        """True if it was new. Raises Problem unplayable, conflict (other octets), precondition (no session)."""
        self._check_there()
        if all(note.track != track_name for note in self.row.session.tracks):
            raise Problem("precondition", f"track {track_name} is not in the session: PUT session.json first")
        fmt = read_init(memoryview(body))
        track = self.tracks.get(track_name) or self.add_track(track_name, fmt.timescale)
        path = track.folder / init_file(generation)
        async with track.lock:
            self._check_there()
            if generation in track.inits and path.exists():
                if await asyncio.to_thread(path.read_bytes) != body:
                    raise Problem("conflict", f"init segment {generation} is there with other octets")
                return False
            await asyncio.to_thread(_write_init, path, body)
            track.inits[generation] = fmt
        return True

    async def put_part(self, track_name: str, number: int, part: int, body: bytes, note: PartNote) -> bool:
        """True if it was new, False if it was there. Raises Problem as base/push.py lists them, OSError (disk)."""
        track = self.tracks.get(track_name)
        if track is None or note.init not in track.inits:
            raise Problem("precondition", f"init segment {note.init} is missing: PUT it first")
        chunk = read_chunk(body)
        async with track.lock:
            self._check_there()
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
                if part > len(last.parts):
                    raise _not_next(number, part)
                await asyncio.to_thread(disk.write_at, track.path(last), body, last.size)
            else:
                if number <= track.window.highest:
                    raise Problem("gone", f"number {number} was used before: go on after {self.last_number}")
                if part:
                    raise _not_next(number, part)
                await self._close_if_open(track)
                async with self._opening:  # one after the other: the first may begin a run that the next joins
                    run = self.run_of(track, number, note.init, broken=note.discontinuity)
                    await asyncio.to_thread(disk.write_at, track.open_path(number, note.init, run.number), body, 0)
                    self.open(track, number, chunk.pts, note.init, run)
            track.grow(chunk, body, last=note.last)
            self.last_media_ms = self._clock.now_ms()
            if note.last:
                await self._close(track)
            else:
                self._touch()
        return True

    async def put_marks(self, notes: Sequence[MarkNote]) -> None:
        """Breaks that begin or end, and other signals. Raises OSError (disk)."""
        self._check_there()
        if await self.marks.take(notes):
            self._touch()

    async def close_stalled(self) -> None:
        """Called now and then: a channel without media has no open segment."""
        if self.live or self.removed:
            return
        for track in list(self.tracks.values()):
            async with track.lock:
                await self._close_if_open(track)

    async def remove(self) -> None:
        """Wake who waits, let writes end, forget the rows, then remove the files."""
        self._check_there()
        self.removed = True
        self.wake()
        for track in list(self.tracks.values()):
            async with track.lock:
                pass  # what was under way is done; what comes next finds the channel removed
        try:
            await self._journal.remove(self.row.channel)
        except OSError:
            self.removed = False
            raise
        await asyncio.to_thread(shutil.rmtree, self.folder, ignore_errors=True)

    async def drop_files(self) -> int:
        """Remove segments that no playlist lists and none has listed for as long as RFC 8216bis 6.2.2 says.

        A segment can be had for its duration and that of the longest playlist that held it, counted from its first
        appearance; a minute is added for caches.
        """
        now = self._clock.now_ms()
        longest = max(self.span_s, self._earlier[0] if now < self._earlier[1] else 0)
        before_ms = now - 1000 * (longest + self.row.target + 60)
        count = 0
        await self.marks.drop(_begins_us(self.window().tracks))
        for track in list(self.tracks.values()):
            listed = self.window().tracks
            first = listed[track.name].segments[0].number if track.name in listed else track.window.highest + 1
            dropped = await asyncio.to_thread(drop_segments, track.folder, first, before_ms)
            if dropped:
                if track.name not in listed:
                    async with track.lock:  # a session that has it again must not list what has gone
                        track.window.lose(max(dropped))
                        self._touch()
                before = min(max(dropped) + 1, track.window.highest)
                await self._journal.forget(self.row.channel, self.row.edition, track.name, before)
            count += len(dropped)
        return count

    # what viewers ask

    @property
    def live(self) -> bool:
        """Media came a short while ago and more is expected."""
        patience = max(_STALLED_GRIDS * self.row.session.grid_ms, _STALLED_MS)
        return self.row.session.state == "live" and self._clock.now_ms() - self.last_media_ms <= patience

    @property
    def last_number(self) -> int:
        used = [row.number for row in self._known.values()]
        return max([-1, *used, *(track.window.highest for track in self.tracks.values())])

    @property
    def span_s(self) -> int:
        """How much is kept listed, in seconds."""
        return max(self.row.session.window_s, _LEAST_TARGETS * self.row.target)

    def window(self) -> LiveWindow:
        """The present snapshot. Tracks of the present session that have media, in their order."""
        if self._snapshot is None or self._snapshot.live != self.live:
            session = self.row.session
            tracks = {}
            for note in sorted(session.tracks, key=lambda note: note.order):
                track = self.tracks.get(note.track)
                segments = track.listed() if track is not None else []
                if track is None or not segments:
                    continue
                tracks[note.track] = LiveTrack(
                    name=note.track,
                    format=track.inits[segments[-1].init],
                    segments=segments,
                    order=note.order,
                    label=note.label,
                    lines=track.lines,
                )
            self.printed.clear()
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
                marks=self.marks.within(_begins_us(tracks)),
                interstitials=session.interstitials,
            )
        return self._snapshot

    def reports(self) -> tuple[TrackReport, ...]:
        """What playlists say of the tracks, measured over the newest closed segments; renewed with each segment."""
        window, session = self.window(), self.row.session
        newest = max((track.last_closed for track in window.tracks.values()), default=-1)
        known = self._reports
        if known is None or known[0] != newest or known[1] is not session or len(known[2]) != len(window.tracks):
            known = (
                newest,
                session,
                tuple(track_report.measured(track, window.target) for track in window.tracks.values()),
            )
            self._reports = known
        return known[2]

    def report(self) -> ChannelReport:
        window = self.window()
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
            first_number=min((t.segments[0].number for t in window.tracks.values()), default=-1),
            last_number=self.last_number,
            window_ms=max(spans, default=0),
            age_ms=self._clock.now_ms() - self.last_media_ms if self.last_media_ms else -1,
            tracks=self.reports(),
        )

    async def changed(self) -> None:
        """Returns when the next part or segment is there, or when there is none to wait for any more."""
        await self._changed.wait()

    def wake(self) -> None:
        """Let everybody who waits look again."""
        self._changed.set()
        self._changed = asyncio.Event()

    # parts of the above

    def add_track(self, name: str, scale: int) -> Track:
        window = TrackWindow(scale=scale, span_s=self.span_s, grid_ms=self.row.session.grid_ms)
        if (row := self._known.get(name)) is not None:
            window.floor, window.run, window.breaks = row.number, row.run, row.breaks
        self.tracks[name] = Track(name=name, folder=self.folder / name, window=window)
        return self.tracks[name]

    def common_first(self, track: Track, first: int) -> int:
        """The first number that all tracks of the session list, once one begins at `first`; -1 if they begin apart.

        They do if one began later than the others.
        """
        names = {note.track for note in self.row.session.tracks}
        beside = [t for t in self.tracks.values() if t.name in names and t.window.segments and t is not track]
        firsts = [t.window.segments[0].number for t in beside] + [first] * (track.name in names)
        return max(firsts) if firsts and max(firsts) - min(firsts) <= 2 else -1

    def align_beginnings(self, common: int) -> None:
        names = {note.track for note in self.row.session.tracks}
        windows = [t.window for t in self.tracks.values() if t.name in names and t.window.segments]
        for window in windows:
            window.drop_before(common)
        if windows:
            self.runs.forget(min(window.segments[0].run for window in windows))

    def run_of(self, track: Track, number: int, init: str, *, broken: bool) -> Run:
        """The run of a segment that is about to be opened."""
        last = track.window.last
        others = (other.window.highest for other in self.tracks.values() if other is not track)
        opening = Opening(
            number=number,
            joined=track.window.run,
            last=last.number if last is not None else None,
            others=max(others, default=-1),
            flagged=broken,
            changed=last is not None and init != last.init,
        )
        found = self.runs.of(opening, self.row.used)
        return found if found.begun_ms or found == self.runs.newest else replace(found, begun_ms=self._clock.now_ms())

    def open(self, track: Track, number: int, start: int, init: str, run: Run) -> None:
        """A segment's first part is there."""
        self.runs.begin(run)
        within = self.runs.within(track.window.run, run.number)
        track.begin(number=number, start=start, init=init, run=run, within=within)

    def _check_there(self) -> None:
        if self.removed:
            raise Problem("gone", "the channel was removed")

    async def _close_if_open(self, track: Track) -> None:
        if track.open is not None:
            await self._close(track)

    async def _close(self, track: Track) -> None:
        """Sync the file, journal it, rename it, and only then list it as whole."""
        window, segment = track.window, track.window.segments[-1]
        path = track.path(segment)
        seconds = rounded(Fraction(segment.duration, window.scale))
        await asyncio.to_thread(disk.seal, path, segment.size)
        first = window.first_within(segment.start + segment.duration)
        common = self.common_first(track, first)
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
                first=first,
                run=segment.run,
                run_start=window.run_starts[segment.run],
                breaks=segment.breaks,
                parts=segment.parts,
                checksum=track.checksum,
                wall_ms=self._clock.now_ms(),
                discontinuity=segment.discontinuity,
                common=common,
            )
        )
        if seconds > self.row.target:
            # RFC 8216bis 6.2.1 has the target never change; a publisher whose segments grow leaves no other way
            log.warning("target.raised", channel=self.row.channel, seconds=seconds)
            self.row = msgspec.structs.replace(self.row, target=seconds)
            await self._journal.put_channel(self.row)
            for other in self.tracks.values():
                other.window.span_s = self.span_s
        await asyncio.to_thread(os.replace, path, track.folder / segment_file(segment.number))
        track.close()
        window.drop_before(first)
        hls_live.forget(track.lines, first)
        self.align_beginnings(common)
        self._touch()

    async def _repeated(self, track: Track, number: int, part: int, body: bytes) -> bool:
        """A part that should be there already: False if it is the same. Raises Problem conflict or gone."""
        segment = track.window.find(number)
        if segment is None or segment.gap:
            raise Problem("gone", f"segment {number} is behind the window: go on after {self.last_number}")
        place = track.place(number, part)
        if place is None:
            raise Problem("conflict", f"segment {number} is closed with {len(segment.parts)} parts")
        if await asyncio.to_thread(read_part, *place) != body:
            raise Problem("conflict", f"part {part} of segment {number} is there with other octets")
        return False

    def _touch(self) -> None:
        self._snapshot = None
        self.wake()


def _is_same(session: SessionNote, before: SessionNote) -> bool:
    """Does it go on? What is said of it may change meanwhile."""
    return (session.session, session.started_ms, session.tracks) == (before.session, before.started_ms, before.tracks)


def rounded(seconds: Fraction) -> int:
    """To the nearest whole second, at least 1: how EXTINF counts against the target duration (4.4.3.1)."""
    return max(1, int(seconds + Fraction(1, 2)))


def _not_next(number: int, part: int) -> Problem:
    return Problem("precondition", f"part {part} of segment {number} is not next: PUT the earlier ones first")


def _begins_us(tracks: Mapping[str, LiveTrack]) -> int:
    """When the window begins, µs since 1970; 0 without tracks."""
    begins = (track.segments[0].start * 1_000_000 // track.format.timescale for track in tracks.values())
    return min(begins, default=0)


def _write_init(path: Path, body: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    disk.write_whole(path, body)
