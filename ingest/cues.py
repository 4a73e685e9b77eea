"""What was signalled on a channel and is still to come: sections of SCTE 35 become splices. Pure.

An encoder says a splice some seconds ahead, and may say it again (SCTE 35 2023r1 9.7: the same event again is a
repetition, or moves it); the API says it through the desired state, again and again. What was spliced once is not
spliced again. A break that says how long it lasts, and that it returns, ends by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from msgspec.structs import replace

from base.crc import crc32
from base.push import MarkNote
from base.scte35.meaning import Cue, What, cues
from base.scte35.section import PTS_WRAP, Section

# A splice whose time has passed by this is not made any more. One that begins a break of a known length is made as long
# as that is on.
LATE_MS = 60_000
# The same event, signalled this long after it was spliced, or for another time by this, is a new one.
_FORGOTTEN_MS, _SAME_MS = 24 * 3600_000, 10_000
MOST = 200
# Splices that are remembered to have been made: in a run of days there are any number.
MOST_DONE = 2000
_What = tuple[str, int, str]
_ACTION: dict[What, Literal["out", "in", "cmd"]] = {What.OUT: "out", What.IN: "in"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """At the first keyframe at or after `at_ms`, epoch time."""

    at_ms: int
    note: MarkNote


@dataclass(frozen=True, slots=True)
class Changes:
    """What a section changed: splices that are wanted from now on, and those that are not any more."""

    wanted: tuple[Wanted, ...] = ()
    cancelled: tuple[MarkNote, ...] = ()


class Cues:
    """One channel's, for as long as the process lives."""

    def __init__(self) -> None:
        self._wanted: dict[_What, Wanted] = {}
        self._done: dict[_What, int] = {}  # when it was wanted

    def take(self, section: Section, octets: bytes, when: Callable[[int | None], int]) -> Changes:
        """A section that came. `when`: epoch ms of a time on the program's clock, or of None, which is at once."""
        wanted: list[Wanted] = []
        cancelled: list[MarkNote] = []
        for cue in cues(section):
            if cue.what is What.CANCEL:
                cancelled += self._cancel(cue)
                continue
            at_ms = when(cue.time)
            note = _note(cue, octets)
            wanted += self._want(Wanted(at_ms, note))
            if cue.what is What.OUT and cue.returns and cue.duration is not None:
                wanted += self._want(Wanted(at_ms + cue.duration // 90, _return(note)))
        return Changes(tuple(wanted), tuple(cancelled))

    def drop(self, octets: bytes) -> Changes:
        """A section that is not wanted any more, though none cancelled it; nor are the ends that it was to have."""
        gone = [wanted.note for wanted in self._wanted.values() if wanted.note.section == octets]
        ends = {(note.kind, note.event, "in") for note in gone if note.action == "out"}
        gone += [one.note for what, one in self._wanted.items() if what in ends and not one.note.section]
        for note in gone:
            del self._wanted[note.what]
        return Changes(cancelled=tuple(gone))

    def pending(self, now_ms: int) -> tuple[Wanted, ...]:
        """What a new run has to look out for, in order. Splices that are too late are given up."""
        for what, wanted in list(self._wanted.items()):
            planned_ms = wanted.note.planned_ms
            if wanted.at_ms + (planned_ms if planned_ms >= 0 else LATE_MS) < now_ms:
                del self._wanted[what]
        for what in [what for what, at_ms in self._done.items() if at_ms + _FORGOTTEN_MS < now_ms]:
            del self._done[what]
        return tuple(sorted(self._wanted.values(), key=lambda wanted: wanted.at_ms))

    def spliced(self, notes: Iterable[MarkNote]) -> None:
        """These are told to the origin now."""
        for note in notes:
            wanted = self._wanted.pop(note.what, None)
            if wanted is not None:
                self._done.pop(note.what, None)
                self._done[note.what] = wanted.at_ms
        while len(self._done) > MOST_DONE:
            del self._done[next(iter(self._done))]

    def resume(self, breaks: Iterable[MarkNote]) -> None:
        """Breaks that the origin knows to be on: how they end may be news to this process."""
        for out in breaks:
            at_ms, end = out.start * 1000 // out.timescale, (*out.what[:2], "in")
            wanted = self._wanted.get(out.what)
            if wanted is not None and abs(wanted.at_ms - at_ms) < _SAME_MS:
                self.spliced([out])
            if end not in self._wanted and self._done.get(end, -1) < at_ms:
                self._done.setdefault(out.what, at_ms)
                self._want(Wanted(at_ms + out.planned_ms, _return(out)))

    def _want(self, wanted: Wanted) -> list[Wanted]:
        what = wanted.note.what
        done = self._done.get(what)
        if done is not None and abs(done - wanted.at_ms) < _SAME_MS:
            return []
        before = self._wanted.get(what)
        if before == wanted or (before is None and len(self._wanted) >= MOST):
            return []
        if before is not None and before.note.section and not wanted.note.section:
            return []  # an end that was signalled says more than one that was reckoned
        self._wanted[what] = wanted
        return [wanted]

    def _cancel(self, cue: Cue) -> list[MarkNote]:
        gone = [
            wanted.note
            for (kind, event, _), wanted in self._wanted.items()
            if event == cue.event and cue.kind in ("", kind) and (cue.kind or kind != "insert")
        ]
        for note in gone:
            del self._wanted[note.what]
        return gone


def near(time: int, us: int) -> int:
    """The source time in µs of a time of 33 bits at 90 kHz, signalled at the source time `us`: the nearest there is."""
    behind = (time - us * 9 // 100 + (PTS_WRAP >> 1)) % PTS_WRAP - (PTS_WRAP >> 1)
    return us + (behind * 100 + 4) // 9


def _note(cue: Cue, octets: bytes) -> MarkNote:
    return MarkNote(
        action=_ACTION.get(cue.what, "cmd"),
        kind=cue.kind,
        # commands without an event are told apart by what they say
        event=cue.event or (crc32(octets[:-4]) if cue.what is What.COMMAND else 0),
        planned_ms=-1 if cue.duration is None else cue.duration // 90,
        avail=cue.avail,
        returns=cue.returns,
        section=octets,
    )


def _return(out: MarkNote) -> MarkNote:
    return replace(out, action="in", planned_ms=-1, returns=False, section=b"")
