"""RTP and RTCP octets: what is read, what is printed, what is refused."""

from __future__ import annotations

import struct

import pytest
from aiortc.rtp import RtcpPacket, RtcpReceiverInfo
from hypothesis import given
from hypothesis import strategies as st

from ingest.whip import rtp
from tests.kit import whip


@pytest.mark.rule("RFC 3550 5.1", "the fixed header, CSRCs, the extension and padding are told from the payload")
def test_a_packet_with_everything() -> None:
    head = struct.pack(">BBHII", 0xB2, 0x80 | 102, 7, 0xFFFFFFF0, 5) + bytes(8)
    extension = struct.pack(">HH", 0xBEDE, 2) + bytes((0x10, 9, 0x31, 1, 2, 0, 0, 0))
    found = rtp.packet(head + extension + b"payload" + bytes((0, 0, 3)), 3)
    assert found == rtp.Packet(102, True, 7, 0xFFFFFFF0, 5, b"payload", 0x0102)
    assert rtp.packet(head + extension + b"payload" + bytes((0, 0, 3)), 0).transport == -1  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "octets",
    [b"", b"\x80" * 11, bytes((0x40,)) + bytes(20), bytes((0x8F,)) + bytes(12), bytes((0x90,)) + bytes(12)],
)
def test_what_is_no_packet(octets: bytes) -> None:
    assert rtp.packet(octets) is None


@given(st.binary(max_size=80))
def test_no_octets_break_the_readers(octets: bytes) -> None:
    rtp.packet(octets, 3)
    list(rtp.reports(octets))
    rtp.packet(b"\xb1\x66" + octets, 3)
    list(rtp.reports(b"\x81\xc8\x00\x06" + octets))


@pytest.mark.rule("RFC 3550 6.4.1", "a sender report maps the sender's clock to NTP time")
def test_sender_reports_and_goodbyes() -> None:
    bye = struct.pack(">BBHII", 0x82, 203, 2, 5, 6)
    found = list(rtp.reports(whip.sender_report(5, 3.5, 90_000) + bye))
    assert found == [rtp.SenderReport(5, 3.5, 3 << 16 | 0x8000, 90_000), rtp.Bye((5, 6))]


def test_what_is_said_is_understood_by_another_reader() -> None:
    block = RtcpReceiverInfo(ssrc=5, fraction_lost=1, packets_lost=-2, highest_sequence=70000, jitter=3, lsr=4, dlsr=5)
    octets = rtp.receiver_report(9, [block]) + rtp.nack(9, 5, [10, 11, 40]) + rtp.picture_loss(9, 5)
    report, nack, loss, remb = RtcpPacket.parse(octets + rtp.highest_rate(9, [5], 8_000_000))
    assert report.reports == [block]
    assert (nack.fmt, nack.media_ssrc, nack.lost) == (1, 5, [10, 11, 40])
    assert (loss.fmt, loss.media_ssrc) == (1, 5)
    assert remb.fci[:4] == b"REMB"
