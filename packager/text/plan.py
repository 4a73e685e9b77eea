"""The plan of a text track: the cuts of the media's plan, and which cues each segment shows.

All formats of a track share it. Times are ticks of 90 kHz on the timeline that the media's tfdt counts: whatever the
timescale of the picture, a cut is off by less than 6 µs.

Four tracks come of one text, each with a name of its own below the text's edition: `s1` (WebVTT on the clock of fMP4),
`s1ts` (WebVTT on the clock of MPEG-TS, which starts at another time), `s1wvtt` and `s1stpp` (fMP4).
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise

import msgspec

from packager.plan import Plan
from packager.text.cues import Cue

TIMESCALE = 90_000
_A_MS = TIMESCALE // 1000


class Sidecar(msgspec.Struct, frozen=True, kw_only=True):
    """A text as an asset keeps it. `role`: subtitles or captions; `language`: BCP 47."""

    language: str
    role: str
    label: str
    forced: bool
    default: bool
    format: str
    notes: tuple[str, ...]
    cues: tuple[Cue, ...]


@dataclass(frozen=True, kw_only=True)
class TextPlan:
    """`name`: `s1`. `cuts`: ticks at which segments start, and the end (n + 1 values). `zero`: ticks of cue time 0."""

    name: str
    edition: str
    text: Sidecar
    cuts: tuple[int, ...]
    zero: int

    @property
    def count(self) -> int:
        return len(self.cuts) - 1

    @property
    def durations(self) -> list[float]:
        """Seconds a segment."""
        return [(end - start) / TIMESCALE for start, end in pairwise(self.cuts)]

    def ticks(self, ms: int) -> int:
        """Where a cue's time lies on the media's timeline."""
        return self.zero + ms * _A_MS

    def shown(self, number: int) -> list[tuple[int, Cue]]:
        """The cues that are shown in a segment, each with its ordinal among all cues."""
        return [(at, self.text.cues[at]) for at in self._placed[number]]

    @cached_property
    def _placed(self) -> list[list[int]]:
        """Ordinals of cues by segment: at most cues.MOST_AT_ONCE times as many as there are segments, and cues."""
        placed: list[list[int]] = [[] for _ in range(self.count)]
        for ordinal, cue in enumerate(self.text.cues):
            start, end = self.ticks(cue.start), self.ticks(cue.end)
            first = max(0, bisect_right(self.cuts, start) - 1)
            last = min(self.count, bisect_left(self.cuts, end))
            for number in range(first, last):
                if end > self.cuts[number] and start < self.cuts[number + 1]:
                    placed[number].append(ordinal)
        return placed

    @cached_property
    def late(self) -> int:
        """How many cues begin after the end of the film."""
        return sum(self.ticks(cue.start) >= self.cuts[-1] for cue in self.text.cues)


def make_text_plan(plan: Plan, name: str, text: Sidecar) -> TextPlan:
    """`plan`: of the clear media. Its cuts are the picture's, or without a picture those of the first audio."""
    reference = next((t for t in plan.tracks if t.track.format.kind == "video"), plan.tracks[0])
    scale = reference.track.format.timescale
    begin, end = plan.origin, plan.origin + plan.duration
    inner = [Fraction(int(start), scale) for start in reference.start[1:-1]]
    cuts = [_ticks(at) for at in (begin, *(at for at in inner), end)]
    digest = hashlib.sha256(f"text 1 {plan.edition} {name}\n".encode() + msgspec.json.encode(text)).hexdigest()
    return TextPlan(name=name, edition="t" + digest[:15], text=text, cuts=tuple(cuts), zero=_ticks(plan.lead))


def _ticks(seconds: Fraction) -> int:
    return round(seconds * TIMESCALE)
