"""A clip of an asset: the same segments under the same names, and playlists and manifests of some of them only.

What is printed of the whole is cut at segments, in all renditions at the same ones. A segment is the least that can be
cut: HLS says the exact instant within the first one as EXT-X-START (RFC 8216bis 4.4.2.2). A DASH Period could begin
within a segment (DASH-IF timing model 9.2), but players cut there with Media Source windows, which drop all until the
next keyframe; so it begins with the segment, and whoever wants the instant adds the anchor `#t=` to the manifest's
address (ISO/IEC 23009-1 annex C.4).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from xml.etree import ElementTree as ET

import numpy as np

from base.problems import Problem
from packager.dash import write_timeline
from packager.hls_tags import Tag, attributes, seconds
from packager.plan import Plan

_URI = 'URI="'
_OF_KEYS = "#EXT-X-SESSION-"  # no address of ours, and not a playlist's


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Segments `first` to `last`. `begin`, `end`: their seconds on the timeline that tfdt counts.

    `offset`: seconds from `begin` to the instant that was asked for, 0 if none was.
    """

    first: int
    last: int
    begin: Fraction
    end: Fraction
    offset: Fraction = Fraction(0)


def span(plan: Plan, start_ms: int, end_ms: int) -> Span:
    """The segments that hold [start, end) of the presentation; -1: from its beginning, to its end.

    Raises Problem malformed if the presentation is over before it.
    """
    reference = plan.tracks[0]
    scale, origin = reference.track.format.timescale, plan.origin
    start, end = Fraction(max(start_ms, 0), 1000), Fraction(end_ms, 1000)
    if start >= plan.duration:
        raise Problem("malformed", f"start lies behind the end: this lasts {float(plan.duration):.3f} s")
    cuts = reference.start[:-1]
    first = max(0, int(np.searchsorted(cuts, math.floor((start + origin) * scale), "right")) - 1)
    last = plan.count - 1
    if end_ms >= 0 and end < plan.duration:
        last = max(first, int(np.searchsorted(cuts, math.ceil((end + origin) * scale))) - 1)
    begin = max(origin, Fraction(int(cuts[first]), scale)) if first else origin
    stop = Fraction(int(cuts[last + 1]), scale) if last + 1 < plan.count else origin + plan.duration
    return Span(first=first, last=last, begin=begin, end=stop, offset=start - (begin - origin))


def media_playlist(text: str, cut: Span) -> str:
    """The lines of these segments of a whole media playlist on demand, whose segments count from 0."""
    head, segments, tail = _parts(text)
    head = [f"{Tag.MEDIA_SEQUENCE}:{cut.first}" if line.startswith(Tag.MEDIA_SEQUENCE) else line for line in head]
    keys: list[str] = []  # those in force, where they changed since the beginning (4.4.4.4)
    for segment in segments[: cut.first]:
        keys = [line for line in segment if line.startswith(Tag.KEY)] or keys
    head += keys
    if cut.offset:
        head.append(_start(cut))
    kept = segments[cut.first : cut.last + 1]
    if not kept or all(line.startswith(Tag.GAP) for segment in kept for line in segment[:1]):
        raise Problem("unknown", "the track has nothing in this clip", cache_control="public, max-age=2")
    return "\n".join([*head, *(line for segment in kept for line in segment), *tail]) + "\n"


def _parts(text: str) -> tuple[list[str], list[list[str]], list[str]]:
    """What comes before the first segment, the lines of each segment, and what comes after the last."""
    head: list[str] = []
    segments: list[list[str]] = []
    lines: list[str] = []
    begun = False
    for line in text.splitlines():
        begun = begun or line.startswith((Tag.INF, Tag.GAP, Tag.BYTERANGE))
        if not begun:
            head.append(line)
            continue
        lines.append(line)
        if not line.startswith("#"):
            segments.append(lines)
            lines = []
    return head, segments, lines


def multivariant(text: str, query: str, cut: Span | None) -> str:
    """A multivariant playlist whose media playlists are asked with the same query, and which starts at the instant."""
    lines = list(_asked(text.splitlines(), query))
    if cut is not None and cut.offset:
        lines.insert(2, _start(cut))  # behind EXTM3U and the version
    return "\n".join(lines) + "\n"


def _asked(lines: list[str], query: str) -> Iterator[str]:
    for line in lines:
        if not line.startswith("#"):
            yield f"{line}?{query}"
        elif _URI in line and not line.startswith(_OF_KEYS):
            before, _, after = line.partition(_URI)
            uri, _, rest = after.partition('"')
            yield f'{before}{_URI}{uri}?{query}"{rest}'
        else:
            yield line


def _start(cut: Span) -> str:
    return attributes(Tag.START, TIME_OFFSET=seconds(float(cut.offset)), PRECISE="YES")


def period(element: ET.Element, cut: Span) -> None:
    """Cut a Period in place: the timelines' rows of these segments, offsets to where the first of them begins.

    An AdaptationSet that has nothing there, or that is no timeline, leaves.
    """
    for adaptation in element.findall("AdaptationSet"):
        for representation in adaptation.findall("Representation"):
            template = representation.find("SegmentTemplate")
            if template is None or not _cut_template(template, cut):
                adaptation.remove(representation)
        if adaptation.find("Representation") is None:
            element.remove(adaptation)


def _cut_template(template: ET.Element, cut: Span) -> bool:
    timeline = template.find("SegmentTimeline")
    if timeline is None:
        return False
    kept = [row for row in rows(timeline, int(template.get("startNumber", "1"))) if cut.first <= row[0] <= cut.last]
    if not kept:
        return False
    template.set("startNumber", str(kept[0][0]))
    template.set("presentationTimeOffset", str(math.ceil(cut.begin * int(template.get("timescale", "1")))))
    template.remove(timeline)
    write_timeline(template, kept, kept[0][0])
    return True


def rows(timeline: ET.Element, number: int) -> Iterator[tuple[int, int, int]]:
    """(number, time, duration) of each segment."""
    time = 0
    for row in timeline:
        time, number = int(row.get("t", time)), int(row.get("n", number))
        duration = int(row.get("d", "0"))
        for _ in range(1 + int(row.get("r", "0"))):
            yield number, time, duration
            time, number = time + duration, number + 1
