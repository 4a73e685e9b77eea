"""CEA-608 captions to cues (ANSI/CTA-608-E; 47 CFR 79.101): pop-on, roll-up and paint-on of CC1 to CC4.

Theory of operation. A field of the picture carries two octets a frame for two channels: an octet pair below 0x20 is a
control code and says for which channel it and what follows is. Each channel has a displayed memory and one that is
not, of 15 rows and 32 columns. What is displayed becomes a cue when it changes as a whole: at an end of caption, an
erasure, a carriage return of roll-up. Letters that come one by one (roll-up, paint-on) are shown at once by a
television set; here a row is shown whole, from its first letter on, since cues cannot grow.

Text services (T1 to T4) and extended data services (XDS) are passed over. Colours are left out, as in all other
sources.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from packager.text import cea608_letters as letters
from packager.text.cues import Cue, Place, Run, lines_of, place

ROWS, COLUMNS = 15, 32
# By the first octet (0x10 to 0x17) of a preamble address code: its row, and the one where bit 5 of the second is set.
_ROW = ((11, 11), (1, 2), (3, 4), (12, 13), (14, 15), (5, 6), (7, 8), (9, 10))
_LOWEST = 12  # rows from here on stand where players show text anyway


class Mode(Enum):
    NONE = 0
    POP_ON = 1
    ROLL_UP = 2
    PAINT_ON = 3
    TEXT = 4


@dataclass(frozen=True, slots=True)
class _Cell:
    letter: str
    italic: bool
    underline: bool


_Memory = list[dict[int, _Cell]]  # by row, from 0; then by column


def _empty() -> _Memory:
    return [{} for _ in range(ROWS)]


@dataclass(slots=True)
class _Channel:
    """One caption channel. `since`: ms at which what is displayed now was first seen, -1 if nothing is."""

    cues: list[Cue] = field(default_factory=list)
    mode: Mode = Mode.NONE
    displayed: _Memory = field(default_factory=_empty)
    hidden: _Memory = field(default_factory=_empty)
    row: int = 14
    column: int = 0
    rows: int = 2  # of roll-up
    italic: bool = False
    underline: bool = False
    since: int = -1

    @property
    def memory(self) -> _Memory:
        return self.hidden if self.mode is Mode.POP_ON else self.displayed

    def show(self, letter: str, at: int) -> None:
        if self.mode in (Mode.NONE, Mode.TEXT):
            return
        self.memory[self.row][self.column] = _Cell(letter, self.italic, self.underline)
        self.column = min(COLUMNS - 1, self.column + 1)
        if self.mode is not Mode.POP_ON and self.since < 0 and letter.strip():
            self.since = at

    def back(self) -> None:
        self.column = max(0, self.column - 1)
        self.memory[self.row].pop(self.column, None)

    def end(self, at: int) -> None:
        """What was displayed up to now becomes a cue."""
        if self.since >= 0 and at > self.since and (cue := _cue(self.displayed, self.since, at)):
            self.cues.append(cue)
        self.since = -1

    def address(self, row: int, attributes: int) -> None:
        """A preamble address code: a row, an indent or italics, underline."""
        if self.mode is Mode.ROLL_UP and row != self.row:  # the window moves as a whole
            moved = _empty()
            for offset in range(self.rows):
                if self.row - offset >= 0 and row - offset >= 0:
                    moved[row - offset] = self.displayed[self.row - offset]
            self.displayed = moved
        self.row = row
        self.underline = bool(attributes & 1)
        self.italic = attributes >> 1 == 7
        self.column = (attributes >> 1 & 7) * 4 if attributes & 0x10 else 0

    def control(self, code: int, at: int) -> None:
        """A miscellaneous control code, by its second octet."""
        match code:
            case 0x20:  # resume caption loading
                self.begin(Mode.POP_ON, at)
            case 0x21:  # backspace
                if self.mode not in (Mode.NONE, Mode.TEXT):
                    self.back()
            case 0x24:  # delete to end of row
                for column in [column for column in self.memory[self.row] if column >= self.column]:
                    del self.memory[self.row][column]
            case 0x25 | 0x26 | 0x27:  # roll-up captions of 2, 3, 4 rows
                if self.mode is not Mode.ROLL_UP:
                    self.erase(at)
                    self.hidden = _empty()
                    self.row = ROWS - 1
                self.begin(Mode.ROLL_UP, at)
                self.rows, self.column = code - 0x23, 0
            case 0x29:  # resume direct captioning
                self.begin(Mode.PAINT_ON, at)
            case 0x2A | 0x2B:  # text restart, resume text display
                self.mode = Mode.TEXT
            case 0x2C:  # erase displayed memory
                self.erase(at)
            case 0x2D:  # carriage return
                if self.mode is Mode.ROLL_UP:
                    self.roll(at)
            case 0x2E:  # erase non-displayed memory
                self.hidden = _empty()
            case 0x2F:  # end of caption: the memories change places
                self.end(at)
                self.displayed, self.hidden = self.hidden, self.displayed
                self.mode = Mode.POP_ON
                self.since = at if any(self.displayed) else -1

    def begin(self, mode: Mode, at: int) -> None:
        if mode is Mode.PAINT_ON and self.since >= 0:  # more comes to what is there: a cue up to here, one from here
            self.end(at)
            self.since = at
        self.mode = mode

    def erase(self, at: int) -> None:
        self.end(at)
        self.displayed = _empty()

    def roll(self, at: int) -> None:
        self.end(at)
        top = max(0, self.row - self.rows + 1)
        kept = _empty()
        for row in range(top + 1, self.row + 1):
            kept[row - 1] = self.displayed[row]
        self.displayed = kept
        self.column = 0
        self.italic = self.underline = False


@dataclass(slots=True)
class Field:
    """Decodes the octet pairs of one field, parity stripped, in the order in which they are shown."""

    number: int = 1
    channels: tuple[_Channel, _Channel] = field(default_factory=lambda: (_Channel(), _Channel()))
    _now: int = 0
    _last: tuple[int, int] = (0, 0)
    _data: bool = False  # within extended data services

    def pair(self, first: int, second: int, at: int) -> None:
        """`at`: ms of the picture."""
        if not first and not second:
            return
        if 0x10 <= first <= 0x1F:
            self._data = False
            if (first, second) == self._last:  # control codes are sent twice
                self._last = (0, 0)
                return
            self._last = (first, second)
            self._now = first >> 3 & 1
            self._control(self.channels[self._now], first & 0x17, second, at)
            return
        self._last = (0, 0)
        if first < 0x10:
            if first:  # extended data: up to 0x0F, or a control code
                self._data = first != 0x0F
            elif second >= 0x20 and not self._data:
                self.channels[self._now].show(letters.basic(second), at)
            return
        if not self._data:
            for octet in (first, second):
                if octet >= 0x20:
                    self.channels[self._now].show(letters.basic(octet), at)

    def _control(self, channel: _Channel, first: int, second: int, at: int) -> None:
        if second >= 0x40:
            if channel.mode is not Mode.TEXT:
                channel.address(_ROW[first & 7][second >> 5 & 1] - 1, second & 0x1F)
        elif first == 0x11 and 0x20 <= second <= 0x2F:  # in mid-row: takes the room of a blank
            channel.italic, channel.underline = False, False
            channel.show(" ", at)
            channel.italic, channel.underline = second >> 1 & 7 == 7, bool(second & 1)
        elif first == 0x11 and second >= 0x30:
            channel.show(letters.special(second), at)
        elif first in (0x12, 0x13) and second >= 0x20:
            if channel.mode not in (Mode.NONE, Mode.TEXT):
                channel.back()
            channel.show(letters.extended(first, second), at)
        elif first in (0x14, 0x15) and 0x20 <= second <= 0x2F:
            channel.control(second, at)
        elif first == 0x17 and 0x21 <= second <= 0x23:
            channel.column = min(COLUMNS - 1, channel.column + second - 0x20)

    def finish(self, at: int) -> None:
        """The film ends: so does what is displayed."""
        for channel in self.channels:
            channel.end(at)


def decode(
    field_1: Iterable[tuple[int, int, int]], field_2: Iterable[tuple[int, int, int]], end: int
) -> dict[str, list[Cue]]:
    """Cues by channel, CC1 to CC4; a channel without any is left out. Pairs: (ms, octet, octet) with parity, in order.

    A pair with an octet of even parity was damaged on its way and does not count. `end`: ms at which the film ends.
    """
    found: dict[str, list[Cue]] = {}
    for number, pairs in ((1, field_1), (2, field_2)):
        decoder = Field(number=number)
        for at, first, second in pairs:
            if first.bit_count() & 1 and second.bit_count() & 1:
                decoder.pair(first & 0x7F, second & 0x7F, at)
        decoder.finish(end)
        for at, channel in enumerate(decoder.channels):
            if channel.cues:
                found[f"CC{2 * number - 1 + at}"] = channel.cues
    return found


def _cue(memory: _Memory, start: int, end: int) -> Cue | None:
    used = [row for row in range(ROWS) if memory[row]]
    runs: list[Run] = []
    for row in used:
        if runs:
            runs.append(Run("\n"))
        cells = memory[row]
        for column in range(min(cells), max(cells) + 1):
            cell = cells.get(column)
            runs.append(Run(cell.letter, cell.italic, False, cell.underline) if cell else Run(" "))
    lines = lines_of(runs)
    return Cue(start, end, lines, _place(used)) if lines else None


def _place(rows: list[int]) -> Place:
    """The safe area has 90 % of the picture's height, 6 % a row."""
    return Place() if rows[-1] + 1 >= _LOWEST else place(line=f"{5 + 6 * rows[0]}%")
