"""Text in DASH: an AdaptationSet for each text and form (ISO/IEC 23009-1; DASH-IF IOP 6; roles: 23009-1 5.8.5.5)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from xml.etree import ElementTree as ET

from base.names import Kind, Leaf, Name
from base.uris import media_template
from packager.text.hls import label
from packager.text.plan import TIMESCALE, TextPlan
from packager.text.tracks import generations, report

_ROLE = "urn:mpeg:dash:role:2011"
# DVB's way to say for whom captions are: TS 103 285 7.1.2
_PURPOSE, _HARD_OF_HEARING = "urn:tva:metadata:cs:AudioPurposeCS:2007", "2"
_FIRST_ID = 1000  # ids of a Period differ: those of the media count from 0


def adaptation_sets(title: str, texts: Sequence[TextPlan], forms: Sequence[str], origin: Fraction) -> list[ET.Element]:
    """`forms`: of init.FORMATS, in the order in which a player should see them. `origin`: see Plan.origin."""
    found: list[ET.Element] = []
    for plan in texts:
        for form in forms:
            found.append(_adaptation_set(title, plan, form, origin, _FIRST_ID + len(found)))
    return found


def _adaptation_set(title: str, plan: TextPlan, form: str, origin: Fraction, number: int) -> ET.Element:
    text, said, track = plan.text, report(plan, form), plan.name + form
    adaptation = ET.Element(
        "AdaptationSet",
        id=str(number),
        contentType="text",
        mimeType="application/mp4",
        lang=text.language,
        segmentAlignment="true",
        startWithSAP="1",
    )
    ET.SubElement(adaptation, "Label").text = label(text)
    captions = text.role == "captions"
    if captions:
        ET.SubElement(adaptation, "Accessibility", schemeIdUri=_ROLE, value="caption")
        ET.SubElement(adaptation, "Accessibility", schemeIdUri=_PURPOSE, value=_HARD_OF_HEARING)
    role = "forced-subtitle" if text.forced else "caption" if captions else "subtitle"
    ET.SubElement(adaptation, "Role", schemeIdUri=_ROLE, value=role)
    if text.default:
        ET.SubElement(adaptation, "Role", schemeIdUri=_ROLE, value="main")
    representation = ET.SubElement(
        adaptation, "Representation", id=track, bandwidth=str(said.bandwidth), codecs=said.codec
    )
    generation = generations(plan)[track]
    init = Name(
        kind=Kind.VOD, title=title, edition=plan.edition, track=track, leaf=Leaf.INIT, generation=generation
    )  # fmt: skip
    template = ET.SubElement(
        representation,
        "SegmentTemplate",
        timescale=str(TIMESCALE),
        presentationTimeOffset=str(math.ceil(origin * TIMESCALE)),
        initialization=init.relative,
        media=media_template(plan.edition, track),
        startNumber="0",
    )
    _timeline(template, plan.cuts)
    return adaptation


def _timeline(template: ET.Element, cuts: Sequence[int]) -> None:
    """5.3.9.6: @t of the first, @r for those that last as long as the one before."""
    timeline = ET.SubElement(template, "SegmentTimeline")
    element, repeat = None, 0
    for start, end in pairwise(cuts):
        length = str(end - start)
        if element is not None and element.get("d") == length:
            repeat += 1
            element.set("r", str(repeat))
            continue
        first = {"t": str(start)} if element is None else {}
        element, repeat = ET.SubElement(timeline, "S", first | {"d": length}), 0
