"""An asset that is open: the value that every request about it is answered from."""

from __future__ import annotations

from dataclasses import dataclass

from base.reports import AssetReport, TrackReport
from origin.track_filter import EVERYTHING, TrackFilter
from packager.index import Index, check
from packager.marks import NO_MARKS, Marks
from packager.plan import Plan
from packager.protect import Protection
from packager.text import tracks
from packager.text.plan import TextPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """An asset that is open: everything a request needs, nothing to be read again.

    With `protection` it is the view of it under that: edition, init segments and generations are its own.
    """

    asset: str
    files: tuple[memoryview, ...]
    names: tuple[str, ...]
    notes: tuple[str, ...]
    file_of: dict[str, int]
    index: Index
    plan: Plan
    tracks: tuple[TrackReport, ...]
    inits: dict[str, bytes]
    generations: dict[str, str]
    unchecked: set[str]
    texts: tuple[TextPlan, ...] = ()
    marks: Marks = NO_MARKS
    filter: TrackFilter = EVERYTHING
    protection: Protection | None = None

    def media_of(self, track: str) -> memoryview:
        """The file that the samples of a track lie in. Raises StaleIndex as `check`."""
        self.check(track)
        return self.files[self.file_of[track]]

    def check(self, track: str) -> None:
        """Compare the tables of a track with their checksum, once. Raises StaleIndex: `Assets.forget` it."""
        if track in self.unchecked and (found := self.index.track(track)) is not None:
            check(found)
            self.unchecked.discard(track)

    @property
    def text_reports(self) -> tuple[TrackReport, ...]:
        return tuple(tracks.report(text) for text in self.texts)

    def report(self) -> AssetReport:
        return AssetReport(
            asset=self.asset,
            edition=self.plan.edition,
            duration_ms=round(self.plan.duration * 1000),
            segments=self.plan.count,
            target_ms=self.plan.target_ms,
            bytes=sum(map(len, self.files)),
            tracks=(*self.tracks, *self.text_reports),
            switchable=self.plan.switchable,
            notes=(*self.notes, *self.plan.notes, *(note for text in self.texts for note in tracks.notes(text))),
            alignments=self.plan.alignments,
            files=self.names,
            last=self.plan.policy.last,
            bootstrap_ms=self.plan.policy.bootstrap_ms,
            left_out=tuple(sorted(self.filter.left_out)),
        )
