"""RTP payloads of H.264 to access units."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.whip.h264 import AccessUnit, Depacketiser
from ingest.whip.rtp import Packet
from tests.kit.rtmp import PPS, SPS
from tests.kit.whip import aggregate, fragments

IDR = b"\x65" + bytes(range(1, 200)) * 9
SLICE = b"\x41" + b"picture" * 30


class Stream:
    """Packets of one stream, numbered, 3000 ticks a picture."""

    def __init__(self) -> None:
        self.sequence = 0
        self.timestamp = -3000

    def picture(self, *payloads: bytes) -> list[Packet]:
        self.timestamp += 3000
        out = []
        for at, payload in enumerate(payloads):
            out.append(Packet(102, at == len(payloads) - 1, self.sequence, self.timestamp, 1, payload))
            self.sequence += 1
        return out

    def key(self) -> list[Packet]:
        return self.picture(aggregate(SPS, PPS), *fragments(IDR, 500))


def all_of(depacketiser: Depacketiser, packets: list[Packet]) -> list[AccessUnit]:
    return [unit for packet in packets for unit in depacketiser.push(packet)]


def nals(data: bytes) -> list[bytes]:
    out = []
    while data:
        size = int.from_bytes(data[:4], "big")
        out.append(data[4 : 4 + size])
        data = data[4 + size :]
    return out


@pytest.mark.rule("RFC 6184 5.6, 5.7.1, 5.8", "single NAL units, STAP-A and FU-A are put together to access units")
def test_all_three_kinds_of_payload() -> None:
    stream, took = Stream(), Depacketiser()
    units = all_of(took, stream.key() + stream.picture(SLICE) + stream.picture(aggregate(b"\x09\x10", SLICE, SLICE)))
    assert [(unit.timestamp, unit.key) for unit in units] == [(0, True), (3000, False), (6000, False)]
    assert units[0].sets == (SPS, PPS)
    assert [nals(unit.data) for unit in units] == [[IDR], [SLICE], [SLICE, SLICE]], "delimiters stay out"


def test_a_new_time_ends_what_had_no_marker() -> None:
    stream, took = Stream(), Depacketiser()
    key = stream.key()
    key[-1].marker = False
    assert all_of(took, key) == []
    assert [unit.timestamp for unit in all_of(took, stream.picture(SLICE))] == [0, 3000]


def test_nothing_begins_before_a_keyframe() -> None:
    stream, took = Stream(), Depacketiser()
    assert all_of(took, stream.picture(SLICE)) == []
    assert took.waiting and took.skipped == 1
    assert len(all_of(took, stream.key())) == 1
    assert not took.waiting


@pytest.mark.rule("RFC 6184 7", "what a lost packet damaged is not passed on, nor what refers to it")
def test_after_a_loss_only_a_whole_keyframe_goes_on() -> None:
    stream, took = Stream(), Depacketiser()
    all_of(took, stream.key())
    broken = stream.picture(*fragments(SLICE, 50))
    assert all_of(took, broken[:2]) == []
    took.lose()
    assert all_of(took, broken[3:]) == []
    assert all_of(took, stream.picture(SLICE)) == [], "it refers to the one that is missing"
    late = stream.key()
    took.lose()
    assert all_of(took, late[1:]) == [], "its beginning is missing"
    assert [unit.key for unit in all_of(took, stream.key() + stream.picture(SLICE))] == [True, False]


def test_what_was_lost_before_a_keyframe_does_not_cost_it() -> None:
    stream, took = Stream(), Depacketiser()
    all_of(took, stream.key())
    took.lose()
    assert [unit.key for unit in all_of(took, stream.key())] == [True], "it can be seen to begin with its SPS"


def test_a_slice_alone_may_be_half_of_a_keyframe() -> None:
    stream, took = Stream(), Depacketiser()
    all_of(took, stream.key())
    took.lose()
    assert all_of(took, stream.picture(IDR)) == []


@pytest.mark.parametrize(
    "payload", [b"\x1b\0\0abc", b"\x1dabc", b"\x1c\x80", b"\x18\0\0", b"\x18\xff\xffab", b"\x7c\x45ab"]
)
def test_payloads_that_were_not_agreed_spoil_their_picture(payload: bytes) -> None:
    stream, took = Stream(), Depacketiser()
    all_of(took, stream.key())
    assert all_of(took, stream.picture(payload, SLICE)) == []
    assert took.waiting


def test_a_picture_without_end_is_no_picture() -> None:
    took = Depacketiser()
    stream = Stream()
    first, *_ = stream.picture(b"\x7c\x85" + bytes(60_000), b"")
    assert took.push(first) == []
    for at in range(1, 200):
        took.push(Packet(102, False, at, 0, 1, b"\x7c\x05" + bytes(60_000)))
    assert took._fragment is None or len(took._fragment) < 9 << 20
    assert took.push(Packet(102, True, 200, 0, 1, b"\x7c\x45ab")) == []


@given(st.integers(0, 2**32), st.floats(0.0, 0.3))
def test_whatever_is_lost_what_leaves_is_whole_and_refers_to_what_left(seed: int, loss: float) -> None:
    chance = random.Random(seed)
    stream, took = Stream(), Depacketiser()
    sent: dict[int, int] = {}
    packets = []
    for at in range(60):
        made = stream.key() if at % 12 == 0 else stream.picture(*fragments(SLICE, 60))
        sent[stream.timestamp] = 1 if at % 12 == 0 else len(SLICE)
        packets += made
    got: list[AccessUnit] = []
    lost = False
    for packet in packets:
        if chance.random() < loss:
            lost = True
            continue
        if lost:
            took.lose()
            lost = False
        got += took.push(packet)
    before = None
    for unit in got:
        assert nals(unit.data) == ([IDR] if unit.key else [SLICE])
        assert unit.key or before == unit.timestamp - 3000, "a hole in a group of pictures"
        before = unit.timestamp


@given(st.lists(st.tuples(st.binary(max_size=30), st.booleans(), st.integers(0, 3)), max_size=30))
def test_no_payload_breaks_it(payloads: list[tuple[bytes, bool, int]]) -> None:
    took = Depacketiser()
    for at, (payload, marker, timestamp) in enumerate(payloads):
        took.push(Packet(102, marker, at, timestamp, 1, payload))
