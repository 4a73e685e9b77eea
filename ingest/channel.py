"""One channel while this process lives: it turns a session's runs and samples into parts and offers them.

It outlives sessions, because numbers and times never go back and what is not acknowledged belongs to the channel.
"""

from __future__ import annotations

from base.desired import ChannelSpec
from base.push import SessionNote, TrackNote
from ingest.intake import Run, Stamped
from ingest.publisher import Publisher
from packager.init import generation, init_segment
from packager.parts import even_part_ms
from packager.segmenter import Part, Segmenter

_KIND_ORDER = {"video": 0, "audio": 1}


class Channel:
    """`ends_ms` is the epoch time at which the published media ends, 0 before any."""

    def __init__(self, spec: ChannelSpec, publisher: Publisher) -> None:
        self.spec = spec
        self.publisher = publisher
        self.ends_ms = 0
        self.run: Run | None = None
        self.last_number = -1
        self._segmenter: Segmenter | None = None
        self._session = ""
        self._started_ms = 0
        self._granted = -1

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
        note = self._note(run)
        self._granted = max(await self.publisher.begin(note, inits), self._granted)
        next_number = max(self._granted, self.last_number) + 1
        self._segmenter = Segmenter(
            run.formats,
            {track: made for track, (made, _) in inits.items()},
            grid_ms=note.grid_ms,
            part_ms=note.part_ms,
            counted=run.grid.counted,
            next_number=next_number,
            # Media went before, and neither its clock nor its formats go on (RFC 8216bis 4.4.4.3).
            discontinuity=next_number > 0 and not (went_on and same_formats),
        )
        self.run = run

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
            tracks=tracks,
        )

    def _offer(self, parts: list[Part]) -> None:
        for part in parts:
            self.last_number = max(self.last_number, part.number)
            self.publisher.offer(part)
