"""Grid lines that splices move: numbers stay consecutive, and come back to the wall's."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base.push import MarkNote
from packager.splices import LONGEST, Lines, Splice

SCALE = 1000
GRID = 2000
BEGIN = 1_700_000_000_000  # a line of the grid
FRAME = 20  # tolerance: half a frame of 25 a second
NUMBER = BEGIN // GRID


def lines(interval: float = 1000, longest: int = 2 * GRID, *, counted: bool = False) -> Lines:
    return Lines(
        timescale=SCALE, grid_ms=GRID, interval_ms=interval, longest_ms=longest, counted=counted, next_number=0
    )


def test_keyframes_that_jitter_count_to_the_nearest_line() -> None:
    made = Lines(timescale=SCALE, grid_ms=GRID, interval_ms=GRID, longest_ms=0, jitters=True)
    keys = [350, 2180, 4150, 6300, 8160, 8900, 10_400, 12_150]
    assert cuts(made, keys) == [(0, 350), (1, 2180), (2, 4150), (3, 6300), (4, 8160), (5, 10_400), (6, 12_150)]


def splice(at: int, event: int = 1, action: str = "out") -> Splice:
    note = MarkNote(action="out" if action == "out" else "in", kind="insert", event=event)
    return Splice(at=BEGIN + at, note=note)


def cuts(found: Lines, keyframes: Iterable[int]) -> list[tuple[int, int]]:
    """(number, ms) of the segments, both from the first line on."""
    made = [(found.keyframe(BEGIN + at, FRAME).number, at) for at in keyframes]
    return [(number - NUMBER, at) for number, at in made if number is not None]


REGULAR = [0, 1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000]


def test_without_splices_each_line_is_a_cut() -> None:
    assert cuts(lines(), REGULAR) == [(0, 0), (1, 2000), (2, 4000), (3, 6000), (4, 8000)]


@pytest.mark.rule(
    "RFC 8216bis 4.4.3.2", "a splice makes no segment more: numbers stay consecutive, and those of the wall"
)
def test_a_splice_moves_the_nearest_line() -> None:
    found = lines()
    found.expect(splice(4900))
    assert cuts(found, REGULAR) == [(0, 0), (1, 2000), (2, 4000), (3, 5000), (4, 8000)]


def test_the_frame_is_told_whether_it_is_cut_or_not() -> None:
    found = lines(longest=GRID)
    found.expect(splice(2500))
    told = [(at, found.keyframe(BEGIN + at, FRAME)) for at in REGULAR]
    assert [(at, len(one.splices)) for at, one in told if one.splices] == [(3000, 1)]
    assert [at for at, one in told if one.number is not None] == [0, 2000, 4000, 6000, 8000], "lines may not move"


def test_half_a_frame_before_the_splice_is_the_splice() -> None:
    found = lines()
    found.expect(splice(3015))
    assert (3, 4000) not in cuts(found, REGULAR[:5])


@pytest.mark.parametrize("keyframes", range(2, 13))
def test_no_place_on_the_lattice_is_left_out(keyframes: int) -> None:
    """Known in time, every keyframe is a splice's segment, whatever part of the grid it stands at."""
    for place in range(2 * keyframes, 3 * keyframes):
        found = lines(GRID / keyframes, round(LONGEST * GRID))
        at = round(place * GRID / keyframes)
        found.expect(splice(at - 100 // keyframes))
        made = cuts(found, [round(n * GRID / keyframes) for n in range(5 * keyframes)])
        assert at in [ms for _, ms in made], (place, made)
        assert [number for number, _ in made] == list(range(len(made)))


def test_a_line_waits_for_a_splice_that_is_known_to_come_after_it() -> None:
    thirds = [round(at * GRID / 3) for at in range(13)]
    found = lines(interval=GRID / 3)
    found.expect(splice(4100))  # the next keyframe is at 4667
    assert cuts(found, thirds) == [(0, 0), (1, 2000), (2, 4667), (3, 6000), (4, 8000)]
    late = lines(interval=GRID / 3)
    assert cuts(late, thirds[:7])[-1] == (2, 4000)
    late.expect(splice(4100))
    told = late.keyframe(BEGIN + 4667, FRAME)
    assert told.number is None and len(told.splices) == 1, "its line was cut before it was known"
    assert cuts(late, thirds[8:]) == [(3, 6000), (4, 8000)]


def test_an_encoder_that_puts_keyframes_at_splices_is_trusted_from_the_first_one_on() -> None:
    found = lines(interval=GRID)
    found.expect(splice(5200))
    assert cuts(found, [0, 2000, 4000, 5200, 6000]) == [(0, 0), (1, 2000), (2, 4000), (3, 5200)]
    found.expect(splice(8400, 2))
    assert cuts(found, [8000, 8400, 10000]) == [(4, 8400), (5, 10000)], "the line at 8 s waited"
    found.expect(splice(12400, 3))
    assert cuts(found, [12000, 14000, 16000]) == [(7, 14000), (8, 16000)], "it broke its promise, which shows once"
    found.expect(splice(18400, 4))
    assert cuts(found, [18000, 20000]) == [(9, 18000), (10, 20000)]


def test_keyframes_that_count_from_the_splice_on_stay_near_their_lines() -> None:
    found = lines(interval=GRID)
    found.expect(splice(4700))
    keyframes = [0, 2000, 4000, *range(4700, 20000, 2000)]
    made = cuts(found, keyframes)
    assert [number for number, _ in made] == list(range(len(made)))
    assert all(abs(at - number * GRID) <= GRID / 2 + 100 for number, at in made)


def test_two_that_began_apart_cut_alike() -> None:
    """The second began to publish later, in another place of the grid, and hears of each splice a little later."""
    thirds = [round(at * GRID / 3) for at in range(40)]
    wanted = [4100, 9900, 15_300, 21_000]
    made = []
    for begin, ahead in ((0, 2000), (6, 1200)):
        found, known = lines(interval=GRID / 3), list(wanted)
        cut = []
        for at in thirds[begin:]:
            while known and known[0] - ahead <= at:
                found.expect(splice(known[0], known[0]))
                known.pop(0)
            cut += cuts(found, [at])
        made.append([pair for pair in cut if pair[1] > 6000])
    assert made[0] == made[1] and len(made[0]) > 8


def test_counted_numbers_have_a_segment_more() -> None:
    found = lines(counted=True)
    found.expect(splice(2500))
    assert cuts(found, REGULAR) == [(0, 0), (1, 2000), (2, 3000), (3, 5000), (4, 7000)]


def test_sound_alone_is_cut_at_its_frame() -> None:
    found = lines(interval=0)
    found.expect(splice(3101))
    assert cuts(found, range(0, 6001, 20)) == [(0, 0), (1, 2000), (2, 3100), (3, 6000)]


def test_cancelled_and_moved_splices() -> None:
    found = lines()
    found.expect(splice(2500))
    found.expect(splice(4500))
    assert cuts(found, REGULAR[:5])[-1] == (2, 4000)
    found.forget(splice(0).note)
    assert not found.keyframe(BEGIN + 5000, FRAME).splices
    assert found.last_number == NUMBER + 2


@given(
    st.sampled_from([1, 2, 3, 4, 5]),
    st.lists(st.integers(2100, 60_000), max_size=6),
    st.integers(0, 5000),
)
def test_numbers_are_consecutive_whatever_is_spliced(times: int, wanted: list[int], ahead: int) -> None:
    """An encoder whose keyframes are regular: known early or late, no number is skipped, none is used twice."""
    interval = GRID / times
    found, known, made = lines(interval, round(LONGEST * GRID)), sorted(wanted), []
    for place in range(32 * times):
        at = round(place * interval)
        while known and known[0] <= at + ahead:
            found.expect(splice(known[0], len(known)))
            known.pop(0)
        if (number := found.keyframe(BEGIN + at, FRAME).number) is not None:
            made.append((number - NUMBER, at))
    assert [number for number, _ in made] == list(range(len(made)))
    assert all(abs(at - number * GRID) <= 0.6 * GRID for number, at in made)
    assert all(after - before <= LONGEST * GRID for (_, before), (_, after) in pairwise(made))
