"""Reads an HLS playlist as far as it can be read: rules judge what is odd, the reader does not stop at it.

`read` splits text into tags and URI lines; `media` makes of them what a player would, `node.probe.variants` of those
of a multivariant playlist. Durations in seconds, dates in seconds since 1970, lines count from 1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import parse_qsl, urljoin, urlsplit

from node.probe.tags import SHAPES

_PAIR = re.compile(r'([^=,]*)=("[^"]*"|[^,]*)(?:,|$)')
_VARIABLE = re.compile(r"\{\$([A-Za-z0-9_-]+)\}")
_MULTIVARIANT = frozenset(name for name, shape in SHAPES.items() if shape.place == "multivariant")


@dataclass(frozen=True, slots=True)
class Tag:
    """`pairs`: the attribute list as it is spelt, strings with their quotation marks."""

    name: str
    value: str
    line: int
    pairs: tuple[tuple[str, str], ...] = ()

    def get(self, name: str) -> str:
        """An attribute's value without quotation marks; empty if there is none."""
        return next((value.strip('"') for key, value in self.pairs if key == name), "")

    def seconds(self, name: str) -> float | None:
        return number(self.get(name))


@dataclass(frozen=True, slots=True)
class Uri:
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Document:
    """A playlist as lines. `variables`: what EXT-X-DEFINE gave (4.3)."""

    url: str
    text: str
    rows: tuple[Tag | Uri, ...]
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def tags(self) -> list[Tag]:
        return [row for row in self.rows if isinstance(row, Tag)]

    def all(self, name: str) -> list[Tag]:
        return [row for row in self.rows if isinstance(row, Tag) and row.name == name]

    def first(self, name: str) -> Tag | None:
        return next((row for row in self.rows if isinstance(row, Tag) and row.name == name), None)

    @property
    def is_multivariant(self) -> bool:
        return any(tag.name in _MULTIVARIANT for tag in self.tags)


def number(text: str) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None


