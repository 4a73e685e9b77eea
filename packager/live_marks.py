"""Breaks and other signals of a live channel, as they are kept and told: one value each, which only ever gains.

What players were told of a range never changes (RFC 8216bis 4.4.5.1): the first note of a break says when it began, the
first of its end says when it ended, and repetitions, of the same or of another encoder, say nothing new.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence

import msgspec
from msgspec.structs import replace

from base.push import MarkNote

# A signal that comes again within this is the same one, from another encoder or after a restart.
_SAME_US = 10_000_000
# Nobody said how long a break lasts, and nobody ended it: after this it is over (a day's programme is not).
LONGEST_US = 6 * 3600 * 1_000_000


class LiveMark(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Times in µs since 1970, -1 if there is none. `number`: the segment in which it begins.

    `out`, `back`, `command`: the sections that said so, whole. A command is an instant.
    """

    id: str
    kind: str
    event: int
    number: int
    start: int
    planned_ms: int = -1
    end: int = -1
    avail: bool = False
    returns: bool = False
    out: bytes = b""
    back: bytes = b""
    command: bytes = b""

    @property
    def is_break(self) -> bool:
        return not self.command

    @property
    def until(self) -> int:
        """When it is over, as far as is known."""
        if self.end >= 0 or not self.is_break:
            return max(self.start, self.end)
        return self.start + (self.planned_ms * 1000 if self.planned_ms >= 0 else LONGEST_US)


def merged(known: Iterable[LiveMark], note: MarkNote) -> LiveMark | None:
    """The mark that a note makes or changes; None if it says nothing new."""
    at = (note.start * 1_000_000 + note.timescale // 2) // note.timescale
    same = [mark for mark in known if (mark.kind, mark.event) == (note.kind, note.event)]
    match note.action:
        case "out":
            return _out(same, note, at)
        case "in":
            return _in(same, note, at)
        case _:
            return _command(same, note, at)


def _out(same: Sequence[LiveMark], note: MarkNote, at: int) -> LiveMark | None:
    for mark in same:
        ended = mark.end >= 0 or mark.until <= at
        if mark.is_break and (abs(at - mark.start) < _SAME_US or (mark.start <= at and not ended)):
            return None
    return LiveMark(
        id=f"{note.kind}-{note.event:x}-{note.number}",
        kind=note.kind,
        event=note.event,
        number=note.number,
        start=at,
        planned_ms=note.planned_ms,
        avail=note.avail,
        returns=note.returns,
        out=note.section,
    )


def _in(same: Sequence[LiveMark], note: MarkNote, at: int) -> LiveMark | None:
    begun = [mark for mark in same if mark.is_break and mark.start < at]
    if not begun:
        # what it ends began before anybody looked
        return _command(same, note, at) if note.section else None
    mark = max(begun, key=lambda mark: mark.start)
    if mark.end < 0:
        return replace(mark, end=at, back=note.section)
    if note.section and not mark.back and abs(at - mark.end) < _SAME_US:
        return replace(mark, back=note.section)
    return None


def _command(same: Sequence[LiveMark], note: MarkNote, at: int) -> LiveMark | None:
    if not note.section or any(mark.command == note.section and abs(mark.start - at) < _SAME_US for mark in same):
        return None
    return LiveMark(
        id=f"{note.kind}-{zlib.crc32(note.section):08x}-{note.number}",
        kind=note.kind,
        event=note.event,
        number=note.number,
        start=at,
        command=note.section,
    )


def returning(marks: Iterable[LiveMark], now_us: int) -> tuple[MarkNote, ...]:
    """Breaks that are on and will end by themselves, as they were told."""
    return tuple(
        MarkNote(
            action="out",
            kind=mark.kind,
            event=mark.event,
            start=mark.start,
            timescale=1_000_000,
            number=mark.number,
            planned_ms=mark.planned_ms,
            avail=mark.avail,
            returns=True,
            section=mark.out,
        )
        for mark in marks
        if mark.returns and mark.end < 0 and mark.until > now_us
    )


def within(marks: Iterable[LiveMark], begin_us: int) -> tuple[LiveMark, ...]:
    """Those that are not over before the window begins (4.4.5.1, 6.2.1), in order."""
    return tuple(sorted((m for m in marks if m.until >= begin_us), key=lambda m: (m.start, m.id)))
