"""Marks on a film: named places and stretches (chapters, breaks for advertising, credits), as somebody wrote them.

    [{"id": "break-1", "start": 600, "duration": 30, "kind": "ad", "title": "First break",
      "values": {"COM-EXAMPLE-SLOT": 3}, "period": true}]

Players are told of them by date ranges in HLS (packager.date_ranges), by events and Periods in DASH (packager.periods).
They change nothing of the media: no edition, no segment. What a playlist says of them is named by `Marks.edition`.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import msgspec

from base.problems import Problem

AD = "ad"
LARGEST = 256 << 10  # octets of what is sent
MOST, MOST_PERIODS = 1000, 100
_MOST_VALUES, _LONGEST = 16, 500
_MOST_SECONDS, _MOST_NUMBER = 10**7, 10**12
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}")
# RFC 8216bis 4.2: letters, digits and hyphens; the prefix X- is put in front of it
_VALUE_NAME = re.compile(r"[A-Z0-9][A-Z0-9-]{0,62}")
_TITLE = "TITLE"
_AT = re.compile(r" - at `(.+)`$")


class Mark(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """`start`, `duration` in seconds of the film, a thousandth at the finest; without a duration it is a place.

    `kind`: chapter, ad, credits, or any other word (CLASS of RFC 8216bis 4.4.5.1). `period`: DASH begins a Period here.
    """

    id: str
    start: float
    kind: str
    duration: float | None = None
    title: str = ""
    values: dict[str, str | float] = {}
    period: bool = False

    @property
    def begin(self) -> Fraction:
        return Fraction(round(self.start * 1000), 1000)

    @property
    def end(self) -> Fraction:
        return self.begin + Fraction(round((self.duration or 0) * 1000), 1000)

    @property
    def divides(self) -> bool:
        """Do Periods begin at it?"""
        return self.period or self.kind == AD


@dataclass(frozen=True, slots=True)
class Marks:
    """By their start, then their id. False if there are none."""

    marks: tuple[Mark, ...] = ()
    edition: str = ""

    def __bool__(self) -> bool:
        return bool(self.marks)

    def within(self, begin: Fraction, end: Fraction) -> list[Mark]:
        """Those that are at some instant of [begin, end), in seconds of the film."""
        return [m for m in self.marks if m.begin < end and (m.end > begin or m.begin == m.end == begin)]

    def divisions(self) -> list[Fraction]:
        """The seconds at which a Period should begin: where a mark that divides begins, and where it ends."""
        ends = [mark.end for mark in self.marks if mark.divides and mark.end > mark.begin]
        return sorted({*(mark.begin for mark in self.marks if mark.divides), *ends})

    def to_bytes(self) -> bytes:
        return msgspec.json.encode(self.marks)


NO_MARKS = Marks()


NONE = Marks()


def parse(body: bytes, lasts: Fraction) -> Marks:
    """The marks that JSON spells, of a film of `lasts` seconds.

    Raises Problem malformed or too-large; it names the place as a JSON pointer (RFC 6901).
    """
    if len(body) > LARGEST:
        raise Problem("too-large", f"marks have at most {LARGEST >> 10} KiB")
    try:
        given = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError) as fault:
        raise Problem("malformed", f"this is no JSON: {fault}") from fault
    if not isinstance(given, list):
        raise _wrong("", "give a list of marks")
    if len(given) > MOST:
        raise _wrong("", f"a film has at most {MOST} marks, these are {len(given)}")
    found: dict[str, Mark] = {}
    for at, one in enumerate(given):
        mark = _mark(f"/{at}", one)
        if mark.id in found:
            raise _wrong(f"/{at}/id", f"{mark.id} is there twice")
        if mark.begin >= lasts:
            raise _wrong(f"/{at}/start", f"the film lasts {float(lasts):.3f} s")
        found[mark.id] = mark
    marks = of(found.values())
    if (periods := len(marks.divisions())) > MOST_PERIODS:
        raise _wrong("", f"at most {MOST_PERIODS} Periods can begin at marks of kind ad or with period, not {periods}")
    return marks


def of(marks: Any) -> Marks:
    """Marks that are known to be good."""
    ordered = tuple(sorted(marks, key=lambda mark: (mark.begin, mark.id)))
    if not ordered:
        return NONE
    return Marks(ordered, hashlib.sha256(msgspec.json.encode(ordered, order="deterministic")).hexdigest()[:16])


def from_bytes(body: bytes) -> Marks:
    """What `to_bytes` made. Raises msgspec.DecodeError."""
    return of(msgspec.json.decode(body, type=tuple[Mark, ...]))


def _mark(place: str, given: Any) -> Mark:
    try:
        mark = msgspec.convert(given, Mark)
    except msgspec.ValidationError as fault:
        raise _wrong(*_placed(place, str(fault))) from fault
    for field, why in _faults(mark):
        raise _wrong(f"{place}/{field}", why)
    return mark


def _placed(place: str, said: str) -> tuple[str, str]:
    """msgspec's `... - at `$.values[...]`` as a pointer and the rest."""
    found = _AT.search(said)
    if found is None:
        return place, said
    inner = found[1].removeprefix("$").replace("[...]", "").replace("[", "/").replace("]", "").replace(".", "/")
    return place + inner, said[: found.start()]


def _faults(mark: Mark) -> Iterator[tuple[str, str]]:
    if not _ID.fullmatch(mark.id):
        yield "id", "give 1 to 64 letters, digits and . _ : / - that begin with a letter or a digit"
    if not _ID.fullmatch(mark.kind):
        yield "kind", "give chapter, ad, credits or another word of letters, digits and . _ : / -"
    if not 0 <= mark.start <= _MOST_SECONDS:
        yield "start", "give seconds from the beginning of the film"
    if mark.duration is not None and not 0 <= mark.duration <= _MOST_SECONDS:
        yield "duration", "give seconds, or leave it out"
    if why := _unprintable(mark.title):
        yield "title", why
    if len(mark.values) > _MOST_VALUES:
        yield "values", f"at most {_MOST_VALUES}"
    for name, value in mark.values.items():
        pointer = "values/" + name.replace("~", "~0").replace("/", "~1")
        if not _VALUE_NAME.fullmatch(name) or name == _TITLE:
            yield pointer, "name it by capital letters, digits and hyphens, such as COM-EXAMPLE-SLOT; not TITLE"
        if isinstance(value, str):
            if why := _unprintable(value):
                yield pointer, why
        elif not math.isfinite(value) or abs(value) > _MOST_NUMBER:
            yield pointer, "the number is too large"


def _unprintable(text: str) -> str:
    """Why a quoted-string (RFC 8216bis 4.2) cannot hold this, empty if it can."""
    if len(text) > _LONGEST:
        return f"at most {_LONGEST} characters"
    if '"' in text or any(not c.isprintable() for c in text):
        return "no quotation marks, line breaks or control characters"
    return ""


def _wrong(pointer: str, why: str) -> Problem:
    return Problem("malformed", f"{pointer or 'the whole'}: {why}", pointer=pointer)
