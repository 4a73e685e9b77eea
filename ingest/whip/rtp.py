"""RTP and RTCP on the wire, as far as a receiver of one publisher needs them (RFC 3550, 4585, 5761, 8285).

What comes in is parsed here; what goes out is printed with aiortc's packet classes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aiortc.rtp import (
    RTCP_PSFB_APP,
    RTCP_PSFB_PLI,
    RTCP_RTPFB_NACK,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    pack_remb_fci,
)

_HEAD = struct.Struct(">BBHII")
_SR, _BYE = 200, 203
_SR_HEAD = struct.Struct(">IQI")
_ONE_BYTE = 0xBEDE
# A NACK names at most this many packets: more are not repaired but replaced by a keyframe.
MAX_NACKED = 128


@dataclass(slots=True)
class Packet:
    """One RTP packet. `sequence` and `timestamp` as on the wire; `transport` is its transport-wide number, or -1."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    transport: int = -1


@dataclass(frozen=True, slots=True)
class SenderReport:
    """`ntp` in seconds since 1900 at which the sender's clock of this SSRC stood at `timestamp`."""

    ssrc: int
    ntp: float
    ntp_middle: int  # the middle 32 of the 64 bits, to be echoed as LSR
    timestamp: int


@dataclass(frozen=True, slots=True)
class Bye:
    ssrcs: tuple[int, ...]


def packet(data: bytes, transport_id: int = 0) -> Packet | None:
    """A packet (RFC 3550 5.1), None if it is none. `transport_id`: extension of transport-wide numbers, 0: none."""
    if len(data) < 12:
        return None
    first, second, sequence, timestamp, ssrc = _HEAD.unpack_from(data)
    if first >> 6 != 2:
        return None
    begin, end = 12 + 4 * (first & 15), len(data)
    transport = -1
    if first & 0x10:
        if begin + 4 > end:
            return None
        profile, words = struct.unpack_from(">HH", data, begin)
        begin += 4
        if begin + 4 * words > end:
            return None
        if transport_id and profile == _ONE_BYTE:
            transport = _element(data, begin, begin + 4 * words, transport_id)
        begin += 4 * words
    if first & 0x20:
        if begin >= end or not 0 < data[-1] <= end - begin:
            return None
        end -= data[-1]
    if begin > end:
        return None
    return Packet(second & 0x7F, second > 0x7F, sequence, timestamp, ssrc, data[begin:end], transport)


def _element(data: bytes, at: int, end: int, wanted: int) -> int:
    """The 16-bit value of one element of a one-byte header extension (RFC 8285 4.2), -1 if it is not there."""
    while at < end:
        head = data[at]
        at += 1
        if head == 0:
            continue
        number, size = head >> 4, (head & 15) + 1
        if number == 15:
            break
        if number == wanted and size == 2 and at + 2 <= end:
            return data[at] << 8 | data[at + 1]
        at += size
    return -1


def reports(data: bytes) -> Iterator[SenderReport | Bye]:
    """The sender reports and goodbyes of a compound packet (RFC 3550 6.4.1, 6.6); what is damaged ends it."""
    at = 0
    while at + 4 <= len(data):
        first, kind, words = struct.unpack_from(">BBH", data, at)
        body, at = at + 4, at + 4 + 4 * words
        if first >> 6 != 2 or at > len(data):
            return
        if kind == _SR and at - body >= 24:
            ssrc, ntp, timestamp = _SR_HEAD.unpack_from(data, body)
            yield SenderReport(ssrc, ntp / (1 << 32), ntp >> 16 & 0xFFFFFFFF, timestamp)
        elif kind == _BYE and at - body >= 4 * (first & 31):
            yield Bye(struct.unpack_from(f">{first & 31}I", data, body))


def receiver_report(ssrc: int, blocks: Sequence[RtcpReceiverInfo]) -> bytes:
    """The report that every compound packet begins with (RFC 3550 6.1)."""
    return bytes(RtcpRrPacket(ssrc=ssrc, reports=list(blocks)))


def nack(ssrc: int, media: int, lost: Sequence[int]) -> bytes:
    """Ask for packets again (RFC 4585 6.2.1), oldest first."""
    return bytes(RtcpRtpfbPacket(fmt=RTCP_RTPFB_NACK, ssrc=ssrc, media_ssrc=media, lost=list(lost[:MAX_NACKED])))


def picture_loss(ssrc: int, media: int) -> bytes:
    """Ask for a keyframe (RFC 4585 6.3.1)."""
    return bytes(RtcpPsfbPacket(fmt=RTCP_PSFB_PLI, ssrc=ssrc, media_ssrc=media))


def highest_rate(ssrc: int, media: Sequence[int], bits_per_second: int) -> bytes:
    """Say how much may be sent (draft-alvestrand-rmcat-remb-03)."""
    fci = pack_remb_fci(bits_per_second, list(media))
    return bytes(RtcpPsfbPacket(fmt=RTCP_PSFB_APP, ssrc=ssrc, media_ssrc=0, fci=fci))
