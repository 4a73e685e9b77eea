"""Segments of text in fMP4: samples without holes that show at each moment what the cues say."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packager.boxes import walk
from packager.text import ttml
from packager.text.cues import Cue, Place
from packager.text.fragments import segment, wvtt_samples
from packager.text.init import FORMATS, init
from packager.text.plan import TextPlan
from tests.kit.fragments import read_fragments, read_init
from tests.packager.text.texts import CUES, cue, text_plan


def read_sample(data: bytes) -> list[dict[str, bytes]]:
    """The cues of a `wvtt` sample, each as its boxes."""
    view = memoryview(data)
    found = []
    for box in walk(view, 0, len(view)):
        if box.type == "vttc":
            found.append({inner.type: bytes(view[inner.body : inner.end]) for inner in walk(view, box.body, box.end)})
        else:
            assert box.type == "vtte" and box.size == 8 and len(view) == 8
    return found


@settings(deadline=None)
@given(st.lists(CUES, max_size=8))
def test_at_each_moment_the_samples_show_the_cues_of_that_moment(cues: list[Cue]) -> None:
    plan = text_plan(cues)
    at = plan.cuts[0]
    for number in range(plan.count):
        assert at == plan.cuts[number]
        for length, data in wvtt_samples(plan, number):
            assert length > 0
            shown = [one for one in plan.text.cues if plan.ticks(one.start) < at + length and plan.ticks(one.end) > at]
            assert all(plan.ticks(one.start) <= at and plan.ticks(one.end) >= at + length for one in shown)
            assert len(read_sample(data)) == len(shown)
            at += length
    assert at == plan.cuts[-1]


def test_a_cue_in_several_samples_is_known_as_one() -> None:
    plan = text_plan([cue(1000, 3000, "long"), cue(1500, 1700, "short", Place(line="0", align="start"))])
    found = [read_sample(data) for number in (0, 1) for _, data in wvtt_samples(plan, number)]
    texts = [[one["payl"] for one in sample] for sample in found]
    assert texts == [[], [b"long"], [b"long", b"short"], [b"long"], [b"long"], []]
    ids = {one["vsid"] for sample in found for one in sample if one["payl"] == b"long"}
    assert ids == {struct.pack(">I", 1)}
    (short,) = [one for sample in found for one in sample if one["payl"] == b"short"]
    assert "vsid" not in short and short["sttg"] == b"line:0 align:start"


def test_documents_follow_the_timeline() -> None:
    plan = text_plan([cue(1000, 3000, "over the cut"), cue(5000, 5500, "later")])
    assert documents(plan) == [
        [(1000, 2000, "over the cut")],
        [(2000, 3000, "over the cut")],
        [(5000, 5500, "later")],
        [],
    ]


def documents(plan: TextPlan) -> list[list[tuple[int, int, str]]]:
    found = []
    for number in range(plan.count):
        made = segment("stpp", plan, number)
        found.append([(one.start, one.end, one.text) for one in ttml.read(made[made.index(b"<?xml") :]).cues])
    return found


@pytest.mark.parametrize("form", FORMATS)
def test_fragments_follow_one_another(form: str) -> None:
    plan = text_plan([cue(1000, 3000), cue(2500, 2600), cue(7000, 20_000)])
    head = read_init(init(form, "de"))
    at = plan.cuts[0]
    for number in range(plan.count):
        (fragment,) = read_fragments(segment(form, plan, number), head)
        assert fragment.decode_time == at and fragment.starts_with_sync
        at = fragment.end
    assert at == plan.cuts[-1]
