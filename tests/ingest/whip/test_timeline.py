"""RTP times of sound and picture on one clock."""

from __future__ import annotations

import pytest

from ingest.whip.timeline import Timeline

RATES = {"v1": 90_000, "a1": 48_000}
NTP = 3_900_000_000.0


def test_times_count_from_the_beginning_and_over_the_wrap() -> None:
    line = Timeline(RATES, 100.0)
    begin = (1 << 32) - 3000
    line.place("v1", begin, 100.5)
    line.settle()
    got = [line.place("v1", (begin + at * 3000) % (1 << 32), 100.5 + at) for at in range(4)]
    assert got == [45_000, 48_000, 51_000, 54_000]
    assert line.place("v1", (begin + 3000) % (1 << 32), 105.0) == 48_000, "reordered"


def test_the_least_delayed_packets_tell_how_streams_lie_to_each_other() -> None:
    line = Timeline(RATES, 0.0)
    # what had to wait for the handshake comes at once; then the publisher is in step with the clock
    for at in range(20):
        line.place("a1", 1000 + at * 960, max(0.4, at * 0.02))
        line.place("v1", 50_000 + at * 3600, max(0.4, at * 0.04))
    line.settle()
    assert line.place("a1", 1000 + 20 * 960, 0.5) == 20 * 960 + 960
    assert line.place("v1", 50_000 + 20 * 3600, 0.9) == 20 * 3600


@pytest.mark.rule("RFC 3550 6.4.1", "sender reports align sound and picture; the picture is moved")
def test_reports_align_the_picture_with_the_sound() -> None:
    line = Timeline(RATES, 0.0)
    # taken at the same moment; the picture was 50 ms longer on its way
    line.place("a1", 1000, 0.02)
    line.place("v1", 50_000, 0.07)
    line.settle()
    line.report("v1", NTP, 50_000)
    assert line.place("v1", 50_000, 0.2) == 6300, "there is nothing yet to compare it with"
    line.report("a1", NTP, 1000)
    got = []
    for second in range(1, 4):
        line.report("v1", NTP + second, 50_000 + second * 90_000)
        got.append(line.place("v1", 50_000 + second * 90_000, 0.0) - second * 90_000)
    assert got == [3600, 1800, 1800], "at most 30 ms a report"
    assert line.place("a1", 1000 + 48_000, 1.2) == 48_000 + 960, "sound is never moved"


def test_what_is_far_off_is_moved_at_once_and_what_is_absurd_is_not_believed() -> None:
    line = Timeline(RATES, 0.0)
    line.place("a1", 0, 0.0)
    line.place("v1", 0, 0.0)
    line.settle()
    line.report("a1", NTP, 0)
    line.report("v1", NTP + 1, 0)
    assert line.place("v1", 0, 1.0) == 90_000
    line.report("v1", NTP + 60, 0)
    assert line.place("v1", 0, 1.0) == 90_000


def test_a_picture_alone_needs_no_reports() -> None:
    line = Timeline({"v1": 90_000}, 0.0)
    assert line.place("v1", 7, 1.0) == 90_000
    line.settle()
    line.report("v1", NTP, 7)
    assert line.place("v1", 3007, 2.0) == 93_000
