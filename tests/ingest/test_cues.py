"""Sections that come, come again, are moved and cancelled: what is to be spliced, once."""

from __future__ import annotations

from base.push import MarkNote
from base.scte35.commands import BreakDuration, PrivateCommand, SpliceInsert, TimeSignal
from base.scte35.descriptors import Segmentation
from base.scte35.section import PTS_WRAP, Section, write
from ingest.cues import LATE_MS, MOST, MOST_DONE, Changes, Cues, Wanted, near

NOW = 1_800_000_000_000


def out(event: int = 1, seconds: int = 30, *, returns: bool = True, time: int = 0) -> Section:
    return Section(
        command=SpliceInsert(event_id=event, time=time, duration=BreakDuration(seconds * 90000, auto_return=returns))
    )


def back(event: int = 1) -> Section:
    return Section(command=SpliceInsert(event_id=event, out_of_network=False, time=0))


def take(cues: Cues, section: Section, at_ms: int) -> Changes:
    return cues.take(section, write(section), lambda _: at_ms)


def told(changes: Changes | tuple[Wanted, ...]) -> list[tuple[str, int]]:
    wanted = changes.wanted if isinstance(changes, Changes) else changes
    return [(one.note.action, one.at_ms - NOW) for one in wanted]


def test_a_break_that_returns_ends_by_itself() -> None:
    """SCTE 35 9.8.2.1: with auto_return the break ends after its duration without another section."""
    cues = Cues()
    changes = take(cues, out(), NOW + 4000)
    assert told(changes) == [("out", 4000), ("in", 34000)]
    begin, end = (one.note for one in changes.wanted)
    assert begin.section and begin.planned_ms == 30_000 and begin.avail and begin.event == 1
    assert not end.section and end.planned_ms == -1 and end.what == ("insert", 1, "in")
    assert told(take(Cues(), out(returns=False), NOW)) == [("out", 0)]


def test_what_comes_again_says_nothing_new() -> None:
    cues = Cues()
    take(cues, out(), NOW + 4000)
    assert told(take(cues, out(), NOW + 4000)) == []
    cues.spliced(one.note for one in cues.pending(NOW)[:1])
    assert told(take(cues, out(), NOW + 4000)) == [] and told(cues.pending(NOW)) == [("in", 34000)]


def test_news_of_the_same_event_moves_it() -> None:
    cues = Cues()
    take(cues, out(), NOW + 4000)
    assert told(take(cues, out(seconds=10), NOW + 5000)) == [("out", 5000), ("in", 15000)]
    assert told(take(cues, back(), NOW + 9000)) == [("in", 9000)], (
        "an end that is signalled takes the place of a reckoned"
    )
    assert told(take(cues, out(seconds=10), NOW + 5000)) == []
    assert told(cues.pending(NOW)) == [("out", 5000), ("in", 9000)]


def test_an_event_number_may_be_used_for_another_break() -> None:
    cues = Cues()
    for at_ms in (NOW, NOW + 600_000):
        assert told(take(cues, out(), at_ms))[0] == ("out", at_ms - NOW)
        cues.spliced(one.note for one in cues.pending(at_ms))


def test_cancelled() -> None:
    cues = Cues()
    take(cues, out(1), NOW)
    take(cues, out(2), NOW)
    changes = take(cues, Section(command=SpliceInsert(event_id=1, cancel=True)), NOW)
    assert sorted(note.what for note in changes.cancelled) == [("insert", 1, "in"), ("insert", 1, "out")]
    assert {one.note.event for one in cues.pending(NOW)} == {2}
    assert {note.event for note in cues.drop(write(out(2))).cancelled} == {2} and not cues.pending(NOW)
    segmented = Section(command=TimeSignal(0), descriptors=(Segmentation(event_id=7, type=0x34),))
    take(cues, segmented, NOW)
    gone = Section(command=TimeSignal(None), descriptors=(Segmentation(event_id=7, cancel=True),))
    assert [note.kind for note in take(cues, gone, NOW).cancelled] == ["34"]


def test_an_end_that_is_dropped_leaves_its_beginning() -> None:
    cues = Cues()
    take(cues, out(1, returns=False), NOW)
    take(cues, back(1), NOW + 5000)
    assert [note.action for note in cues.drop(write(back(1))).cancelled] == ["in"]
    assert told(cues.pending(NOW)) == [("out", 0)]


def test_breaks_that_the_origin_knows_to_be_on() -> None:
    known = MarkNote(
        action="out", kind="insert", event=1, start=NOW + 1000, timescale=1000, planned_ms=30_000, returns=True
    )
    fresh = Cues()
    fresh.resume([known])
    assert told(fresh.pending(NOW)) == [("in", 31_000)]
    assert told(take(fresh, out(1), NOW + 500)) == [("in", 30_500)], "said again, it is not begun again"
    asked = Cues()
    take(asked, out(1), NOW)
    asked.resume([known])
    assert told(asked.pending(NOW)) == [("in", 30_000)]
    asked.spliced(one.note for one in asked.pending(NOW))
    asked.resume([known])
    assert told(asked.pending(NOW)) == [], "an old answer of the origin's"


def test_what_is_late_is_given_up_unless_its_break_is_on() -> None:
    cues = Cues()
    take(cues, out(1, seconds=600, returns=False), NOW)
    take(cues, out(2, seconds=30), NOW)

    def pending(after_ms: int) -> list[tuple[int, str]]:
        return sorted((one.note.event, one.note.action) for one in cues.pending(NOW + after_ms))

    assert pending(29_000) == [(1, "out"), (2, "in"), (2, "out")]
    assert pending(31_000) == [(1, "out"), (2, "in")], "it is over; that it ended is still to be told"
    assert pending(LATE_MS + 31_000) == [(1, "out")]


def test_commands_are_told_apart_by_what_they_say() -> None:
    cues = Cues()
    for data in (b"a", b"b", b"a"):
        take(cues, Section(command=PrivateCommand(1, data)), NOW)
    assert [one.note.action for one in cues.pending(NOW)] == ["cmd", "cmd"]


def test_there_is_a_limit() -> None:
    cues = Cues()
    for event in range(MOST + 5):
        take(cues, out(event, returns=False), NOW)
    assert len(cues.pending(NOW)) == MOST
    cues.spliced([MarkNote(action="out", kind="insert", event=9999)])


def test_what_was_spliced_is_remembered_within_a_limit() -> None:
    cues = Cues()
    for event in range(MOST_DONE + 1):
        cues.spliced(one.note for one in take(cues, out(event, returns=False), NOW).wanted)
    assert take(cues, out(1, returns=False), NOW).wanted == ()
    assert len(take(cues, out(0, returns=False), NOW).wanted) == 1, "the oldest is forgotten"


def test_times_of_33_bits_are_the_nearest() -> None:
    hour = 3600 * 1_000_000
    assert near(90_000 * 3604, hour) == hour + 4_000_000
    assert near(90_000 * 3590, hour) == hour - 10_000_000
    wrap_us = PTS_WRAP * 100 // 9
    assert abs(near(90_000, 5 * wrap_us - 1_000_000) - (5 * wrap_us + 1_000_000)) <= 12
