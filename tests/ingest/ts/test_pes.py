from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base.problems import Problem
from ingest.ts.pes import Pes, PesPackets
from tests.kit.ts_packets import pes


def test_a_packet_without_length_ends_where_the_next_begins() -> None:
    packets = PesPackets(1 << 20)
    whole = pes(b"a" * 300, 9000, 5400)
    assert packets.begins(whole[:184]) == []
    assert packets.more(whole[184:]) == []
    assert packets.begins(pes(b"b", 12600)) == [Pes(9000, 5400, b"a" * 300)]
    assert packets.ends() == [Pes(12600, 12600, b"b")]


def test_a_packet_with_length_is_there_at_once() -> None:
    packets = PesPackets(1 << 20)
    whole = pes(b"a" * 300, 9000, sized=True)
    assert packets.begins(whole[:3]) == []  # even its length may come later
    assert packets.more(whole[3:184]) == []
    assert packets.more(whole[184:] + b"\xff\xff") == [Pes(9000, 9000, b"a" * 300)]
    assert packets.more(b"what follows belongs to none") == []
    assert packets.damaged == 0


@pytest.mark.rule("H.222.0 2.4.3.7", "stamps have 33 bits with marker bits between them")
def test_stamps() -> None:
    top = (1 << 33) - 1
    packets = PesPackets(1 << 20)
    assert packets.begins(pes(b"a", top, 0x155555555 & top, sized=True)) == [Pes(top, 0x155555555 & top, b"a")]
    assert packets.begins(pes(b"a", sized=True)) == [Pes(None, None, b"a")]
    for at in (9, 11, 13):
        wrong = bytearray(pes(b"a", top, sized=True))
        wrong[at] &= 0xFE
        assert packets.begins(bytes(wrong)) == []
    assert packets.damaged == 3


def test_a_packet_with_a_hole_is_not_given() -> None:
    packets = PesPackets(1 << 20)
    packets.begins(pes(b"a" * 170, 9000))
    packets.lost()
    assert packets.more(b"tail") == []
    assert packets.begins(pes(b"b", 9000)) == []
    assert packets.begins(pes(b"c" * 500, 9000, sized=True)[:184]) == [Pes(9000, 9000, b"b")]
    assert packets.begins(pes(b"d", 9000)) == [], "the one before ended too early for its length"
    assert packets.damaged == 2


def test_a_packet_over_the_limit_is_refused() -> None:
    packets = PesPackets(1000)
    packets.begins(pes(b"a" * 170, 9000))
    with pytest.raises(Problem, match="over 0 KiB"):
        for _ in range(6):
            packets.more(b"a" * 184)


@given(st.lists(st.tuples(st.binary(max_size=184), st.sampled_from(["begins", "more", "lost"])), max_size=60))
def test_any_payloads_keep_no_more_than_the_limit(payloads: list[tuple[bytes, str]]) -> None:
    packets = PesPackets(2000)
    for payload, what in payloads:
        try:
            if what == "lost":
                packets.lost()
            else:
                getattr(packets, what)(payload)
        except Problem as problem:
            assert problem.kind.name == "too-large"
            return
        assert sum(map(len, packets._parts)) == packets._size <= 2000
