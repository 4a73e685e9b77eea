"""Which packet came when, as the publisher reads it."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.whip.congestion import Arrivals


def read(octets: bytes) -> dict[int, float | None]:
    """Number -> s, None for what did not come: a reader of its own, by the draft's section 3.1."""
    found: dict[int, float | None] = {}
    while octets:
        head, kind, words = struct.unpack_from(">BBH", octets)
        assert (head, kind) == (0x8F, 205)
        message, octets = octets[4 : 4 + 4 * words], octets[4 + 4 * words :]
        _, media, base, count, rest = struct.unpack_from(">IIHHI", message)
        assert media == 5
        at, symbols = 16, []
        while len(symbols) < count:
            (chunk,) = struct.unpack_from(">H", message, at)
            assert chunk >> 14 == 3
            symbols += [chunk >> 12 - 2 * place & 3 for place in range(7)]
            at += 2
        ticks = (rest >> 8) * 256
        for number, symbol in enumerate(symbols[:count], base):
            if symbol:
                size = {1: ">B", 2: ">h"}[symbol]
                ticks += struct.unpack_from(size, message, at)[0]
                at += symbol
            came = ticks / 4000 if symbol else None
            if found.get(number & 0xFFFF) is None:
                found[number & 0xFFFF] = came
    return found


@pytest.mark.rule(
    "draft-holmer-rmcat-transport-wide-cc-extensions-01 3.1", "each packet is said to have come, and when, or not to"
)
def test_what_came_and_what_did_not() -> None:
    arrivals = Arrivals()
    times = {65534: 10.0, 65535: 10.001, 1: 10.2, 0: 10.21, 4: 10.3}
    for number, time in times.items():
        arrivals.arrived(number, time)
    got = read(arrivals.feedback(9, 5))
    assert {number: time for number, time in got.items() if time} == pytest.approx(times, abs=0.0003)
    assert got[2] is None and got[3] is None
    assert arrivals.feedback(9, 5) == b""


def test_losses_between_messages_and_late_packets() -> None:
    arrivals = Arrivals()
    arrivals.arrived(10, 1.0)
    arrivals.feedback(9, 5)
    arrivals.arrived(13, 1.1)
    assert read(arrivals.feedback(9, 5)) == {11: None, 12: None, 13: pytest.approx(1.1, abs=0.0003)}
    arrivals.arrived(12, 1.2)
    assert read(arrivals.feedback(9, 5))[12] == pytest.approx(1.2, abs=0.0003)


def test_many_packets_are_several_messages() -> None:
    arrivals = Arrivals()
    for number in range(1500):
        arrivals.arrived(number, 1.0 + number / 1000)
    octets = arrivals.feedback(9, 5)
    assert len(read(octets)) == 1500 and octets.count(b"\x8f\xcd") >= 4


@given(st.lists(st.tuples(st.integers(0, 65535), st.floats(0, 1e5)), max_size=60))
def test_any_numbers_and_times_give_whole_messages(came: list[tuple[int, float]]) -> None:
    arrivals = Arrivals()
    for number, now in came:
        arrivals.arrived(number, now)
    read(arrivals.feedback(9, 5))
