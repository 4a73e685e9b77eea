"""DASH segments beside the manifest."""

import pytest

from node.probe import boxes, dash_segments
from node.probe.mpd import Node, Representation, Slot
from node.probe.rules import Finding
from node.probe.segments import look
from node.probe.sidx import sidx
from tests.node.probe import bmff
from tests.node.probe.manifests import STATIC, URL, made
from tests.node.probe.pairs import Cases, pair, rules, shows

ONE = made(STATIC).representations[0]
INIT = boxes.init(bmff.init())
BASE = Node("SegmentBase", "", 5, {"timescale": "1000"})


def segment(data: bytes, slot: Slot, one: Representation = ONE) -> list[Finding]:
    seen = look(boxes.fragments(data, INIT), INIT)
    assert seen is not None
    return list(dash_segments.segment(seen, slot, one))


def index(*entries: tuple[int, int], sap: bool = True, nested: bool = False) -> list[Finding]:
    return list(dash_segments.index(sidx(bmff.sidx(*entries, sap=sap, nested=nested)), ONE, BASE))


SLOT = Slot(1, 2000, 2000, 10)
GOOD = segment(bmff.fragment(2000), SLOT)
CASES: Cases = {
    "segment-time": pair(GOOD, segment(bmff.fragment(2600), SLOT)),
    "segment-duration": pair(GOOD, segment(bmff.fragment(2000, (500,) * 2), SLOT)),
    "dash-sap": pair(GOOD, segment(bmff.fragment(2000, sync=False), SLOT)),
    "dash-codecs": pair(
        dash_segments.codec(INIT, ONE),
        dash_segments.codec(INIT, made(STATIC, "avc1.42c01e", "hvc1.1").representations[0]),
    ),
    "dash-init": pair(
        dash_segments.init_segment(INIT, ONE, URL),
        dash_segments.init_segment(boxes.init(bmff.init(mvex=False)), ONE, URL),
    ),
    "dash-moof": pair(
        dash_segments.fragment(boxes.fragments(bmff.fragment(0), INIT), URL),
        dash_segments.fragment(boxes.fragments(bmff.fragment(0, tfdt=False), INIT), URL),
    ),
    "sidx": pair(index((10, 2000)), index((10, 2000), nested=True)),
}


@pytest.mark.parametrize("rule", CASES)
def test_a_rule_tells_what_keeps_it_from_what_breaks_it(rule: str) -> None:
    shows(CASES, rule)


def test_sound_segments_break_nothing() -> None:
    assert GOOD == [] and index((10, 2000)) == []


def test_an_index_without_saps_or_entries() -> None:
    assert rules(index((10, 2000), sap=False)) == rules(index()) == {"sidx"}


def test_simple_addressing_may_be_off_by_half_a_segment() -> None:
    """DASH-IF timing 18.4."""
    simple = made(
        STATIC,
        "<SegmentTimeline>",
        "<X>",
        "</SegmentTimeline>",
        "</X>",
        'timescale="1000"',
        'timescale="1000" duration="2000"',
    ).representations[0]
    assert segment(bmff.fragment(2900), SLOT, simple) == []
    assert rules(segment(bmff.fragment(3100), SLOT, simple)) == {"segment-time"}


def test_a_profile_that_differs_is_only_noted() -> None:
    other = made(STATIC, "avc1.42c01e", "avc1.640028").representations[0]
    assert rules(dash_segments.codec(INIT, other)) == {"codecs-differ"}
