"""Reads a DASH manifest into what a player makes of it (ISO/IEC 23009-1 5.3), with line numbers for findings.

Own reader over expat: ElementTree keeps no line numbers. A document type is refused: a manifest has none, and its
entities could fill the memory. Times in seconds, but segment times and durations in their timescale.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urljoin
from xml.parsers import expat

from node.probe.playlist import date

NAMESPACE = "urn:mpeg:dash:schema:mpd:2011"
_DURATION = re.compile(r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d*)?)S)?)?")
_IDENTIFIER = re.compile(r"\$(RepresentationID|Number|Bandwidth|Time|SubNumber)?(?:%0(\d+)d)?\$")
_MOST_SLOTS = 100_000


class Malformed(Exception):
    """No XML that can be read; the sentence says where."""


@dataclass(slots=True)
class Node:
    """`name` without namespace. Attribute names of other namespaces keep theirs: `urn:mpeg:cenc:2013 default_KID`."""

    name: str
    namespace: str
    line: int
    attributes: dict[str, str]
    children: list[Node] = field(default_factory=list)
    text: str = ""

    def all(self, name: str) -> list[Node]:
        return [child for child in self.children if child.name == name]

    def first(self, name: str) -> Node | None:
        return next((child for child in self.children if child.name == name), None)

    def get(self, name: str) -> str:
        return self.attributes.get(name, "")

    def walk(self) -> Iterator[Node]:
        yield self
        for child in self.children:
            yield from child.walk()


def parse(body: bytes) -> Node:
    """Raises Malformed."""
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    open_: list[Node] = []
    roots: list[Node] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        namespace, _, local = name.rpartition(" ")
        node = Node(local, namespace, parser.CurrentLineNumber, attributes)
        (open_[-1].children if open_ else roots).append(node)
        if len(open_) > 64:
            raise Malformed(f"line {node.line}: elements deeper than 64")
        open_.append(node)

    def end(name: str) -> None:
        open_.pop()

    def characters(text: str) -> None:
        if open_:
            open_[-1].text += text

    def doctype(*given: object) -> None:
        raise Malformed("a document type declaration")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = characters
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(body, True)
    except expat.ExpatError as fault:
        raise Malformed(str(fault)) from fault
    return roots[0]


def duration(text: str) -> float | None:
    """Seconds of an xs:duration; a month is 30 days, a year 365, as nobody counts on them."""
    found = _DURATION.fullmatch(text)
    if found is None or text in ("P", "PT") or text.endswith("T"):
        return None
    years, months, days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return ((years * 365 + months * 30 + days) * 24 + hours) * 3600 + minutes * 60 + seconds


def whole(text: str, default: int = 0) -> int:
    return int(text) if re.fullmatch(r"-?\d{1,20}", text) else default


@dataclass(frozen=True, slots=True)
class Slot:
    """One segment as the manifest announces it: `time` and `duration` in the timescale, `line` of its S."""

    number: int
    time: int
    duration: int
    line: int


@dataclass(slots=True, kw_only=True)
class Representation:
    """`template`: SegmentTemplate attributes of all levels, the nearest wins. `base`: BaseURLs, resolved."""

    id: str
    node: Node
    set_node: Node
    period: Period
    base: str
    template: dict[str, str]
    template_line: int
    timeline: Node | None
    segment_base: Node | None

    @property
    def timescale(self) -> int:
        return max(1, whole(self.template.get("timescale", ""), 1))

    @property
    def offset(self) -> int:
        return whole(self.template.get("presentationTimeOffset", ""))

    @property
    def bandwidth(self) -> int:
        return whole(self.node.get("bandwidth"))

    @property
    def image(self) -> bool:
        """Thumbnails (DASH-IF IOP 6.2.6): pictures beside the media, not media."""
        return "image" in (self.said("contentType"), self.said("mimeType").partition("/")[0])

    def said(self, name: str) -> str:
        """An attribute that an AdaptationSet may give for all its Representations (5.3.7)."""
        return self.node.get(name) or self.set_node.get(name)

    def url(self, template: str, slot: Slot | None = None) -> str:
        values = {"RepresentationID": self.id, "Bandwidth": self.bandwidth}
        if slot is not None:
            values |= {"Number": slot.number, "Time": slot.time}

        def spell(found: re.Match[str]) -> str:
            if found[1] is None:
                return "$"
            value = values.get(found[1], found[0])
            return f"{value:0{int(found[2])}d}" if found[2] and isinstance(value, int) else str(value)

        return urljoin(self.base, _IDENTIFIER.sub(spell, template))

    def slots(self, now: float) -> list[Slot]:
        """What is announced as available at `now` (UTC): the timeline, or what @duration gives."""
        return self._explicit(now) if self.timeline is not None else self._simple(now)

    def _explicit(self, now: float) -> list[Slot]:
        assert self.timeline is not None
        found: list[Slot] = []
        number = whole(self.template.get("startNumber", ""), 1)
        time = 0
        rows = self.timeline.all("S")
        for at, row in enumerate(rows):
            time = whole(row.get("t"), time)
            number = whole(row.get("n"), number)
            lasts = whole(row.get("d"))
            repeat = whole(row.get("r"))
            if lasts <= 0:
                continue
            if repeat < 0:
                after = rows[at + 1].get("t") if at + 1 < len(rows) else ""
                until = whole(after) if after else self._end(now)
                repeat = max(0, math.ceil((until - time) / lasts) - 1)
            for _ in range(min(repeat + 1, _MOST_SLOTS - len(found))):
                found.append(Slot(number, time, lasts, row.line))
                number, time = number + 1, time + lasts
        return found

    def _end(self, now: float) -> int:
        """Where an open repeat ends, in media time: the Period's end, or now."""
        period = self.period
        end = period.duration if period.duration is not None else now - period.manifest.start - period.start
        return math.floor(end * self.timescale) + self.offset

    def _simple(self, now: float) -> list[Slot]:
        lasts = whole(self.template.get("duration", ""))
        if lasts <= 0:
            return []
        seconds = lasts / self.timescale
        start = whole(self.template.get("startNumber", ""), 1)
        period, first, count = self.period, 0, 0
        if period.duration is not None:
            count = math.ceil(period.duration / seconds - 1e-6)
        if period.manifest.dynamic:
            here = now - period.manifest.start - period.start
            newest = math.floor(here / seconds + 1e-6)  # segments that have ended
            count = min(newest, count) if period.duration is not None else newest
            depth = period.manifest.depth
            first = max(0, math.ceil((here - depth) / seconds)) if depth is not None else 0
        last = min(count, first + _MOST_SLOTS)
        return [Slot(start + at, at * lasts + self.offset, lasts, self.template_line) for at in range(first, last)]


