"""One channel while this process lives: it turns a session's runs and samples into parts and offers them.

It outlives sessions, because numbers and times never go back and what is not acknowledged belongs to the channel.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import structlog

from base.desired import ChannelSpec, CueSpec
from base.problems import Problem
from base.push import SessionNote, TrackNote
from base.scte35.section import Section, parse
from ingest.cues import Changes, Cues
from ingest.grid import Grid
from ingest.intake import Run, Stamped
from ingest.publisher import Publisher
from packager.init import generation, init_segment
from packager.parts import even_part_ms
from packager.segmenter import Part, Segmenter
from packager.splices import LONGEST, Splice

log = structlog.get_logger("channel")

_KIND_ORDER = {"video": 0, "audio": 1}


class Channel:
    """`ends_ms` is the epoch time at which the published media ends, 0 before any. `now_ms`: of the last frame."""

    def __init__(self, spec: ChannelSpec, publisher: Publisher) -> None:
        self.spec = spec
        self.publisher = publisher
        self.ends_ms = 0
        self.now_ms = 0
        self.cues = Cues()
        self.run: Run | None = None
        self.last_number = -1
        self._segmenter: Segmenter | None = None
        self._session = ""
        self._started_ms = 0
        self._granted = -1
        self._signals = False  # sections come with the media: keyframes may be anywhere
        self._told = False  # the origin, that segments may be longer for that
        self._inits: dict[str, tuple[str, bytes]] = {}
        self._asked: dict[bytes, CueSpec] = {}  # by the API, by section
        self.follow(spec)

    def follow(self, spec: ChannelSpec) -> None:
        """The desired state says what the channel is, and which splices the API was asked for."""
        self.spec = spec
        asked = {cue.section: cue for cue in spec.cues}
        before, self._asked = self._asked, asked
        for octets, cue in before.items():
            if asked.get(octets) != cue:
                self._expect(self.cues.drop(octets))
        for octets, cue in asked.items():
            if before.get(octets) != cue and (section := _read(octets, spec.channel)):
                self._expect(self.cues.take(section, octets, partial(_at, cue)))

    def signal(self, octets: bytes, when: Callable[[int | None], int]) -> list[int]:
        """A section came with the media; `when` as in Cues.take. Returns the epoch ms of new splices."""
        section = _read(octets, self.spec.channel)
        if section is None:
            return []
        self.will_signal()
        changes = self.cues.take(section, octets, when)
        self._expect(changes)
        return [wanted.at_ms for wanted in changes.wanted]

    def will_signal(self) -> None:
        """The source says that sections come with its media. Best said before the first frame (4.4.3.1)."""
        self._signals = True

    def open_session(self, session: str, started_ms: int) -> None:
        """A publisher was admitted; `session` is a random id that goes into its notes."""
        assert self._segmenter is None, "the session before was closed"
        self._session = session
        self._started_ms = started_ms

    async def take(self, outcome: Run | Stamped) -> None:
        """Follow the intake: begin a run, or cut one more sample."""
        if isinstance(outcome, Run):
            await self._begin(outcome)
            return
        assert self._segmenter is not None
        if (
            self.publisher.granted > max(self._granted, self.last_number)
            and self.run is not None
            and outcome.sample.sync
        ):
            await self._begin(self.run)  # an origin that was away says now that higher numbers were used
        assert self._segmenter is not None
        if self._signals and not self._told and self.run is not None:
            self._told = True
            note = self._note(self.run)
            await self.publisher.begin(note, self._inits)
            self._segmenter.allow(note.longest_ms)
        self._offer(self._segmenter.push(outcome.track, outcome.sample))

    def close_run(self) -> None:
        """Close every open segment of the session."""
        segmenter, self._segmenter = self._segmenter, None
        if segmenter is not None:
            self._offer(segmenter.finish())
            self.last_number = max(self.last_number, segmenter.last_number)

    async def _begin(self, run: Run) -> None:
        went_on = self._segmenter is not None and not run.jumped
        same_formats = self.run is not None and self.run.formats == run.formats
        self.close_run()
        inits = {}
        for track, fmt in run.formats.items():
            init = init_segment(fmt)
            inits[track] = (generation(init), init)
        note, self._inits, self._told = self._note(run), inits, self._signals
        self._granted = max(await self.publisher.begin(note, inits), self._granted)
        next_number = max(self._granted, self.last_number) + 1
        self._segmenter = Segmenter(
            run.formats,
            {track: made for track, (made, _) in inits.items()},
            grid_ms=note.grid_ms,
            part_ms=note.part_ms,
            interval_ms=run.grid.interval_ms,
            jitters=run.grid.asked,
            longest_ms=note.longest_ms,
            counted=run.grid.counted,
            next_number=next_number,
            # Media went before, and neither its clock nor its formats go on (RFC 8216bis 4.4.4.3).
            discontinuity=next_number > 0 and not (went_on and same_formats),
        )
        self.run = run
        self.cues.resume(self.publisher.breaks)
        self._expect(Changes(wanted=self.cues.pending(self.now_ms)))

    def _expect(self, changes: Changes) -> None:
        """Tell the segmenter. While there is none, the next one asks what is pending."""
        if self._segmenter is None:
            return
        for note in changes.cancelled:
            self._segmenter.forget(note)
        for wanted in changes.wanted:
            at = wanted.at_ms * self._segmenter.timescale // 1000
            self._segmenter.expect(Splice(at=at, note=wanted.note))

    def _note(self, run: Run) -> SessionNote:
        kinds = sorted(run.formats.items(), key=lambda item: (_KIND_ORDER[item[1].kind], item[0]))
        tracks = tuple(
            TrackNote(track=track, kind=fmt.kind, order=order, language=fmt.language)
            for order, (track, fmt) in enumerate(kinds)
        )
        steps = [run.grid.frame_ms, *(1000 * f.sample_duration / f.timescale for f in run.formats.values())]
        return SessionNote(
            session=self._session,
            started_ms=self._started_ms,
            grid_ms=run.grid.grid_ms,
            part_ms=even_part_ms(run.grid.grid_ms, min(self.spec.part_ms, run.grid.grid_ms), steps),
            window_s=self.spec.window_s,
            numbering="counted" if run.grid.counted else "wall",
            why=run.grid.why,
            interstitials=self.spec.interstitials,
            longest_ms=self._longest_ms(run.grid),
            tracks=tracks,
        )

    def _longest_ms(self, grid: Grid) -> int:
        """What a segment may last if splices move lines of the grid (packager.splices); 0 if they do not."""
        if grid.counted or not (self._signals or self.spec.splices):
            return 0
        if self._signals:
            return 2 * grid.grid_ms
        return 0 if grid.interval_ms == grid.grid_ms else round(LONGEST * grid.grid_ms)

    def _offer(self, parts: list[Part]) -> None:
        for part in parts:
            self.last_number = max(self.last_number, part.number)
            if part.marks:
                self.cues.spliced(part.marks)
                for mark in part.marks:
                    log.info("channel.spliced", channel=self.spec.channel, action=mark.action, number=mark.number)
            self.publisher.offer(part)


def _at(cue: CueSpec, _: int | None) -> int:
    return cue.at_ms


def _read(octets: bytes, channel: str) -> Section | None:
    try:
        return parse(octets)
    except Problem as problem:
        log.warning("cue.unreadable", channel=channel, octets=len(octets), why=problem.detail)
        return None
