"""Dialogues with a window: what comes in, and what it then lists. Times in ticks of 1/100 s."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from origin.runs import Run
from origin.window import TrackWindow
from packager.live import LivePart, LiveSegment

SCALE = 100
CELL = 200


def window(span_s: int = 20) -> TrackWindow:
    return TrackWindow(scale=SCALE, span_s=span_s, grid_ms=2000)


def add(
    window: TrackWindow, number: int, start: int, duration: int = CELL, *, init: str = "aa", discontinuity: bool = False
) -> None:
    """One closed segment, trimmed as the only track of a channel does."""
    opens(window, number, start, init, discontinuity)
    window.grow(LivePart(duration, 1000, 0, True, 50))
    window.close()
    window.drop_before(window.first_within(start + duration))


def opens(window: TrackWindow, number: int, start: int, init: str, discontinuity: bool = False) -> None:
    last = window.last
    broken = last is None or discontinuity or init != last.init or number > last.number + 1
    run = Run(number, window.breaks + 1) if broken else Run(window.run, window.breaks)
    window.open(number=number, start=start, init=init, run=run)


def told(window: TrackWindow) -> list[str]:
    """`number[!]:start+duration` with `!` for a discontinuity, `gap` and `open` where it is one."""
    return [
        f"{s.number}{'!' * s.discontinuity}:{s.start}+{s.duration}"
        + " gap" * s.gap
        + " open" * (not s.closed)
        + f" r{s.run}"
        for s in window.segments
    ]


def test_the_first_run_has_no_discontinuity_even_if_the_publisher_says_so() -> None:
    made = window()
    add(made, 5, 1000, discontinuity=True)
    add(made, 6, 1200)
    assert told(made) == ["5:1000+200 r5", "6:1200+200 r5"]
    assert [s.breaks for s in made.segments] == [0, 0] and made.run_starts == {5: 1000}


def test_an_open_segment_grows_by_its_parts() -> None:
    made = window()
    opens(made, 5, 1000, "aa")
    made.grow(LivePart(50, 700, 0, True, 12))
    made.grow(LivePart(50, 300, 700, False, 13))
    assert told(made) == ["5:1000+100 open r5"]
    assert made.last is not None and made.last.size == 1000 and len(made.last.parts) == 2
    made.close()
    assert told(made) == ["5:1000+100 r5"]


@pytest.mark.rule("RFC 8216bis 6.2.1", "media that is missing is listed as a gap, so that positions keep their numbers")
def test_a_skipped_number_is_a_gap_between_its_neighbours() -> None:
    made = window()
    add(made, 5, 1000)
    add(made, 8, 1600)
    assert told(made) == ["5:1000+200 r5", "6:1200+200 gap r5", "7:1400+200 gap r5", "8!:1600+200 r8"]
    assert made.run_starts == {5: 1000, 8: 1600}


@pytest.mark.rule("RFC 8216bis 4.4.3.1", "a gap, too, lasts no longer than the target duration allows")
def test_a_gap_is_never_longer_than_a_cell() -> None:
    made = window()
    add(made, 5, 1000, 20)  # the encoder died right after the cut
    add(made, 7, 1590)  # and came back late in the next cell but one
    assert told(made) == ["5:1000+20 r5", "6:1020+200 gap r5", "7!:1590+200 r7"]


def test_a_cell_that_the_segment_before_has_filled_is_an_empty_gap() -> None:
    made = window()
    add(made, 5, 1000, 400)
    add(made, 7, 1400)
    assert told(made)[1] == "6:1399+1 gap r5"


@pytest.mark.parametrize("init, discontinuity", [("bb", False), ("aa", True)])
def test_another_init_segment_or_session_starts_a_run(init: str, discontinuity: bool) -> None:
    made = window()
    add(made, 5, 1000)
    add(made, 6, 1200, init=init, discontinuity=discontinuity)
    add(made, 7, 1400, init=init)
    assert told(made) == ["5:1000+200 r5", "6!:1200+200 r6", "7:1400+200 r6"]
    assert [s.breaks for s in made.segments] == [0, 1, 1]


def test_a_hole_as_long_as_the_window_starts_it_anew() -> None:
    made = window(span_s=20)
    for number in range(5, 10):
        add(made, number, number * CELL)
    add(made, 9 + 12, 21 * CELL)
    assert told(made) == ["21!:4200+200 r21"] and made.run_starts == {21: 4200}
    add(made, 9 + 10**12, CELL * (9 + 10**12))
    assert len(made.segments) == 1 and made.segments[0].breaks == 2


def test_a_hole_that_just_fits_is_listed() -> None:
    made = window(span_s=20)
    add(made, 5, 1000)
    add(made, 16, 3200)
    assert len(made.segments) == 11 and sum(s.gap for s in made.segments) == 10  # 5 has left: it is older than the span


def test_what_ends_before_the_span_leaves() -> None:
    made = window(span_s=6)
    for number in range(5, 15):
        add(made, number, number * CELL)
    assert [s.number for s in made.segments] == [11, 12, 13, 14]  # 600 ticks, and the one that touches them
    assert made.floor == -1 and made.highest == 14
    assert made.find(10) is None and made.find(11) is made.segments[0] and made.find(15) is None


def test_never_everything_is_dropped() -> None:
    made = window()
    add(made, 5, 1000)
    made.drop_before(99)
    assert told(made) == ["5:1000+200 r5"]


def test_run_starts_stay_while_a_segment_of_the_run_is_listed() -> None:
    made = window(span_s=6)
    for number in range(5, 12):
        add(made, number, number * CELL, discontinuity=number == 7)
    assert made.run_starts == {7: 1400} and made.segments[0].number == 8
    assert not made.segments[0].discontinuity and made.segments[0].breaks == 1


def test_another_timescale_goes_on_with_numbers_and_breaks() -> None:
    made = window()
    add(made, 5, 1000)
    add(made, 6, 1200, discontinuity=True)
    other = made.rescaled(48_000)
    assert (other.highest, other.breaks, other.scale) == (6, 1, 48_000)
    opens(other, 7, 7 * 96_000, "bb")
    assert told(other) == ["7!:672000+0 open r7"] and other.segments[0].breaks == 2


def test_a_restored_window_is_the_one_that_was_journalled() -> None:
    made, again = window(), window()
    for number, start, broken in ((5, 1000, False), (6, 1200, True), (9, 1800, False), (10, 2000, False)):
        add(made, number, start, discontinuity=broken)
        newest = made.segments[-1]
        again.restore(newest, made.run_starts[newest.run])
    assert told(again) == told(made)
    assert (again.segments, again.run_starts, again.breaks) == (made.segments, made.run_starts, made.breaks)


@dataclass(frozen=True)
class Step:
    skip: int
    pause: int
    duration: int
    init: str
    discontinuity: bool


STEPS = st.lists(
    st.builds(
        Step,
        skip=st.one_of(st.just(0), st.integers(0, 30)),
        pause=st.one_of(st.just(0), st.integers(0, 900)),
        duration=st.integers(1, 600),
        init=st.sampled_from(["aa", "aa", "bb"]),
        discontinuity=st.booleans(),
    ),
    min_size=1,
    max_size=40,
)


def printed(segments: list[LiveSegment]) -> tuple[int, int, list[bool]]:
    """EXT-X-MEDIA-SEQUENCE, EXT-X-DISCONTINUITY-SEQUENCE and where tags stand, as packager.hls_live prints them."""
    first = segments[0]
    return first.number, first.breaks - first.discontinuity, [s.discontinuity for s in segments]


@settings(max_examples=300)
@given(steps=STEPS, span_s=st.integers(2, 60))
@pytest.mark.rule("RFC 8216bis 6.2.2", "the media sequence number never decreases and counts removed segments")
@pytest.mark.rule("RFC 8216bis 6.2.2", "a segment's discontinuity sequence number stays as long as it is listed")
def test_sliding_keeps_every_promise(steps: list[Step], span_s: int) -> None:
    made = window(span_s)
    number, start = 100, 20_000
    before: dict[int, LiveSegment] = {}
    dsn_before: dict[int, int] = {}
    media_sequence = discontinuity_sequence = 0
    for step in steps:
        add(made, number, start, step.duration, init=step.init, discontinuity=step.discontinuity)
        segments = list(made.segments)
        assert [s.number for s in segments] == list(range(segments[0].number, number + 1))
        starts = [s.start for s in segments]
        assert starts == sorted(starts)
        assert all(s.duration >= 0 for s in segments)
        assert all(a.start + a.duration <= b.start for a, b in pairwise(segments) if a.gap)
        assert all(s.run in made.run_starts for s in segments)
        first, sequence, tags = printed(segments)
        assert first >= media_sequence and sequence >= discontinuity_sequence
        media_sequence, discontinuity_sequence = first, sequence
        dsn: dict[int, int] = {}
        for segment, tag in zip(segments, tags, strict=True):
            sequence += tag
            dsn[segment.number] = sequence
        assert all(dsn_before[n] == dsn[n] for n in dsn.keys() & dsn_before.keys())
        assert all(before[s.number] == s for s in segments if s.number in before)
        before, dsn_before = {s.number: s for s in segments}, dsn
        number += 1 + step.skip
        start += step.duration + step.pause
