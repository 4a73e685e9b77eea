"""One pushed track in decode order, each sample once: what is re-sent, late, missing or begun anew (no I/O).

Sources send a segment again when they are in doubt (DASH-IF ingest 6.8: "better to err on the side of resending"),
over several connections, so that a later one may be whole before an earlier one. A fragment that leaves a hole is
held for a moment: if what is missing does not come, the hole is a gap.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from base.media import Sample
from ingest.cmaf.fragment import Fragment

# How long a fragment waits for the one before it. Over a segment of usual length, under what makes a channel stall.
PATIENCE_S = 2.5
MAX_HELD = 32
MAX_HELD_BYTES = 32 << 20
# Fragments that are known again; beyond this long after they came, what has their time is something else.
_REMEMBERED = 64
# A track's times restart: with a new header, or this far back.
_RESTART_S = 30
_WRAP = 1 << 32


@dataclass(frozen=True, slots=True)
class Ordered:
    """Samples that go on from those before. `anew`: the source began again, its times do not go on."""

    samples: Sequence[Sample]
    anew: bool = False


class TrackSequence:
    """`epoch`: times are epoch time, so they never begin again, and what is behind the newest is behind for good."""

    def __init__(self, timescale: int, *, epoch: bool = False) -> None:
        self._timescale = timescale
        self._epoch = epoch
        self._last: int | None = None  # decode time of the newest sample that left
        self._end = 0
        self._known: deque[tuple[int, bytes]] = deque(maxlen=_REMEMBERED)
        self._held: dict[int, tuple[Fragment, float]] = {}
        self._header_again = False
        self.repeated = 0
        self.gaps = 0

    def header(self) -> None:
        """The track's header came (again): the source may begin anew behind it."""
        self._header_again = self._last is not None

    def take(self, fragment: Fragment, now: float) -> list[Ordered]:
        """`now`: monotonic seconds."""
        if self._last is None:
            return [self._go_on(fragment)]
        if fragment.bits == 32:  # 8.8.12 version 0: the nearest to where it is due
            wraps = round((self._end - fragment.start) / _WRAP)
            fragment = fragment.moved(wraps * _WRAP) if wraps else fragment
        if fragment.samples[-1].dts <= self._last:
            return self._behind(fragment)
        if self._is_hole(fragment):
            if fragment.start in self._held and self._held[fragment.start][0].digest == fragment.digest:
                self.repeated += 1
            elif self._header_again and fragment.start - self._end > _RESTART_S * self._timescale:
                return self._anew(fragment)
            self._held.setdefault(fragment.start, (fragment, now))
            return self.tick(now)
        return [self._go_on(fragment), *self._fitting()]

    def tick(self, now: float) -> list[Ordered]:
        """What has waited long enough leaves a gap before it."""
        out: list[Ordered] = []
        while self._held:
            fragment, came = self._held[min(self._held)]
            full = len(self._held) > MAX_HELD or self._held_octets() > MAX_HELD_BYTES
            if not full and now - came < PATIENCE_S:
                break
            del self._held[fragment.start]
            self.gaps += 1
            out += [self._go_on(fragment), *self._fitting()]
        return out

    def flush(self) -> list[Ordered]:
        """All that is held: nothing more comes."""
        out: list[Ordered] = []
        while self._held:
            out.append(self._go_on(self._held.pop(min(self._held))[0]))
        return out

    def _held_octets(self) -> int:
        return sum(fragment.octets for fragment, _ in self._held.values())

    def _is_hole(self, fragment: Fragment) -> bool:
        """Does anything miss before it? Rounding of times is none."""
        assert self._last is not None
        tolerance = max(self._timescale // 20, self._end - self._last)
        return fragment.start > self._end + tolerance

    def _behind(self, fragment: Fragment) -> list[Ordered]:
        if (fragment.start, fragment.digest) in self._known or self._epoch:
            self.repeated += 1
            return []
        back = self._end - fragment.start
        if self._header_again or back > _RESTART_S * self._timescale:
            return self._anew(fragment)
        self.repeated += 1  # another wording of what has left already: `slat`, or a second source
        return []

    def _anew(self, fragment: Fragment) -> list[Ordered]:
        before = self.flush()
        self._known.clear()
        self._last = None
        return [*before, Ordered(self._go_on(fragment).samples, anew=True)]

    def _go_on(self, fragment: Fragment) -> Ordered:
        self._known.append((fragment.start, fragment.digest))
        samples = fragment.samples
        if self._last is not None and samples[0].dts <= self._last:
            last = self._last
            samples = [sample for sample in samples if sample.dts > last]
        if samples:
            self._last, self._end = samples[-1].dts, fragment.end
            self._header_again = False
        return Ordered(samples)

    def _fitting(self) -> list[Ordered]:
        out = []
        while self._held:
            fragment, _ = self._held[min(self._held)]
            if self._is_hole(fragment):
                break
            del self._held[fragment.start]
            out.append(self._go_on(fragment))
        return out
