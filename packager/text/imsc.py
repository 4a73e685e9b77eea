"""Printing IMSC 1 text profile documents (W3C IMSC 1.1): one a segment, times on the track's timeline.

A cue that goes on over a cut is in the documents of both segments, in each up to the cut: what is shown is the same
and no player shows it twice (ISO/IEC 14496-30: a sample's document holds for the time of the sample).
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from packager.text.cues import Cue, Line, Place

PROFILE = "http://www.w3.org/ns/ttml/profile/imsc1/text"
# The root container as players lay out WebVTT: a margin of a tenth at the sides, of a twentieth above and below.
_SIDE, _EDGE = 10.0, 5.0
_ROWS = 15  # lines of the picture's height that WebVTT counts, and the rows of TTML's cells
_RIGHT_TO_LEFT = frozenset({"ar", "dv", "fa", "he", "ku", "ps", "sd", "ug", "ur", "yi"})

_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<tt xmlns="http://www.w3.org/ns/ttml" xmlns:ttp="http://www.w3.org/ns/ttml#parameter" \
xmlns:tts="http://www.w3.org/ns/ttml#styling" ttp:profile="{profile}" xml:lang={language}>
<head>
<styling><style xml:id="s" tts:fontFamily="proportionalSansSerif" tts:fontSize="100%" tts:lineHeight="125%" \
tts:color="white" tts:backgroundColor="#000000C0"/></styling>
<layout>
"""


def document(shown: Sequence[tuple[int, int, Cue]], language: str) -> bytes:
    """`shown`: (begin, end, cue), 90 kHz ticks of the track's timeline. Without cues an empty document."""
    places = list(dict.fromkeys(cue.place for _, _, cue in shown))
    made = [_HEAD.format(profile=PROFILE, language=quoteattr(language))]
    made += [_region(f"r{at}", where) for at, where in enumerate(places)]
    made.append("</layout>\n</head>\n<body>")
    if shown:
        names = {where: f"r{at}" for at, where in enumerate(places)}
        rtl = ' tts:direction="rtl"' if language.partition("-")[0] in _RIGHT_TO_LEFT else ""
        made.append("<div>\n")
        made += [
            f'<p region="{names[cue.place]}" begin="{_clock(begin)}" end="{_clock(end)}"{rtl}>'
            f"{'<br/>'.join(map(_line, cue.lines))}</p>\n"
            for begin, end, cue in shown
        ]
        made.append("</div>")
    made.append("</body>\n</tt>\n")
    return "".join(made).encode()


def _line(line: Line) -> str:
    made = []
    for run in line:
        style = "".join(
            f' tts:{name}="{value}"'
            for name, value, wanted in (
                ("fontStyle", "italic", run.italic),
                ("fontWeight", "bold", run.bold),
                ("textDecoration", "underline", run.underline),
            )
            if wanted
        )
        made.append(f'<span style="s"{style} xml:space="preserve">{escape(run.text)}</span>')
    return "".join(made)


def _clock(ticks: int) -> str:
    """Seconds with six decimals at most, three at least: ticks of 90 kHz are no whole milliseconds."""
    microseconds = (ticks * 100 + 4) // 9
    whole, rest = divmod(microseconds, 1_000_000)
    fraction = f"{rest:06}".rstrip("0").ljust(3, "0")
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}.{fraction}"


def _region(name: str, where: Place) -> str:
    top, height, display = _rows(where.line)
    left, width = _columns(where.position, where.align)
    align = where.align or "center"
    mode = {"rl": ' tts:writingMode="tbrl"', "lr": ' tts:writingMode="tblr"'}.get(where.vertical, "")
    if mode:  # lines count from a side then: the whole picture is the region
        left, width, top, height = _SIDE, 100 - 2 * _SIDE, _EDGE, 100 - 2 * _EDGE
    return (
        f'<region xml:id="{name}" tts:origin="{left:g}% {top:g}%" tts:extent="{width:g}% {height:g}%" '
        f'tts:displayAlign="{display}" tts:textAlign="{align}" tts:overflow="visible"{mode}/>\n'
    )


def _rows(line: str) -> tuple[float, float, str]:
    """Top and height (%) of a region, and the side from which it fills up, for WebVTT's line setting."""
    value, _, anchor = line.partition(",")
    if not value:
        return _EDGE, 100 - 2 * _EDGE, "after"
    if not value.endswith("%"):  # a line of the picture, negative ones from below
        row = int(value)
        if row < 0:
            return _EDGE, max(1.0, 100 - _EDGE + (row + 1) * 100 / _ROWS - _EDGE), "after"
        value, anchor = f"{min(100 - 2 * _EDGE, _EDGE + row * 100 / _ROWS):.2f}", ""
    at = min(99.0, max(1.0, float(value.rstrip("%"))))
    if anchor == "end":
        return 0.0, at, "after"
    if anchor == "center":
        half = min(at, 100 - at)
        return at - half, 2 * half, "center"
    return at, 100 - at, "before"


def _columns(position: str, align: str) -> tuple[float, float]:
    """Left and width (%) for WebVTT's position, which says where the box's side, or middle, is."""
    value, _, anchor = position.partition(",")
    if not value:
        return _SIDE, 100 - 2 * _SIDE
    at = min(99.0, max(1.0, float(value.rstrip("%"))))
    anchor = anchor or {"left": "line-left", "start": "line-left", "right": "line-right", "end": "line-right"}.get(
        align, "center"
    )
    if anchor == "line-left":
        return at, 100 - at
    if anchor == "line-right":
        return 0.0, at
    half = min(at, 100 - at)
    return at - half, 2 * half
