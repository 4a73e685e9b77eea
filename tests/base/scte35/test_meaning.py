"""Breaks of either style, and what is none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from base.scte35.commands import BreakDuration, Component, SpliceInsert, SpliceSchedule, TimeSignal
from base.scte35.descriptors import Segmentation
from base.scte35.meaning import Cue, What, cues
from base.scte35.section import Ciphered, Section, parse
from tests.base.scte35.vectors import sample


def of(name: str) -> tuple[Cue, ...]:
    return cues(parse(sample(name)))


@pytest.mark.rule("RFC 8216bis 4.4.5.1.1", "OUT is a splice_insert out of the network, or a segmentation that starts")
def test_breaks_of_both_styles() -> None:
    (insert,) = of("14.2 splice_insert")
    assert (insert.what, insert.kind, insert.event) == (What.OUT, "insert", 0x4800008F)
    assert (insert.time, insert.duration, insert.returns, insert.avail) == (0x07369C02E, 0x0052CCF5, True, True)
    (start,) = of("14.1 placement opportunity start")
    (end,) = of("14.3 placement opportunity end")
    assert (start.what, end.what) == (What.OUT, What.IN)
    assert (start.kind, start.event) == (end.kind, end.event) == ("34", 0x4800008E)
    assert start.duration == 307 * 90000 and start.returns and end.duration is None


@pytest.mark.rule("RFC 8216bis 4.4.5.1.1", "several segmentations in one section are one range each")
def test_each_segmentation_is_one() -> None:
    found = of("14.8 program start, end, placement opportunity end")
    assert [(cue.what, cue.kind) for cue in found] == [(What.IN, "34"), (What.IN, "10"), (What.OUT, "10")]
    assert [cue.avail for cue in found] == [True, False, False]
    override, end = of("14.6 blackout override, program end")
    assert (override.what, override.kind, end.what) == (What.COMMAND, "18", What.IN)
    (overlap,) = of("14.5 program overlap start")
    assert (overlap.what, overlap.kind) == (What.OUT, "10")


def test_a_program_with_a_duration_does_not_end_by_itself() -> None:
    (found,) = cues(Section(command=TimeSignal(1), descriptors=(Segmentation(event_id=1, type=0x10, duration=90),)))
    assert found.duration == 90 and not found.returns


def test_times_are_adjusted() -> None:
    late = replace(parse(sample("14.2 splice_insert")), pts_adjustment=(1 << 33) - 0x07369C02E + 5)
    assert cues(late)[0].time == 5
    (parts,) = cues(Section(command=SpliceInsert(event_id=1, program=False, components=(Component(1, 77),))))
    assert parts.time == 77
    (now,) = cues(Section(command=SpliceInsert(event_id=1, immediate=True, duration=BreakDuration(9, False))))
    assert now.time is None and now.duration == 9 and not now.returns


def test_what_is_no_break() -> None:
    assert of("null") == ()
    assert [c.what for c in cues(Section(command=TimeSignal(3)))] == [What.COMMAND]
    assert [c.what for c in cues(Section(command=SpliceSchedule(())))] == [What.COMMAND]
    assert [c.kind for c in cues(Section(command=Ciphered(1, b"\x00")))] == ["ciphered"]


def test_cancelled() -> None:
    (insert,) = cues(Section(command=SpliceInsert(event_id=4, cancel=True)))
    assert (insert.what, insert.kind, insert.event) == (What.CANCEL, "insert", 4)
    (segmentation,) = cues(Section(command=TimeSignal(1), descriptors=(Segmentation(event_id=5, cancel=True),)))
    assert (segmentation.what, segmentation.kind, segmentation.event) == (What.CANCEL, "", 5)
