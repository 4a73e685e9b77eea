"""Text in DASH manifests."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from packager.text.dash import adaptation_sets
from packager.text.init import FORMATS
from packager.text.plan import TextPlan
from packager.text.tracks import generations
from tests.packager.text.texts import film, text_plan


def sets(*texts: TextPlan, forms: tuple[str, ...] = ("wvtt",)) -> list[ET.Element]:
    return adaptation_sets("film", texts, forms, film().origin)


def test_a_set_names_its_segments() -> None:
    plan = text_plan([])
    first, second = sets(plan, forms=FORMATS)
    assert (first.get("contentType"), first.get("mimeType"), first.get("lang")) == ("text", "application/mp4", "de")
    representation = first.find("Representation")
    assert representation is not None
    assert (representation.get("id"), representation.get("codecs")) == ("s1wvtt", "wvtt")
    template = representation.find("SegmentTemplate")
    assert template is not None
    assert template.get("media") == f"{plan.edition}/s1wvtt/$Number$.m4s"
    assert template.get("initialization") == f"{plan.edition}/s1wvtt/init-{generations(plan)['s1wvtt']}.mp4"
    (one,) = template.iter("S")
    assert one.attrib == {"t": "0", "d": "180000", "r": "3"}
    found = second.find("Representation")
    assert found is not None and found.get("codecs") == "stpp.ttml.im1t" and first.get("id") != second.get("id")


@pytest.mark.rule(
    "ISO/IEC 23009-1 5.8.5.5", "what a text is for is said by Role, for whom captions are by Accessibility"
)
@pytest.mark.parametrize(
    "changed, roles, purposes",
    [
        ({}, ["subtitle"], []),
        ({"role": "captions"}, ["caption"], ["caption", "2"]),
        ({"forced": True}, ["forced-subtitle"], []),
        ({"default": True}, ["subtitle", "main"], []),
    ],
)
def test_roles(changed: dict[str, object], roles: list[str], purposes: list[str]) -> None:
    (made,) = sets(text_plan([], **changed))
    assert [role.get("value") for role in made.iter("Role")] == roles
    assert [one.get("value") for one in made.iter("Accessibility")] == purposes
