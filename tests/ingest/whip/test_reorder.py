"""Packets in order, gaps held open, asked for again, given up."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.whip.reorder import Lost, Reorder
from ingest.whip.rtp import Packet


def packet(sequence: int) -> Packet:
    return Packet(96, False, sequence & 0xFFFF, 0, 1, b"x")


def said(released: list[Packet | Lost]) -> list[int | str]:
    return [f"-{item.count}" if isinstance(item, Lost) else item.sequence for item in released]


def test_what_comes_in_order_goes_on_at_once_over_the_wrap() -> None:
    order = Reorder(0.5)
    got = [said(order.push(packet(n), 0.0)) for n in range(65534, 65539)]
    assert got == [[65534], [65535], [0], [1], [2]]
    assert (order.highest & 0xFFFF, order.highest - order.first + 1, order.received) == (2, 5, 5)


def test_a_late_packet_fills_its_gap() -> None:
    order = Reorder(0.5)
    order.push(packet(10), 0.0)
    assert order.push(packet(12), 0.1) == []
    assert order.waiting
    assert said(order.push(packet(11), 0.2)) == [11, 12]
    assert not order.waiting
    assert order.push(packet(11), 0.2) == [], "a second time"


def test_a_gap_is_given_up_in_time() -> None:
    order = Reorder(0.5)
    order.push(packet(10), 0.0)
    order.push(packet(13), 0.1)
    assert order.release(0.59) == []
    assert said(order.release(0.61)) == ["-2", 13]
    assert order.push(packet(11), 0.7) == [], "too late"


@pytest.mark.rule("RFC 4585 6.2.1", "missing packets are asked for again, each a few times and not at once")
def test_missing_packets_are_asked_for() -> None:
    order = Reorder(9.0)
    order.push(packet(10), 0.0)
    order.push(packet(13), 0.0)
    assert order.wanted(0.005) == [], "they may only have been overtaken"
    assert order.wanted(0.02) == [11, 12]
    assert order.wanted(0.05) == []
    asked = sum(bool(order.wanted(0.2 + at / 5)) for at in range(20))
    assert 0 < asked < 6
    order.push(packet(11), 5.0)
    order.push(packet(12), 5.0)
    assert order.wanted(6.0) == []


@pytest.mark.rule("RFC 3550 A.1", "numbers that are far off count only when a second packet agrees")
def test_a_stray_number_is_nothing_and_two_are_a_new_beginning() -> None:
    order = Reorder(0.5)
    order.push(packet(100), 0.0)
    assert order.push(packet(40_000), 0.1) == []
    assert said(order.push(packet(101), 0.2)) == [101]
    assert order.push(packet(40_000), 0.3) == []
    assert said(order.push(packet(40_001), 0.3)) == ["-0", 40_001]
    assert said(order.push(packet(40_002), 0.3)) == [40_002]


@given(st.integers(0, 65535), st.integers(0, 2**32))
def test_whatever_happens_on_the_way_numbers_only_rise(first: int, seed: int) -> None:
    chance = random.Random(seed)
    order = Reorder(0.05)
    sent = [n for n in range(300) if chance.random() > 0.05]
    arriving = sorted(sent, key=lambda n: n + chance.random() * 6)
    arriving += [n for n in sent if chance.random() < 0.02]
    out: list[Packet | Lost] = []
    for at, n in enumerate(arriving):
        out += order.push(packet(first + n), at * 0.01)
    out += order.flush()
    numbers = [(item.sequence - first) & 0xFFFF for item in out if isinstance(item, Packet)]
    assert numbers == sorted(set(numbers))
    begin = numbers[0] if numbers else 0
    missing = sum(item.count for item in out if isinstance(item, Lost))
    assert missing == (numbers[-1] - begin + 1 - len(numbers) if numbers else 0)
