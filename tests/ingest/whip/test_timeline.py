"""RTP times of sound and picture on one clock."""

from __future__ import annotations

import pytest

from ingest.whip.timeline import Timeline

RATES = {"v1": 90_000, "a1": 48_000}
NTP = 3_900_000_000.0


def test_times_count_from_the_beginning_and_over_the_wrap() -> None:
    line = Timeline(RATES, 100.0)
    begin = (1 << 32) - 3000
    got = [line.place("v1", (begin + at * 3000) % (1 << 32), 100.5 + at) for at in range(4)]
    assert got == [45_000, 48_000, 51_000, 54_000]
    assert line.place("v1", (begin + 3000) % (1 << 32), 105.0) == 48_000, "reordered"


@pytest.mark.rule("RFC 3550 6.4.1", "sender reports align sound and picture; the picture is moved")
def test_reports_align_the_picture_with_the_sound() -> None:
    line = Timeline(RATES, 0.0)
    # taken at the same moment; the picture was 80 ms longer on its way
    assert line.place("a1", 1000, 0.02) == 960
    assert line.place("v1", 50_000, 0.10) == 9000
    line.report("v1", NTP, 50_000)
    assert line.place("v1", 50_000, 0.2) == 9000, "there is nothing yet to compare it with"
    line.report("a1", NTP, 1000)
    line.report("v1", NTP + 1, 50_000 + 90_000)
    assert line.place("v1", 50_000 + 90_000, 1.2) == 90_000 + 1800
    assert line.place("a1", 1000 + 48_000, 1.2) == 48_000 + 960, "sound is never moved"


def test_later_reports_move_the_picture_little_by_little() -> None:
    line = Timeline(RATES, 0.0)
    line.place("a1", 0, 0.0)
    line.place("v1", 0, 0.0)
    line.report("a1", NTP, 0)
    line.report("v1", NTP, 0)
    line.report("v1", NTP + 1.05, 90_000)
    assert line.place("v1", 90_000, 1.0) == 90_000 + 900
    line.report("v1", NTP + 60, 0)
    assert line.place("v1", 90_000, 1.0) == 90_000 + 900, "no clock is a minute off"


def test_a_picture_alone_needs_no_reports() -> None:
    line = Timeline({"v1": 90_000}, 0.0)
    assert line.place("v1", 7, 1.0) == 90_000
    line.report("v1", NTP, 7)
    assert line.place("v1", 3007, 1.0) == 93_000
