"""Marks in DASH (ISO/IEC 23009-1, 5th edition): events of the MPD (5.10.2), and Periods that begin at marks.

A Period begins at the segment boundary at or after its mark, in all representations at the same one: nothing is cut
anew. Media times run on from Period to Period, and each set says so (5.3.2.4, period continuity), so players append
without a reset. All Periods are of one asset, as AssetIdentifier says.
"""

from __future__ import annotations

import copy
import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from xml.etree import ElementTree as ET

import msgspec
import numpy as np

from packager import clip
from packager.clip import Span
from packager.dash import duration, write_timeline
from packager.marks import Marks
from packager.plan import Plan

# Ours: the standard has no scheme for chapters and the like, and those of SCTE 35 carry its own sections.
MARKS_SCHEME, ASSET_SCHEME = "urn:headwater:marks:1", "urn:headwater:asset:1"
CONTINUITY = "urn:mpeg:dash:period-continuity:2015"
# What stands before SupplementalProperty in a set (5.3.7.2: RepresentationBaseType).
_BEFORE = ("FramePacking", "AudioChannelConfiguration", "ContentProtection", "OutputProtection", "EssentialProperty")
_EARLY = Fraction(1, 100)  # by which a boundary may come before its mark: marks are in ms, frames are not
_Rows = list[tuple[int, int, int]]


def spans(plan: Plan, whole: Span, divisions: Sequence[Fraction]) -> list[Span]:
    """The segments of each Period. `divisions`: seconds of the film at which one should begin."""
    reference = plan.tracks[0]
    scale, cuts = reference.track.format.timescale, reference.start[:-1]
    wanted = {int(np.searchsorted(cuts, math.ceil((at - _EARLY + plan.origin) * scale))) for at in divisions}
    begins = {number: Fraction(int(cuts[number]), scale) for number in wanted if whole.first < number <= whole.last}
    firsts = sorted(number for number, begin in begins.items() if whole.begin < begin < whole.end)
    return [
        Span(
            first=first,
            last=following - 1,
            begin=begins[first] if at else whole.begin,
            end=begins[following] if following <= whole.last else whole.end,
        )
        for at, (first, following) in enumerate(zip([whole.first, *firsts], [*firsts, whole.last + 1], strict=True))
    ]


def apply(mpd: ET.Element, period: ET.Element, title: str, plan: Plan, parts: Sequence[Span], marks: Marks) -> None:
    """Put events into the MPD's one Period, and make one Period of each of `parts` if they are several."""
    if not marks:
        return
    made = [period]
    if len(parts) > 1:
        made = _divided(period, parts, plan.origin)
        mpd.remove(period)
        mpd.extend(made)
    for at, (one, part) in enumerate(zip(made, parts, strict=True)):
        if (events := _events(marks, part.begin - plan.origin, part.end - plan.origin, first=not at)) is not None:
            one.insert(0, events)
        if len(made) > 1:
            one.insert(0, ET.Element("AssetIdentifier", schemeIdUri=ASSET_SCHEME, value=title))


def _events(marks: Marks, begin: Fraction, end: Fraction, *, first: bool) -> ET.Element | None:
    """The marks that begin in a Period; in the first one also those that began before it.

    Times are of the film, in ms, and the offset says where in it the Period begins. The message is the mark as JSON.
    """
    ids = {mark.id: number for number, mark in enumerate(marks.marks, 1)}
    found = [mark for mark in marks.within(begin, end) if first or mark.begin >= begin]
    if not found:
        return None
    stream = ET.Element(
        "EventStream", schemeIdUri=MARKS_SCHEME, timescale="1000", presentationTimeOffset=str(round(begin * 1000))
    )
    for mark in found:
        event = ET.SubElement(stream, "Event", presentationTime=str(int(mark.begin * 1000)), id=str(ids[mark.id]))
        if mark.duration is not None:
            event.set("duration", str(int((mark.end - mark.begin) * 1000)))
        event.text = msgspec.json.encode(mark).decode()
    return stream


@dataclass(frozen=True, slots=True)
class _Template:
    """`rows` of its timeline; without one the ms that each of its segments lasts, which count from the film's start."""

    rows: _Rows
    lasts_ms: int = 0

    def fill(self, template: ET.Element, part: Span, origin: Fraction) -> bool:
        """Write the segments of a Period. False if there are none."""
        begin = part.begin
        if self.lasts_ms:
            first = math.floor((part.begin - origin) * 1000 / self.lasts_ms)
            end = math.ceil((part.end - origin) * 1000 / self.lasts_ms)
            rows = [(n, n * self.lasts_ms, self.lasts_ms) for n in range(first, end)]
            begin = part.begin - origin
        else:
            rows = self.rows[bisect_left(self.rows, (part.first,)) : bisect_left(self.rows, (part.last + 1,))]
        if not rows:
            return False
        template.set("startNumber", str(rows[0][0]))
        template.set("presentationTimeOffset", str(math.ceil(begin * int(template.get("timescale", "1")))))
        write_timeline(template, rows, rows[0][0])
        return True


def _divided(period: ET.Element, parts: Sequence[Span], origin: Fraction) -> list[ET.Element]:
    templates = [_emptied(template) for template in period.iter("SegmentTemplate")]
    made: list[ET.Element] = []
    start = Fraction(0)
    for at, part in enumerate(parts):
        one = copy.deepcopy(period)
        until = part.end - parts[0].begin
        one.attrib.update(id=str(at), start=duration(start), duration=_between(start, until))
        start = until
        empty = [
            template
            for template, known in zip(list(one.iter("SegmentTemplate")), templates, strict=True)
            if not known.fill(template, part, origin)
        ]
        for adaptation in one.findall("AdaptationSet"):
            for representation in adaptation.findall("Representation"):
                if any(template in empty for template in representation.findall("SegmentTemplate")):
                    adaptation.remove(representation)
            if adaptation.find("Representation") is None:
                one.remove(adaptation)
        if made:
            _continue(made[-1], one)
        made.append(one)
    return made


def _emptied(template: ET.Element) -> _Template:
    timeline = template.find("SegmentTimeline")
    if timeline is None:
        return _Template([], int(template.attrib.pop("duration")) * 1000 // int(template.get("timescale", "1")))
    template.remove(timeline)
    return _Template(list(clip.rows(timeline, int(template.get("startNumber", "1")))))


def _between(start: Fraction, end: Fraction) -> str:
    """What is left between two instants that are printed to the microsecond, so that Periods join exactly."""
    return duration(Fraction(math.floor(end * 1_000_000) - math.floor(start * 1_000_000), 1_000_000))


def _continue(before: ET.Element, period: ET.Element) -> None:
    """Say of each set of media that it goes on with the one of its id in the Period before."""
    known = {adaptation.get("id") for adaptation in before.findall("AdaptationSet")}
    for adaptation in period.findall("AdaptationSet"):
        if adaptation.get("id") in known and adaptation.get("contentType") != "image":
            at = sum(child.tag in _BEFORE for child in adaptation)
            said = ET.Element("SupplementalProperty", schemeIdUri=CONTINUITY, value=before.get("id", ""))
            adaptation.insert(at, said)