def date(text: str) -> float | None:
    """Seconds since 1970 of an ISO 8601 date with a zone, else None."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.timestamp() if found.tzinfo else None


def pairs(text: str) -> tuple[tuple[tuple[str, str], ...], str]:
    """An attribute list, and what of it could not be read (empty if all could)."""
    found: list[tuple[str, str]] = []
    at = 0
    while at < len(text):
        hit = _PAIR.match(text, at)
        if hit is None or hit.end() == at:
            return tuple(found), text[at:]
        found.append((hit[1], hit[2]))
        at = hit.end()
    return tuple(found), ""


def read(text: str, url: str, imported: Mapping[str, str] | None = None) -> Document:
    """`imported`: the variables of the multivariant playlist that led here."""
    query = dict(parse_qsl(urlsplit(url).query))
    variables: dict[str, str] = {}
    rows: list[Tag | Uri] = []
    for at, raw in enumerate(text.split("\n"), 1):
        line = raw.strip("\r \t")
        if not line or (line.startswith("#") and not line.startswith("#EXT")):
            continue
        if not line.startswith("#"):
            rows.append(Uri(_substituted(line, variables), at))
            continue
        name, _, value = line[1:].partition(":")
        listed: tuple[tuple[str, str], ...] = ()
        if name in SHAPES and SHAPES[name].attributes:
            listed = tuple((key, _substituted(given, variables)) for key, given in pairs(value)[0])
        tag = Tag(name, value, at, listed)
        rows.append(tag)
        if name == "EXT-X-DEFINE":
            if tag.get("NAME"):
                variables[tag.get("NAME")] = tag.get("VALUE")
            elif tag.get("IMPORT"):
                variables[tag.get("IMPORT")] = (imported or {}).get(tag.get("IMPORT"), "")
            elif tag.get("QUERYPARAM"):
                variables[tag.get("QUERYPARAM")] = query.get(tag.get("QUERYPARAM"), "")
    return Document(url, text, tuple(rows), variables)


def _substituted(text: str, variables: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda hit: variables.get(hit[1], hit[0]), text) if "{$" in text else text


@dataclass(frozen=True, slots=True)
class Range:
    """`start` -1: not said."""

    length: int
    start: int = -1


@dataclass(frozen=True, slots=True)
class Map:
    uri: str
    range: Range | None
    line: int
    keys: tuple[Tag, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    uri: str
    duration: float
    line: int
    independent: bool = False
    gap: bool = False
    range: Range | None = None


@dataclass(slots=True, kw_only=True)
class Segment:
    """`uri` is empty while only parts are listed. `date`: of its own tag or counted on from one before (None: none).

    `head_line` is the line of the last tag that holds for the segment as a whole.
    """

    number: int
    uri: str = ""
    line: int = 0
    duration: float = 0.0
    has_duration: bool = False
    discontinuity: bool = False
    discontinuity_number: int = 0
    gap: bool = False
    map: Map | None = None
    keys: tuple[Tag, ...] = ()
    date: float | None = None
    dated: bool = False
    range: Range | None = None
    kbits: int = 0
    head_line: int = 0
    parts: list[Part] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Media:
    """A media playlist. `segments` are whole; `open` has the parts of the one that is being made, or is None."""

    document: Document
    target: float
    first: int
    discontinuity_first: int
    segments: list[Segment]
    open: Segment | None
    part_target: float
    skipped: int

    @property
    def url(self) -> str:
        return self.document.url

    @property
    def ended(self) -> bool:
        return self.document.first("EXT-X-ENDLIST") is not None

    @property
    def kind(self) -> str:
        tag = self.document.first("EXT-X-PLAYLIST-TYPE")
        return tag.value if tag else ""

    @property
    def iframes(self) -> bool:
        return self.document.first("EXT-X-I-FRAMES-ONLY") is not None

    @property
    def independent(self) -> bool:
        return self.document.first("EXT-X-INDEPENDENT-SEGMENTS") is not None

    @property
    def control(self) -> Tag | None:
        return self.document.first("EXT-X-SERVER-CONTROL")

    @property
    def blocking(self) -> bool:
        return self.control is not None and self.control.get("CAN-BLOCK-RELOAD") == "YES"

    @property
    def skip_until(self) -> float:
        return (self.control.seconds("CAN-SKIP-UNTIL") if self.control else None) or 0.0

    @property
    def low_latency(self) -> bool:
        return self.part_target > 0

    @property
    def listed(self) -> list[Segment]:
        return [*self.segments, self.open] if self.open else self.segments

    @property
    def last(self) -> tuple[int, int]:
        """(number, part) of what is listed last; part -1: a whole segment. (-1, -1) if nothing is listed."""
        if self.open and self.open.parts:
            return self.open.number, len(self.open.parts) - 1
        return (self.segments[-1].number, -1) if self.segments else (self.first + self.skipped - 1, -1)

    @property
    def next(self) -> tuple[int, int]:
        """(number, part) of what comes next."""
        number, part = self.last
        return (number, part + 1) if part >= 0 else (number + 1, 0)

    def has(self, number: int, part: int = -1) -> bool:
        """Is there segment `number` as a whole (part -1), that part, or anything later? (6.2.5.2)"""
        last, last_part = self.last
        if last > number or (last == number and last_part < 0):
            return True
        return part >= 0 and last == number and last_part >= part

    @property
    def hint(self) -> str:
        return next((t.get("URI") for t in self.document.all("EXT-X-PRELOAD-HINT") if t.get("TYPE") == "PART"), "")

    @property
    def seconds(self) -> float:
        """All that is listed, parts of the open segment with it."""
        return sum(s.duration for s in self.segments) + sum(p.duration for p in (self.open.parts if self.open else ()))

    @property
    def end_date(self) -> float | None:
        """The date at which what is listed ends."""
        listed = self.listed
        if not listed or listed[-1].date is None:
            return None
        return listed[-1].date + (listed[-1].duration or sum(p.duration for p in listed[-1].parts))

    def absolute(self, uri: str) -> str:
        return urljoin(self.document.url, uri)


_HEADS = frozenset({"EXT-X-DISCONTINUITY", "EXT-X-KEY", "EXT-X-MAP", "EXT-X-PROGRAM-DATE-TIME"})


def media(document: Document) -> Media:
    first = _int(document, "EXT-X-MEDIA-SEQUENCE")
    skip = document.first("EXT-X-SKIP")
    skipped = int(skip.seconds("SKIPPED-SEGMENTS") or 0) if skip else 0
    breaks = _int(document, "EXT-X-DISCONTINUITY-SEQUENCE")
    found = Media(
        document=document,
        target=number(_value(document, "EXT-X-TARGETDURATION")) or 0.0,
        first=first,
        discontinuity_first=breaks,
        segments=[],
        open=None,
        part_target=(tag.seconds("PART-TARGET") if (tag := document.first("EXT-X-PART-INF")) else None) or 0.0,
        skipped=skipped,
    )
    now = Segment(number=first + skipped)
    map_: Map | None = None
    keys: dict[str, Tag] = {}
    clock: float | None = None
    kbits = 0
    for row in document.rows:
        if isinstance(row, Uri):
            now.uri, now.line, now.map, now.keys, now.kbits = row.text, row.line, map_, tuple(keys.values()), kbits
            now.range = _continued(now.range, now.uri, found.segments)
            now.discontinuity_number = breaks
            if now.date is None and not now.discontinuity:
                now.date = clock
            clock = now.date + now.duration if now.date is not None else None
            found.segments.append(now)
            now = Segment(number=now.number + 1)
            continue
        if row.name in _HEADS:
            now.head_line = row.line
        match row.name:
            case "EXTINF":
                seconds = number(row.value.partition(",")[0])
                now.has_duration = seconds is not None and seconds >= 0
                now.duration = seconds or 0.0
            case "EXT-X-BYTERANGE":
                now.range = byte_range(row.value)
            case "EXT-X-DISCONTINUITY":
                now.discontinuity = True
                breaks += 1
            case "EXT-X-GAP":
                now.gap = True
            case "EXT-X-MAP":
                map_ = Map(row.get("URI"), byte_range(row.get("BYTERANGE")), row.line, tuple(keys.values()))
            case "EXT-X-KEY":
                if row.get("METHOD") == "NONE":
                    keys = {}
                else:
                    keys[row.get("KEYFORMAT") or "identity"] = row
            case "EXT-X-PROGRAM-DATE-TIME":
                now.date, now.dated = date(row.value), True
            case "EXT-X-BITRATE":
                kbits = int(number(row.value) or 0)
            case "EXT-X-PART":
                now.parts.append(
                    Part(
                        uri=row.get("URI"),
                        duration=row.seconds("DURATION") or 0.0,
                        line=row.line,
                        independent=row.get("INDEPENDENT") == "YES",
                        gap=row.get("GAP") == "YES",
                        range=_part_range(row, found.segments[-1:], now.parts),
                    )
                )
    if now.parts:
        now.map, now.keys, now.discontinuity_number = map_, tuple(keys.values()), breaks
        if now.date is None and not now.discontinuity:
            now.date = clock
        found.open = now
    return found


def _continued(given: Range | None, uri: str, before: list[Segment]) -> Range | None:
    """4.4.4.2: without an offset a range starts where the one of the segment before ended, in the same resource."""
    if given is None or given.start >= 0 or not before or before[-1].uri != uri or before[-1].range is None:
        return given
    last = before[-1].range
    return Range(given.length, last.start + last.length) if last.start >= 0 else given


def _part_range(tag: Tag, before: list[Segment], parts: list[Part]) -> Range | None:
    """4.4.4.9: as with segments, counted on from the part before, which may be of the segment before."""
    given = byte_range(tag.get("BYTERANGE"))
    last = parts[-1] if parts else before[-1].parts[-1] if before and before[-1].parts else None
    if given is None or given.start >= 0 or last is None or last.range is None or last.uri != tag.get("URI"):
        return given
    return Range(given.length, last.range.start + last.range.length)


def byte_range(text: str) -> Range | None:
    length, _, start = text.partition("@")
    if not length.isdecimal():
        return None
    return Range(int(length), int(start) if start.isdecimal() else -1)


def _value(document: Document, name: str) -> str:
    tag = document.first(name)
    return tag.value if tag else ""


def _int(document: Document, name: str) -> int:
    text = _value(document, name)
    return int(text) if text.isdecimal() else 0
