"""Manifests as a viewer reads them: which segments there are now, by what name, and when they begin.

SegmentTemplate with SegmentTimeline or with a constant duration (ISO/IEC 23009-1 5.3.9.4, 5.3.9.6), static and dynamic.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lxml import etree

_NS = "{urn:mpeg:dash:schema:mpd:2011}"


@dataclass(frozen=True, slots=True)
class Segment:
    """`time`, `duration` in the template's timescale."""

    number: int
    time: int
    duration: int
    after_break: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The first representation of one adaptation set in one period."""

    name: str
    timescale: int
    init: str
    media: str
    tolerance_s: float
    segments: tuple[Segment, ...]

    def uri(self, segment: Segment) -> str:
        return _filled(self.media, self.name, segment)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    live: bool
    update_s: float
    rows: tuple[Row, ...]

    def names(self) -> list[str]:
        """Representations by their ids, each once, however many periods there are."""
        return list(dict.fromkeys(row.name for row in self.rows))

    def of(self, name: str) -> list[Row]:
        """One representation, period by period."""
        return [row for row in self.rows if row.name == name]

    def start(self, name: str) -> int:
        """The number to begin with: on demand the first, live the last but two."""
        numbers = [segment.number for row in self.of(name) for segment in row.segments]
        if not numbers:
            return 0
        return numbers[-min(3, len(numbers))] if self.live else numbers[0]


def read_manifest(text: str, now: float) -> Schedule:
    """`now`: UTC in seconds; decides what a number-and-duration template makes available."""
    mpd = etree.fromstring(text.encode())
    live = mpd.get("type") == "dynamic"
    update_s = _duration(mpd.get("minimumUpdatePeriod")) or 1.0
    rows = []
    for period in mpd.iter(f"{_NS}Period"):
        for group in period.iter(f"{_NS}AdaptationSet"):
            if group.get("contentType") == "image":
                continue  # thumbnails: nothing that plays
            representation = group.find(f"{_NS}Representation")
            template = representation.find(f"{_NS}SegmentTemplate")
            if template is None:
                template = group.find(f"{_NS}SegmentTemplate")
            rows.append(_row(mpd, period, representation, template, live, now))
    return Schedule(live=live, update_s=max(0.5, update_s), rows=tuple(rows))


def _row(mpd: Any, period: Any, representation: Any, template: Any, live: bool, now: float) -> Row:
    timescale = int(template.get("timescale", "1"))
    first = int(template.get("startNumber", "1"))
    timeline = template.find(f"{_NS}SegmentTimeline")
    name = representation.get("id")
    if timeline is not None:
        segments = _timeline(timeline, first)
    else:
        duration = int(template.get("duration"))
        begin = _duration(period.get("start")) or 0.0
        if live:
            elapsed = now - _instant(mpd.get("availabilityStartTime")) - begin
            window = _duration(mpd.get("timeShiftBufferDepth")) or 30.0
            ahead = float(template.get("availabilityTimeOffset", "0"))
            last = int((elapsed + min(ahead, 0.0)) * timescale / duration)
            oldest = max(0, last - int(window * timescale / duration))
        else:
            total = _duration(period.get("duration")) or _duration(mpd.get("mediaPresentationDuration")) or 0.0
            oldest, last = 0, -int(-total * timescale // duration)
        offset = int(template.get("presentationTimeOffset", "0"))
        segments = [Segment(first + at, offset + at * duration, duration) for at in range(oldest, last)]
    return Row(
        name=name,
        timescale=timescale,
        init=_filled(template.get("initialization"), name, None),
        media=template.get("media"),
        # Only a timeline says exactly when a segment begins (5.3.9.5.3 allows half a duration otherwise).
        tolerance_s=0.0005 if timeline is not None else segments[0].duration / timescale / 2 if segments else 0.0,
        segments=tuple(segments),
    )


def _timeline(timeline: Any, first: int) -> list[Segment]:
    found: list[Segment] = []
    number, time = first, 0
    for entry in timeline.findall(f"{_NS}S"):
        broken = entry.get("t") is not None and bool(found) and int(entry.get("t")) != time
        time = int(entry.get("t", time))
        number = int(entry.get("n", number))
        duration = int(entry.get("d"))
        for _ in range(1 + int(entry.get("r", "0"))):
            found.append(Segment(number, time, duration, broken))
            number, time, broken = number + 1, time + duration, False
    return found


def _filled(template: str, name: str, segment: Segment | None) -> str:
    """5.3.9.4.4: the identifiers and their format tags."""

    def one(found: re.Match[str]) -> str:
        word, width = found[1], found[2]
        values = {"RepresentationID": name, "Number": segment and segment.number, "Time": segment and segment.time}
        return f"{int(values[word] or 0):0{width}d}" if width else str(values[word])

    return re.sub(r"\$(RepresentationID|Number|Time)(?:%0(\d+)d)?\$", one, template)


def _duration(text: str | None) -> float | None:
    """xs:duration with days to seconds, as manifests use it."""
    if text is None:
        return None
    found = re.fullmatch(r"P(?:(\d+)D)?T?(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?", text)
    assert found, f"{text!r} is no duration"
    days, hours, minutes, seconds = (float(word or 0) for word in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def _instant(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
