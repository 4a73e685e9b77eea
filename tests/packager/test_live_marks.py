"""Marks of a live channel only gain: what was told of a range never changes."""

from __future__ import annotations

from base.push import MarkNote
from packager.live_marks import LONGEST_US, LiveMark, merged, within

SECOND = 1_000_000
AT = 1_700_000_000


def note(action: str, seconds: float, *, event: int = 7, section: bytes = b"\xfc", planned_ms: int = -1) -> MarkNote:
    return MarkNote(
        action="out" if action == "out" else "in" if action == "in" else "cmd",
        kind="insert",
        event=event,
        start=round((AT + seconds) * 90_000),
        timescale=90_000,
        number=850_000_000 + int(seconds // 2),
        planned_ms=planned_ms,
        avail=True,
        section=section,
    )


def taken(*notes: MarkNote) -> list[LiveMark]:
    known: dict[str, LiveMark] = {}
    for one in notes:
        if (mark := merged(known.values(), one)) is not None:
            known[mark.id] = mark
    return list(known.values())


def test_a_break_begins_and_ends() -> None:
    (mark,) = taken(note("out", 10, planned_ms=30_000), note("in", 40.04, section=b"\xfc\x01"))
    assert (mark.id, mark.start, mark.end) == ("insert-7-850000005", (AT + 10) * SECOND, (AT + 40) * SECOND + 40_000)
    assert (mark.out, mark.back, mark.planned_ms, mark.until) == (b"\xfc", b"\xfc\x01", 30_000, mark.end)


def test_the_times_of_90_khz_survive_as_microseconds() -> None:
    (mark,) = taken(MarkNote(action="out", kind="insert", start=AT * 90_000 + 3003, timescale=90_000))
    assert (mark.start * 9 + 50) // 100 == AT * 90_000 + 3003


def test_what_another_encoder_says_too_is_no_news() -> None:
    first = taken(note("out", 10, planned_ms=30_000))
    assert merged(first, note("out", 10.02, planned_ms=30_000)) is None
    assert merged(first, note("out", 25)) is None, "it is on"
    ended = taken(note("out", 10), note("in", 20))
    assert merged(ended, note("in", 20.5)) is None and merged(ended, note("out", 10)) is None


def test_an_event_number_that_is_used_again_is_another_break() -> None:
    found = taken(note("out", 10), note("in", 20), note("out", 100), note("in", 110))
    assert [(m.id, m.end // SECOND - AT) for m in found] == [("insert-7-850000005", 20), ("insert-7-850000050", 110)]
    planned = taken(note("out", 10, planned_ms=5000), note("out", 100, planned_ms=5000))
    assert len(planned) == 2, "the first was over by its plan"


def test_an_end_may_get_its_section_later() -> None:
    (mark,) = taken(note("out", 10), note("in", 20, section=b""), note("in", 20.04, section=b"\xfc\x02"))
    assert mark.end == (AT + 20) * SECOND and mark.back == b"\xfc\x02"


def test_an_end_without_a_beginning_is_a_command() -> None:
    (mark,) = taken(note("in", 20))
    assert mark.command == b"\xfc" and not mark.is_break and mark.until == mark.start
    assert taken(note("in", 20, section=b"")) == []
    assert len(taken(note("cmd", 20), note("cmd", 21), note("cmd", 40))) == 2
    assert taken(note("cmd", 20, section=b"")) == []


def test_marks_leave_with_the_window() -> None:
    """RFC 8216bis 6.2.1: a range stays as long as any of its dates is in the playlist."""
    ended, on, planned = taken(note("out", 10, event=1), note("in", 20, event=1)), taken(note("out", 10)), None
    planned = taken(note("out", 10, event=3, planned_ms=15_000))
    marks = [*ended, *on, *planned]

    def listed(seconds: int) -> list[int]:
        return [mark.event for mark in within(marks, (AT + seconds) * SECOND)]

    assert listed(20) == [1, 3, 7] and listed(21) == [3, 7] and listed(26) == [7]
    assert listed(10 + LONGEST_US // SECOND + 1) == []
