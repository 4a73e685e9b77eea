"""Time expressions of TTML (TTML2 12.3.1) in milliseconds, exact until they are rounded."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from base.problems import Problem
from packager.text.ttml_tree import Node

_CLOCK = re.compile(r"(\d{2,6}):(\d{2}):(\d{2})(?:(\.\d{1,12})|:(\d{1,3})(?:\.(\d{1,3}))?)?", re.ASCII)
_OFFSET = re.compile(r"(\d{1,15}(?:\.\d{1,12})?)(h|ms|m|s|f|t)", re.ASCII)
_UNITS = {"h": Fraction(3_600_000), "m": Fraction(60_000), "s": Fraction(1000), "ms": Fraction(1)}


@dataclass(frozen=True, slots=True)
class Times:
    """What the document's parameters say of its times (TTML2 7.2)."""

    frame_rate: Fraction = Fraction(30)
    sub_frames: int = 1
    tick_rate: Fraction = Fraction(1)

    def ms(self, text: str, line: int) -> Fraction:
        """Raises Problem unplayable with the line."""
        text = text.strip()
        if found := _CLOCK.fullmatch(text):
            hours, minutes, seconds, rest, frames, part = found.groups()
            if int(minutes) <= 59 and int(seconds) <= 60:
                whole = (int(hours) * 60 + int(minutes)) * 60 + int(seconds) + Fraction(f"0{rest}" if rest else 0)
                counted = Fraction(int(frames or 0)) + Fraction(int(part or 0), self.sub_frames)
                return 1000 * (whole + counted / self.frame_rate)
        if found := _OFFSET.fullmatch(text):
            count, unit = Fraction(found[1]), found[2]
            if unit == "f":
                return 1000 * count / self.frame_rate
            return 1000 * count / self.tick_rate if unit == "t" else count * _UNITS[unit]
        raise Problem("unplayable", f"line {line}: {text[:40]!r} is no time such as 00:01:02.345, 62.3s or 900f")


def of_document(root: Node) -> Times:
    """Raises Problem unplayable: a time base that is no media time, or a rate that is none."""
    said = root.attributes
    base = said.get("ttp:timeBase", "media")
    if base == "clock":
        raise Problem("unplayable", f"line {root.line}: times of a clock (ttp:timeBase) have no place in a film")
    rate = _number(root, "ttp:frameRate", 30)
    over, under = _pair(root, "ttp:frameRateMultiplier")
    frame_rate = Fraction(rate * over, under)
    sub_frames = _number(root, "ttp:subFrameRate", 1)
    usual = frame_rate * sub_frames if "ttp:frameRate" in said else Fraction(1)
    tick_rate = Fraction(_number(root, "ttp:tickRate", 0)) or usual
    return Times(frame_rate, sub_frames, tick_rate)


def _number(root: Node, name: str, usual: int) -> int:
    text = root.attributes.get(name, "")
    if not text:
        return usual
    if not re.fullmatch(r"0*[1-9]\d{0,11}", text.strip()):
        raise Problem("unplayable", f"line {root.line}: {name} must be a whole number above 0")
    return int(text)


def _pair(root: Node, name: str) -> tuple[int, int]:
    text = root.attributes.get(name, "1 1")
    found = re.fullmatch(r"\s*0*([1-9]\d{0,8})[\s:]+0*([1-9]\d{0,8})\s*", text)
    if found is None:
        raise Problem("unplayable", f"line {root.line}: {name} must be two whole numbers such as 1000 1001")
    return int(found[1]), int(found[2])
