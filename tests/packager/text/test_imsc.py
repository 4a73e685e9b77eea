"""IMSC documents: they read back as the cues that they were made of, and stand where those stand."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from packager.text import imsc, ttml
from packager.text.cues import Cue, Place
from tests.packager.text.texts import CUES, cue

NS = {"t": "http://www.w3.org/ns/ttml", "s": "http://www.w3.org/ns/ttml#styling"}


@pytest.mark.rule("RFC 8216bis 3.1.5", "an IMSC segment is a whole document with the styles of its cues")
@settings(deadline=None)
@given(st.lists(CUES, max_size=6))
def test_a_document_reads_back(cues: list[Cue]) -> None:
    made = imsc.document([(one.start * 90, one.end * 90, one) for one in cues], "de")
    found = ttml.read(made)
    assert found.language == "de"
    assert [(one.start, one.end, one.lines) for one in found.cues] == [
        (one.start, one.end, one.lines) for one in sorted(cues, key=lambda one: (one.start, one.end))
    ]


def region(where: Place, language: str = "en") -> dict[str, str]:
    root = etree.fromstring(imsc.document([(0, 90, cue(0, 1, "x", where))], language))
    found = root.find(".//t:region", NS)
    return {name.partition("}")[2]: value for name, value in found.attrib.items()}


@pytest.mark.parametrize(
    "where, origin, extent, shown",
    [
        (Place(), "10% 5%", "80% 90%", "after"),
        (Place(line="0"), "10% 5%", "80% 95%", "before"),
        (Place(line="-1"), "10% 5%", "80% 90%", "after"),
        (Place(line="30%"), "10% 30%", "80% 70%", "before"),
        (Place(line="40%,end"), "10% 0%", "80% 40%", "after"),
        (Place(line="60%,center"), "10% 20%", "80% 80%", "center"),
        (Place(position="20%", align="start"), "20% 5%", "80% 90%", "after"),
        (Place(position="90%", align="right"), "0% 5%", "90% 90%", "after"),
        (Place(position="30%"), "0% 5%", "60% 90%", "after"),
        (Place(line="500"), "10% 90%", "80% 10%", "before"),
        (Place(line="-500"), "10% 5%", "80% 1%", "after"),
    ],
)
def test_places_are_regions(where: Place, origin: str, extent: str, shown: str) -> None:
    found = region(where)
    assert (found["origin"], found["extent"], found["displayAlign"]) == (origin, extent, shown)
    assert found["textAlign"] == (where.align or "center")


def test_a_place_is_one_region_however_many_cues_are_there() -> None:
    top = Place(line="0")
    root = etree.fromstring(
        imsc.document([(0, 90, cue(0, 1)), (0, 90, cue(0, 1, "x", top)), (90, 99, cue(0, 1, "y", top))], "de")
    )
    assert len(root.findall(".//t:region", NS)) == 2
    assert {p.get("region") for p in root.iter(f"{{{NS['t']}}}p")} == {"r0", "r1"}


def test_languages_that_are_written_from_the_right() -> None:
    def direction(language: str) -> str | None:
        root = etree.fromstring(imsc.document([(0, 90, cue(0, 1))], language))
        return root.find(".//t:p", NS).get(f"{{{NS['s']}}}direction")

    assert direction("he-IL") == "rtl" and direction("de") is None


def test_times_are_exact_to_the_microsecond() -> None:
    made = imsc.document([(1, 90_001, cue(0, 1))], "de").decode()
    assert 'begin="00:00:00.000011"' in made and 'end="00:00:01.000011"' in made
