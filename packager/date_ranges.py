"""Marks in HLS: EXT-X-DATERANGE (RFC 8216bis 4.4.5.1) in every media playlist of a film, the same in all of them.

A date range needs dates. A film has none of its own, so the film begins at EPOCH: what is said of 1:30 is said of
2000-01-01T00:01:30Z, on every node and in every clip. See docs/decisions/0012-dates-of-marks.md.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction

from packager.hls_tags import Tag, attributes, quoted, seconds
from packager.marks import Mark, Marks

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_FIRST = (Tag.INF, Tag.GAP, Tag.BYTERANGE)


def date(at: Fraction) -> str:
    """The date of an instant of the film, to the millisecond (4.4.4.6)."""
    return (EPOCH + timedelta(milliseconds=round(at * 1000))).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def marked(text: str, marks: Marks, starts: Fraction, begin: Fraction, end: Fraction) -> str:
    """A media playlist with the marks that overlap [begin, end) of the film, unchanged if the film has none.

    `starts`: the instant of the film at which the playlist's first segment does. Without a mark in it the playlist has
    the date all the same: all renditions map dates alike (6.2.4).
    """
    if not marks:
        return text
    lines = text.splitlines()
    first = next(at for at, line in enumerate(lines) if line.startswith(_FIRST))
    said = [f"{Tag.PROGRAM_DATE_TIME}:{date(starts)}", *map(_line, marks.within(begin, end))]
    return "\n".join([*lines[:first], *said, *lines[first:]]) + "\n"


def _line(mark: Mark) -> str:
    values = {f"X_{name}": _value(value) for name, value in mark.values.items()}
    return attributes(
        Tag.DATERANGE,
        ID=quoted(mark.id),
        CLASS=quoted(mark.kind),
        START_DATE=quoted(date(mark.begin)),
        DURATION=None if mark.duration is None else seconds(float(mark.end - mark.begin)),
        X_TITLE=quoted(mark.title) if mark.title else None,
        **values,
    )


def _value(value: str | float) -> str:
    return quoted(value) if isinstance(value, str) else seconds(value)
