"""Regions of TTML as places of WebVTT: rectangles of the picture on one side, a line and an alignment on the other."""

from __future__ import annotations

import re

from packager.text.cues import Place, place

_LENGTH = re.compile(r"([+-]?\d{1,6}(?:\.\d{1,6})?)(%|px|c|rh|rw)")
_LOWEST = 75  # a region that ends below this and fills up from below is where players show text anyway
_ALIGNED = {"left": "left", "right": "right", "start": "start", "end": "end"}

Size = tuple[int, int, int, int]


def place_of(region: dict[str, str], align: str, size: Size) -> Place:
    """Where text of a region is shown. `align`: as text_align gives it; `size`: see Styles.root_size."""
    corner = _pair(region.get("origin", ""), size)
    extent = _pair(region.get("extent", ""), size)
    if corner is None or extent is None:
        return place(align=align)
    (left, top), (width, height) = corner, extent
    bottom = min(100.0, top + height)
    match region.get("displayAlign", "before"):
        case "after":
            line = "" if bottom >= _LOWEST else f"{_percent(bottom)},end"
        case "center":
            line = f"{_percent(top + height / 2)},center"
        case _:
            line = _percent(top)
    position = {
        "left": f"{_percent(left)},line-left",
        "start": f"{_percent(left)},line-left",
        "right": f"{_percent(left + width)},line-right",
        "end": f"{_percent(left + width)},line-right",
    }.get(align, _percent(left + width / 2))
    if position == "50%":  # what it is without saying so
        position = ""
    return place(line=line, position=position, align=align)


def text_align(style: dict[str, str], region: dict[str, str]) -> str:
    """TTML's own default is start, yet nearly every document centres its text and says so."""
    return _ALIGNED.get(style.get("textAlign", region.get("textAlign", "")), "")


def _pair(text: str, size: Size) -> tuple[float, float] | None:
    """Two lengths as percentages of the picture's width and height."""
    words = text.split()
    found = [_LENGTH.fullmatch(word) for word in words]
    if len(found) != 2:
        return None
    values = []
    for at, length in enumerate(found):
        if length is None:
            return None
        whole = {"px": size[at], "c": size[2 + at]}.get(length[2], 100)
        if not whole:
            return None
        values.append(min(100.0, max(0.0, float(length[1]) * 100 / whole)))
    return values[0], values[1]


def _percent(value: float) -> str:
    return f"{min(100.0, value):.1f}".removesuffix(".0") + "%"
