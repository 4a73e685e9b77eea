"""Cues: what is shown from when to when. The one model between all formats of text.

Times are whole milliseconds of the presentation: 0 is its first instant. Markup is what WebVTT, SubRip and IMSC share:
italic, bold, underline. Colours, fonts, voices and ruby annotations are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from heapq import heappop, heappush

import msgspec

from base.problems import Problem

MOST_CUES = 50_000
# Shown at the same time: a segment of `wvtt` repeats every cue in each of its samples.
MOST_AT_ONCE = 64
LONGEST_TEXT = 4000  # characters a cue
LONGEST_TIMING = 1000  # characters of a line of times with settings
LATEST_MS = 1000 * 3600 * 1000

_LINE = re.compile(r"-?\d{1,3}(?:,(?:start|center|end))?|\d{1,3}(?:\.\d{1,6})?%(?:,(?:start|center|end))?")
_POSITION = re.compile(r"\d{1,3}(?:\.\d{1,6})?%(?:,(?:line-left|center|line-right))?")
_SIZE = re.compile(r"\d{1,3}(?:\.\d{1,6})?%")
_ALIGN = ("start", "center", "end", "left", "right")
# C0 and C1 controls and what XML 1.0 2.2 does not allow; a line's text holds no line break
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")


class Run(msgspec.Struct, frozen=True, array_like=True):
    """Characters of one style; one line at most."""

    text: str
    italic: bool = False
    bold: bool = False
    underline: bool = False


class Place(msgspec.Struct, frozen=True, array_like=True):
    """Where a cue is shown: values of WebVTT's cue settings (WebVTT 4.4), empty where the source said nothing."""

    line: str = ""
    position: str = ""
    size: str = ""
    align: str = ""
    vertical: str = ""


Line = tuple[Run, ...]
DEFAULT_PLACE = Place()


class Cue(msgspec.Struct, frozen=True, array_like=True):
    """Shown from `start` up to `end` (ms). No line is empty, and there is one at least."""

    start: int
    end: int
    lines: tuple[Line, ...]
    place: Place = DEFAULT_PLACE

    @property
    def text(self) -> str:
        """What is read, without markup; lines end with line feeds but the last."""
        return "\n".join("".join(run.text for run in line) for line in self.lines)


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """What was read from a file. `format`: WebVTT, SubRip, TTML or CEA-608. `notes`: what a viewer will miss and why.

    `language`: as the source says it, empty if it does not.
    """

    format: str
    cues: tuple[Cue, ...]
    notes: tuple[str, ...] = ()
    language: str = ""


def place(**settings: str) -> Place:
    """Settings that WebVTT knows, with values that it allows; any other is left out (WebVTT 6.3)."""
    known = {
        "line": lambda value: bool(_LINE.fullmatch(value)) and _percent(value),
        "position": lambda value: bool(_POSITION.fullmatch(value)) and _percent(value),
        "size": lambda value: bool(_SIZE.fullmatch(value)) and _percent(value),
        "align": lambda value: value in _ALIGN,
        "vertical": lambda value: value in ("rl", "lr"),
    }
    return Place(**{name: value for name, value in settings.items() if name in known and known[name](value)})


def _percent(value: str) -> bool:
    number, percent, _ = value.partition("%")
    return not percent or float(number) <= 100


def lines_of(runs: Iterable[Run]) -> tuple[Line, ...]:
    """Runs whose text may hold line feeds, as lines: joined, printable, none of them empty."""
    lines: list[list[Run]] = [[]]
    for run in runs:
        for at, text in enumerate(run.text.split("\n")):
            if at:
                lines.append([])
            _append(lines[-1], msgspec.structs.replace(run, text=_UNPRINTABLE.sub("", text)))
    return tuple(stripped for line in lines if (stripped := _stripped(line)))


def _append(line: list[Run], run: Run) -> None:
    if not run.text:
        return
    before = line[-1] if line else None
    if before and (before.italic, before.bold, before.underline) == (run.italic, run.bold, run.underline):
        line[-1] = msgspec.structs.replace(before, text=before.text + run.text)
    else:
        line.append(run)


def _stripped(line: list[Run]) -> Line:
    """Without blanks at either end."""
    while line and not line[0].text.strip():
        line.pop(0)
    while line and not line[-1].text.strip():
        line.pop()
    if line:
        line[0] = msgspec.structs.replace(line[0], text=line[0].text.lstrip())
        line[-1] = msgspec.structs.replace(line[-1], text=line[-1].text.rstrip())
    return tuple(line)


def tidy(cues: Iterable[Cue]) -> tuple[tuple[Cue, ...], tuple[str, ...]]:
    """In the order in which they are shown, without those that never are; what was left out is said.

    Raises Problem unplayable over a limit.
    """
    kept, empty, backward = [], 0, 0
    for cue in cues:
        if not cue.lines:
            empty += 1
        elif not 0 <= cue.start < cue.end:
            backward += 1
        elif cue.end > LATEST_MS:
            raise Problem("unplayable", f"a cue ends after {LATEST_MS // 3_600_000} hours: correct its time")
        elif sum(len(run.text) for line in cue.lines for run in line) > LONGEST_TEXT:
            raise Problem(
                "unplayable", f"the cue at {cue.start / 1000:g} s has over {LONGEST_TEXT} characters: divide it"
            )
        else:
            kept.append(cue)
    kept.sort(key=lambda cue: (cue.start, cue.end))
    if len(kept) > MOST_CUES:
        raise Problem("unplayable", f"{len(kept)} cues, at most {MOST_CUES} can be served: is it subtitles?")
    _check_at_once(kept)
    notes = []
    if empty:
        notes.append(f"{_cues(empty)} left out: without text")
    if backward:
        notes.append(f"{_cues(backward)} left out: the end is not after the start")
    return tuple(kept), tuple(notes)


def _check_at_once(cues: list[Cue]) -> None:
    open_ends: list[int] = []
    for cue in cues:
        while open_ends and open_ends[0] <= cue.start:
            heappop(open_ends)
        heappush(open_ends, cue.end)
        if len(open_ends) > MOST_AT_ONCE:
            raise Problem(
                "unplayable",
                f"over {MOST_AT_ONCE} cues are shown at once at {cue.start / 1000:g} s: correct their times",
            )


def _cues(count: int) -> str:
    return f"{count} cue{'s' * (count != 1)}"
