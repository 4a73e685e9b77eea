"""WebVTT (W3C WebVTT 1): reading a file, and printing the segments of HLS (RFC 8216bis 3.1.4)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from base.problems import Problem
from packager.text import markup
from packager.text.cues import LONGEST_TIMING, Cue, Place, Text, place, tidy

_TIME = r"(?:(\d{1,6}):)?(\d{1,2}):(\d{1,2})[.,](\d{3})"
_TIMING = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}(?:\s+(.*))?\s*")
_WRAP = 1 << 33
_TICKS_A_MS = 90


def read(text: str) -> Text:
    """A whole file. `text` has line feeds only. Raises Problem unplayable with the line that cannot be read."""
    rows = text.split("\n")
    if rows[0] != "WEBVTT" and not rows[0].startswith(("WEBVTT ", "WEBVTT\t")):
        raise Problem("unplayable", "line 1: a WebVTT file begins with WEBVTT")
    notes = []
    at = 1
    while at < len(rows) and rows[at] and "-->" not in rows[at]:  # the header goes up to a blank line
        if rows[at].startswith("X-TIMESTAMP-MAP"):
            notes.append("the time stamp map of the file left out: cue times count from the start of the film")
        at += 1
    cues, left_out = [], set()
    while at < len(rows):
        if not rows[at].strip():
            at += 1
            continue
        first = at
        while at < len(rows) and rows[at].strip() and not (at > first + 1 and "-->" in rows[at]):
            at += 1
        block = rows[first:at]
        timing = 0 if "-->" in block[0] else 1
        if timing >= len(block) or "-->" not in block[timing]:
            if block[0].rstrip() in ("STYLE", "REGION"):
                left_out.add(block[0].rstrip())
            elif block[0] != "NOTE" and not block[0].startswith(("NOTE ", "NOTE\t")):
                raise Problem("unplayable", f"line {first + 1}: here a cue should begin, with its times")
            continue
        cues.append(_cue(block[timing], "\n".join(block[timing + 1 :]), first + timing + 1))
    notes += [f"{name} blocks left out" for name in sorted(left_out)]
    kept, said = tidy(cues)
    return Text(format="WebVTT", cues=kept, notes=(*notes, *said))


def _cue(timing: str, text: str, line: int) -> Cue:
    found = _TIMING.fullmatch(timing) if len(timing) < LONGEST_TIMING else None
    if found is None:
        raise Problem(
            "unplayable", f"line {line}: give times as 00:01:02.345 --> 00:01:04.000, not {timing.strip()[:80]}"
        )
    lines, _ = markup.read(text, webvtt=True)
    return Cue(_ms(found.groups()[:4], line), _ms(found.groups()[4:8], line), lines, _settings(found[9] or ""))


def _ms(words: Sequence[str | None], line: int) -> int:
    hours, minutes, seconds, ms = (int(word or 0) for word in words)
    if minutes > 59 or seconds > 59:
        raise Problem("unplayable", f"line {line}: minutes and seconds go up to 59")
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + ms


def _settings(text: str) -> Place:
    """WebVTT 6.3: a setting that is not understood is passed over."""
    pairs = (word.partition(":") for word in text.split())
    return place(**{name: value for name, colon, value in pairs if colon and name.isidentifier()})


def clock(ms: int) -> str:
    """`00:01:02.345`"""
    seconds, ms = divmod(ms, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{ms:03}"


def settings(where: Place) -> str:
    """The cue settings list, empty where nothing is set."""
    return " ".join(
        f"{name}:{value}"
        for name in ("vertical", "line", "position", "size", "align")
        if (value := getattr(where, name))
    )


def segment(cues: Sequence[Cue], *, start: int, zero: int) -> str:
    """One segment with the cues that are shown in it, each with its full times.

    `start`: 90 kHz ticks of the media at which the segment starts; `zero`: those of cue time 0. The map stands even
    where the media's clock is another one, and a new one after the clock of 33 bits went round (3.1.4). A blank line
    ends it: there are readers that take all segments for one file.
    """
    local = 0 if start < _WRAP else (start - zero) // _TICKS_A_MS
    mpegts = (zero + local * _TICKS_A_MS) % _WRAP
    blocks = [f"WEBVTT\nX-TIMESTAMP-MAP=LOCAL:{clock(local)},MPEGTS:{mpegts}\n"]
    blocks += [f"{_timing(cue)}\n{markup.written(cue.lines)}\n" for cue in cues]
    return "\n".join((*blocks, ""))


def file(cues: Sequence[Cue]) -> str:
    """All cues as one file."""
    return "\n".join(["WEBVTT\n", *(f"{_timing(cue)}\n{markup.written(cue.lines)}\n" for cue in cues)])


def _timing(cue: Cue) -> str:
    where = settings(cue.place)
    return f"{clock(cue.start)} --> {clock(cue.end)}" + (f" {where}" if where else "")
