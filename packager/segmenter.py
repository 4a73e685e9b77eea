"""Live segmenter: samples of all tracks in, parts out, cut on one grid.

The reference track (the first video track, else the first track) decides where segments are cut: at the first
keyframe at or after each grid line, or where a splice has moved that line (splices.py). Every other track follows: its
cut is its first sync sample whose presentation time is at or after the reference's cut. A follower's samples are held
until the reference has passed their time, since only then no cut can come before them.

Numbers: the first is the wall grid's cell, floor(epoch / grid), but never behind `next_number`. Then, by wall, each
cut is as many cells on as grid lines have passed (a cell that no keyframe fell into stays a hole, listed as a gap);
counted, each is one more.

Parts are cut on DTS, *before* the sample that would make them longer than the part target (RFC 8216bis 4.4.4.9).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from msgspec.structs import replace

from base.media import Format, Sample
from base.push import MarkNote, PartNote
from packager.moof import moof_and_mdat_head
from packager.splices import Lines, Splice

# A follower that is this far ahead of a stalled reference is not held any longer (seconds).
_LONGEST_HOLD = 3
# A part is cut here, however short it is, so that no stream whatever is held without bounds.
MOST_PART_OCTETS = 32 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One CMAF chunk, ready to be PUT as part `part` of segment `number`, after `marks` were."""

    track: str
    number: int
    part: int
    body: bytes
    note: PartNote
    marks: tuple[MarkNote, ...] = ()


@dataclass(frozen=True, slots=True)
class _Cut:
    number: int
    pts: int  # in the reference's timescale


@dataclass(slots=True)
class _Track:
    name: str
    fmt: Format
    generation: str
    held: deque[Sample] = field(default_factory=deque)
    cuts: deque[_Cut] = field(default_factory=deque)  # cuts of the reference that this track has still to make
    number: int = -1
    part: int = 0
    open: list[Sample] = field(default_factory=list)
    octets: int = 0  # of `open`
    last_duration: int = 0
    discontinuity: bool = False


