from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from base.problems import Problem
from ingest.ts.packets import MAX_SKIPPED, PACKET, Packets


def packet(fill: int) -> bytes:
    return b"\x47" + bytes((fill,)) * (PACKET - 1)


def all_of(packets: Packets, *pieces: bytes) -> bytes:
    return b"".join(bytes(view) for piece in pieces for view in packets.take(piece))


@given(st.lists(st.integers(1, 700), min_size=1, max_size=12))
def test_packets_cut_anywhere_come_out_whole(cuts: list[int]) -> None:
    stream = b"".join(packet(n) for n in range(12))
    pieces, at = [], 0
    for cut in cuts:
        pieces.append(stream[at : at + cut])
        at += cut
    packets = Packets()
    assert all_of(packets, *pieces, stream[at:]) == stream
    assert packets.skipped == 0


@pytest.mark.rule("H.222.0 2.4.3.2", "a packet begins with a sync octet, looked for again after damage")
def test_damage_costs_what_is_damaged() -> None:
    stream = [packet(n) for n in range(12)]
    broken = b"".join(stream[:4]) + b"noise" + b"".join(stream[4:])
    packets = Packets()
    assert all_of(packets, broken) == b"".join(stream)
    assert packets.skipped == 5
    packets = Packets()
    wrong = b"\x46" + stream[5][1:]
    assert all_of(packets, b"".join((*stream[:5], wrong, *stream[6:]))) == b"".join(stream[:5] + stream[6:])
    assert packets.skipped == PACKET


def test_a_sync_octet_by_chance_is_none() -> None:
    packets = Packets()
    stream = b"".join(packet(n) for n in range(4))
    assert all_of(packets, b"\x47\x47G no packet G" + stream) == stream


@settings(max_examples=30)
@given(st.binary(max_size=4000), st.integers(1, 997))
def test_any_octets_give_packets_with_sync_octets_and_bounded_rest(octets: bytes, cut: int) -> None:
    packets = Packets()
    for at in range(0, len(octets), cut):
        for view in packets.take(octets[at : at + cut]):
            assert len(view) % PACKET == 0 and set(view[::PACKET]) <= {0x47}
        assert len(packets._rest) < 3 * PACKET


def test_what_is_no_transport_stream_is_refused() -> None:
    packets = Packets()
    noise = random.Random(1).randbytes(1 << 16).replace(b"\x47", b"\x48")
    with pytest.raises(Problem, match="no MPEG transport stream"):
        for _ in range(MAX_SKIPPED // len(noise) + 2):
            packets.take(noise)
