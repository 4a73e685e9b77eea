"""SubRip (.srt). There is no standard: this reads what programs write, and what people make of it by hand."""

from __future__ import annotations

import re

from base.problems import Problem
from packager.text import markup
from packager.text.cues import LONGEST_TIMING, Cue, Text, tidy

# Hours may be missing, fields short, the comma a full stop or a colon; positions may follow. `->` is seen as well.
_TIME = r"(?:(\d{1,6})\s*:\s*)?(\d{1,3})\s*:\s*(\d{1,2})(?:\s*([.,:])\s*(\d{1,9}))?"
_TIMING = re.compile(rf"\s*(-?)\s*{_TIME}\s*-{{1,3}}>\s*(-?)\s*{_TIME}(?:\s.*)?")
_COUNTER = re.compile(r"\s*\d+\s*")


def read(text: str) -> Text:
    """A whole file. `text` has line feeds only. Raises Problem unplayable with the line that cannot be read.

    A cue's text goes up to the next line of times, without the counter in front of that: blank lines within a text,
    and counters that are missing or wrong, do no harm.
    """
    rows = text.split("\n")
    timings = [(at, found) for at, row in enumerate(rows) if (found := _timing(row, at + 1))]
    if not timings:
        raise Problem("unplayable", "line 1: no times such as 00:01:02,345 --> 00:01:04,000 in the whole file")
    for at in range(timings[0][0]):
        if rows[at].strip() and not _COUNTER.fullmatch(rows[at]):
            raise Problem("unplayable", f"line {at + 1}: here the first cue should begin, with its number or its times")
    cues = []
    ends = [at for at, _ in timings[1:]] + [len(rows) + 1]
    for (at, (start, end)), following in zip(timings, ends, strict=True):
        stop = following - 1 if following <= len(rows) and _COUNTER.fullmatch(rows[following - 1]) else following
        lines, where = markup.read("\n".join(rows[at + 1 : stop]), webvtt=False)
        cues.append(Cue(start, end, lines, where))
    kept, notes = tidy(cues)
    return Text(format="SubRip", cues=kept, notes=notes)


def _timing(row: str, line: int) -> tuple[int, int] | None:
    found = _TIMING.fullmatch(row) if len(row) < LONGEST_TIMING else None
    if found is None:
        if "-->" in row:
            raise Problem(
                "unplayable", f"line {line}: give times as 00:01:02,345 --> 00:01:04,000, not {row.strip()[:80]}"
            )
        return None
    words = found.groups()
    return _ms(words[:6], line), _ms(words[6:], line)


def _ms(words: tuple[str | None, ...], line: int) -> int:
    """A negative time is -1. After a full stop stands a fraction, after a comma a number of ms: so players read it."""
    sign, hours, minutes, seconds, point, rest = words
    if int(seconds or 0) > 59 or (hours and int(minutes or 0) > 59):
        raise Problem("unplayable", f"line {line}: minutes and seconds go up to 59")
    rest = rest or "0"
    ms = int(rest[:3].ljust(3, "0")) if point == "." or len(rest) > 3 else int(rest)
    total = ((int(hours or 0) * 60 + int(minutes or 0)) * 60 + int(seconds or 0)) * 1000 + ms
    return -1 if sign else total