class Segmenter:
    """One publishing session's cutter. Samples come in dts order per track, with epoch times (seconds since 1970)."""

    def __init__(
        self,
        tracks: Mapping[str, Format],
        generations: Mapping[str, str],
        *,
        grid_ms: int,
        part_ms: int,
        interval_ms: float = 0,
        jitters: bool = False,
        longest_ms: int = 0,
        counted: bool = False,
        next_number: int = 0,
        discontinuity: bool = False,
    ) -> None:
        """`interval_ms`, `longest_ms`, `jitters`: what splices need, as splices.Lines has them."""
        assert tracks and grid_ms > 0 and 0 < part_ms <= grid_ms
        self._tracks = {
            name: _Track(name, fmt, generations[name], last_duration=fmt.sample_duration, discontinuity=discontinuity)
            for name, fmt in tracks.items()
        }
        videos = [t for t in self._tracks.values() if t.fmt.kind == "video"]
        self._reference = videos[0] if videos else next(iter(self._tracks.values()))
        self._followers = [t for t in self._tracks.values() if t is not self._reference]
        self._part_ms = part_ms
        self._lines = Lines(
            timescale=self._reference.fmt.timescale,
            grid_ms=grid_ms,
            interval_ms=interval_ms,
            jitters=jitters,
            longest_ms=longest_ms,
            counted=counted,
            next_number=next_number,
        )
        self._marks: list[MarkNote] = []

    @property
    def last_number(self) -> int:
        """The highest number that was opened, next_number - 1 if none was."""
        return self._lines.last_number

    @property
    def timescale(self) -> int:
        """Of the reference, in which splices are told."""
        return self._reference.fmt.timescale

    def allow(self, longest_ms: int) -> None:
        """What segments may last from now on, as splices.Lines has it."""
        self._lines.allow(longest_ms)

    def expect(self, splice: Splice) -> None:
        self._lines.expect(splice)

    def forget(self, note: MarkNote) -> None:
        self._lines.forget(note)

    def push(self, track: str, sample: Sample) -> list[Part]:
        """Take one sample; give the parts that are complete now."""
        this = self._tracks[track]
        if this is not self._reference:
            this.held.append(sample)
            return self._release(this, self._reference.open[-1].dts if self._reference.open else None)
        parts: list[Part] = []
        if sample.sync and (number := self._keyframe(this, sample.pts)) is not None:
            cut = _Cut(number, sample.pts)
            for follower in self._followers:
                follower.cuts.append(cut)
            parts += self._open_segment(this, number, sample)
        elif this.number < 0:
            return []  # before the first keyframe nothing can be decoded
        parts += self._append(this, sample)
        for follower in self._followers:
            parts += self._release(follower, sample.dts)
        return parts

    def finish(self) -> list[Part]:
        """The session is over: close every open segment."""
        parts: list[Part] = []
        for follower in self._followers:
            parts += self._release(follower, None, all_of_it=True)
        for this in self._tracks.values():
            if this.open:
                parts.append(self._flush(this, next_dts=None, last=True))
        return parts

    def _keyframe(self, this: _Track, pts: int) -> int | None:
        """The number of the segment that begins here. What is spliced here is told with the next part."""
        found = self._lines.keyframe(pts, this.last_duration // 2)
        for splice in found.splices:
            note = replace(splice.note, start=pts, timescale=this.fmt.timescale, number=self._lines.last_number)
            self._marks.append(note)
        return found.number

    def _release(self, this: _Track, reference_dts: int | None, *, all_of_it: bool = False) -> list[Part]:
        """Append the follower's samples that no later cut can precede."""
        parts: list[Part] = []
        reference = self._reference.fmt.timescale
        while this.held:
            sample = this.held[0]
            if not all_of_it:
                ahead = (this.held[-1].dts - sample.dts) > _LONGEST_HOLD * this.fmt.timescale
                passed = reference_dts is not None and sample.pts * reference < reference_dts * this.fmt.timescale
                if not (passed or ahead):
                    break
            this.held.popleft()
            due = None
            while this.cuts and sample.sync and sample.pts * reference >= this.cuts[0].pts * this.fmt.timescale:
                due = this.cuts.popleft()
            if due is not None:
                parts += self._open_segment(this, due.number, sample)
            if this.number >= 0:
                parts += self._append(this, sample)
        return parts

    def _open_segment(self, this: _Track, number: int, first: Sample) -> list[Part]:
        closed = self._newest_apart(this, first.dts)
        if this.open:
            closed.append(self._flush(this, next_dts=first.dts, last=True))
        this.number, this.part = number, 0
        return closed

    def _append(self, this: _Track, sample: Sample) -> list[Part]:
        parts = self._newest_apart(this, sample.dts)
        if this.open:
            this.last_duration = sample.dts - this.open[-1].dts
            assert this.last_duration > 0, "samples come in dts order"
            end = sample.dts + this.last_duration - this.open[0].dts
            full = this.octets + len(sample.data) > MOST_PART_OCTETS
            if full or end * 1000 > self._part_ms * this.fmt.timescale:
                parts.append(self._flush(this, next_dts=sample.dts, last=False))
        this.open.append(sample)
        this.octets += len(sample.data)
        return parts

    def _newest_apart(self, this: _Track, next_dts: int) -> list[Part]:
        """The newest sample lasted longer than expected: flush what is before it if the part is too long with it."""
        if len(this.open) < 2:
            return []
        newest = this.open[-1]
        fits = self._part_ms * this.fmt.timescale
        if (next_dts - this.open[0].dts) * 1000 <= fits or (next_dts - newest.dts) * 1000 > fits:
            return []
        this.open.pop()
        part = self._flush(this, next_dts=newest.dts, last=False)
        this.open.append(newest)
        this.octets = len(newest.data)
        return [part]

    def _flush(self, this: _Track, *, next_dts: int | None, last: bool) -> Part:
        samples, this.open, this.octets = this.open, [], 0
        dts = np.fromiter((s.dts for s in samples), np.int64, len(samples))
        end = next_dts if next_dts is not None else samples[-1].dts + max(this.last_duration, 1)
        this.last_duration = end - samples[-1].dts
        head = moof_and_mdat_head(
            sequence=(this.number << 10 | this.part) + 1,
            tfdt=samples[0].dts,
            duration=np.diff(dts, append=end),
            size=np.fromiter((len(s.data) for s in samples), np.int64, len(samples)),
            cto=np.fromiter((s.cto for s in samples), np.int64, len(samples)),
            sync=np.fromiter((s.sync for s in samples), np.bool_, len(samples)),
        )
        note = PartNote(init=this.generation, last=last, discontinuity=this.discontinuity)
        part = Part(
            track=this.name,
            number=this.number,
            part=this.part,
            body=b"".join([head, *(s.data for s in samples)]),
            note=note,
            marks=self._take_marks(this),
        )
        this.part += 1
        this.discontinuity = False
        return part

    def _take_marks(self, this: _Track) -> tuple[MarkNote, ...]:
        if this is not self._reference or not self._marks:
            return ()
        marks, self._marks = tuple(self._marks), []
        return marks
