"""What is on, by schedule and clock alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base.desired import PlayoutItem, PlayoutSpec
from ingest.playout.schedule import Slot, slot

LASTS = {"a": 10_000, "b": 5_000, "slate": 3_000}
NOON = 1_800_000_000_000


def items(*named: str | tuple[str, int]) -> tuple[PlayoutItem, ...]:
    return tuple(
        PlayoutItem(asset=name) if isinstance(name, str) else PlayoutItem(asset=name[0], at_ms=NOON + name[1])
        for name in named
    )


LOOP = PlayoutSpec(items=items("a", "b", "a"), loop=True, start_ms=NOON)
DAY = PlayoutSpec(items=items(("a", 0), "b", ("a", 20_000), ("b", 25_000)), slate="slate")
FULL = PlayoutSpec(items=items(("a", 0), "b", "a", ("b", 12_000), "a", ("a", 13_000)), slate="slate")


def on(spec: PlayoutSpec, ms: int) -> tuple[str, int, int]:
    found = slot(spec, LASTS, NOON + ms)
    return found.asset, found.start_ms - NOON, found.end_ms - NOON


@pytest.mark.parametrize(
    ("ms", "found"),
    [
        (0, ("a", 0, 10_000)), (9_999, ("a", 0, 10_000)), (10_000, ("b", 10_000, 15_000)),
        (15_000, ("a", 15_000, 25_000)), (25_000, ("a", 25_000, 35_000)),
        (2_500_035_000, ("b", 2_500_035_000, 2_500_040_000)),
    ],
)  # fmt: skip
def test_a_loop(ms: int, found: tuple[str, int, int]) -> None:
    assert on(LOOP, ms) == found


@pytest.mark.parametrize(
    ("ms", "found"),
    [
        (0, ("a", 0, 10_000)), (10_000, ("b", 10_000, 15_000)), (20_000, ("a", 20_000, 25_000)),
        (24_999, ("a", 20_000, 25_000)), (25_000, ("b", 25_000, 30_000)),
    ],
)  # fmt: skip
def test_times_of_their_own(ms: int, found: tuple[str, int, int]) -> None:
    assert on(DAY, ms) == found


def test_a_time_cuts_all_that_stands_before_it() -> None:
    """The first film lasts longer than up to the third item's time: what follows it without a time is left out."""
    spec = PlayoutSpec(items=items(("a", 0), "b", ("b", 7_000)))
    assert on(spec, 6_999) == ("a", 0, 7_000)
    assert on(spec, 7_000) == ("b", 7_000, 12_000)
    assert on(spec, 12_000)[0] == ""


def test_the_slate_fills_what_is_left_and_is_cut_by_what_comes() -> None:
    asset, start, end = on(DAY, 16_000)
    assert asset == "slate" and start <= 16_000 < end <= 20_000 and end - start <= 3_000
    assert (NOON + start) % 3_000 == 0
    assert on(DAY, 19_999)[2] == 20_000
    assert on(DAY, -5_000)[0] == "slate" == on(DAY, 90_000)[0]


def test_without_a_slate_there_is_a_pause() -> None:
    spec = PlayoutSpec(items=items(("a", 0)))
    assert slot(spec, LASTS, NOON + 50_000) == Slot(asset="", start_ms=NOON + 50_000, end_ms=NOON + 51_000)
    assert slot(spec, LASTS, NOON - 300).end_ms == NOON


def test_films_that_are_not_there_are_passed_over() -> None:
    assert slot(LOOP, {"b": 5_000}, NOON + 7_000) == Slot(asset="b", start_ms=NOON + 5_000, end_ms=NOON + 10_000)
    assert slot(LOOP, {}, NOON).asset == ""
    assert slot(DAY, {"b": 5_000, "slate": 3_000}, NOON + 1).asset == "b"


@given(st.integers(-100_000, 1_000_000), st.sampled_from([LOOP, DAY, FULL]))
def test_every_moment_has_one_slot_and_it_is_the_same_whenever_one_asks(ms: int, spec: PlayoutSpec) -> None:
    found = slot(spec, LASTS, NOON + ms)
    assert found.start_ms <= NOON + ms < found.end_ms
    if found.asset:
        for within in (max(found.start_ms, NOON + ms), found.end_ms - 1):
            assert slot(spec, LASTS, within).asset == found.asset
            assert slot(spec, LASTS, within).start_ms == found.start_ms