@dataclass(slots=True, kw_only=True)
class Period:
    """`duration` is None while the Period is open. `known`: its start can be told."""

    id: str
    node: Node
    manifest: Manifest
    start: float
    duration: float | None
    known: bool
    representations: list[Representation] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Manifest:
    """`start` is availabilityStartTime in seconds since 1970, 0 if there is none; `depth` timeShiftBufferDepth."""

    url: str
    node: Node
    dynamic: bool
    start: float
    depth: float | None
    update: float | None
    periods: list[Period] = field(default_factory=list)

    @property
    def representations(self) -> list[Representation]:
        return [one for period in self.periods for one in period.representations]


def manifest(node: Node, url: str) -> Manifest:
    found = Manifest(
        url=url,
        node=node,
        dynamic=node.get("type") == "dynamic",
        start=date(node.get("availabilityStartTime")) or 0.0,
        depth=duration(node.get("timeShiftBufferDepth")),
        update=duration(node.get("minimumUpdatePeriod")),
    )
    base = _base(node, url)
    nodes = node.all("Period")
    end: float | None = 0.0
    for at, period_node in enumerate(nodes):
        given = duration(period_node.get("start"))
        known = given is not None or end is not None
        start = given if given is not None else end or 0.0
        lasts = duration(period_node.get("duration"))
        after = duration(nodes[at + 1].get("start")) if at + 1 < len(nodes) else None
        if after is not None:
            lasts = after - start if lasts is None else min(lasts, after - start)
        elif lasts is None and at + 1 == len(nodes) and (all_ := duration(node.get("mediaPresentationDuration"))):
            lasts = all_ - start
        period = Period(
            id=period_node.get("id"), node=period_node, manifest=found, start=start, duration=lasts, known=known
        )
        end = start + lasts if lasts is not None else None
        found.periods.append(period)
        for set_node in period_node.all("AdaptationSet"):
            place = _base(set_node, _base(period_node, base))
            for one in set_node.all("Representation"):
                period.representations.append(_representation(one, set_node, period, _base(one, place)))
    return found


def _base(node: Node, url: str) -> str:
    base = node.first("BaseURL")
    return urljoin(url, base.text.strip()) if base else url


def _representation(node: Node, set_node: Node, period: Period, base: str) -> Representation:
    template: dict[str, str] = {}
    line, timeline, segment_base = 0, None, None
    for level in (period.node, set_node, node):
        if given := level.first("SegmentTemplate"):
            template |= given.attributes
            line = given.line
            timeline = given.first("SegmentTimeline") or timeline
            if init := given.first("Initialization"):
                template["initialization"] = init.get("sourceURL")
        segment_base = level.first("SegmentBase") or segment_base
    return Representation(
        id=node.get("id"),
        node=node,
        set_node=set_node,
        period=period,
        base=base,
        template=template,
        template_line=line,
        timeline=timeline,
        segment_base=segment_base,
    )
