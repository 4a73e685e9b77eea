"""Messages of RTMP taken apart, octet by octet as the specifications have them."""

from __future__ import annotations

import struct

import pytest

from base.problems import Problem
from ingest.flv import CHANNELS, CODED, METADATA, START, TS_START, Packet, read
from tests.kit import rtmp

IDR = struct.pack(">I", 3) + b"\x65\x88\x80"
SLICE = struct.pack(">I", 3) + b"\x41\x9a\x00"


def test_h264() -> None:
    """FLV E.4.3: configuration, frames with a signed composition offset, end of sequence."""
    assert read("video", rtmp.avc_config()) == [Packet(0, "avc1", START, rtmp.AVCC)]
    assert read("video", b"\x17\x01\xff\xff\xd8" + IDR) == [Packet(0, "avc1", CODED, IDR, -40)]
    assert read("video", b"\x27\x01\x00\x00\x50" + SLICE) == [Packet(0, "avc1", CODED, SLICE, 80)]
    assert read("video", b"\x17\x02\x00\x00\x00") == []


def test_aac() -> None:
    """FLV E.4.2."""
    assert read("audio", b"\xaf\x00\x11\x90") == [Packet(0, "mp4a", START, b"\x11\x90")]
    assert read("audio", b"\xaf\x01abc") == [Packet(0, "mp4a", CODED, b"abc")]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("video", b""),
        ("audio", b""),
        ("audio", b"\xaf\x01"),
        ("video", b"\x57\x00\x00\x00\x00"),  # a command frame
        ("video", b"\xd1avc1\x00"),  # the same, enhanced
        ("video", b"\x92avc1"),  # SequenceEnd
        ("audio", b"\x92mp4a"),
        ("video", b"\x9eavc1"),  # a packet type of the future
    ],
)
def test_what_carries_no_media(kind: str, body: bytes) -> None:
    assert read(kind, body) == []


@pytest.mark.rule(
    "E-RTMP v2 Enhanced Video", "CodedFrames of AVC and HEVC begin with SI24, CodedFramesX and AV1 do not"
)
def test_enhanced_video() -> None:
    assert read("video", b"\x90hvc1record") == [Packet(0, "hvc1", START, b"record")]
    assert read("video", b"\x91hvc1\x00\x00\x28units") == [Packet(0, "hvc1", CODED, b"units", 40)]
    assert read("video", b"\xa3hvc1units") == [Packet(0, "hvc1", CODED, b"units")]
    assert read("video", b"\x91av01obus") == [Packet(0, "av01", CODED, b"obus")]
    assert read("video", b"\x95av01descriptor") == [Packet(0, "av01", TS_START, b"descriptor")]
    assert read("video", b"\xd4hvc1amf") == [Packet(0, "hvc1", METADATA, b"amf")], "its frame type means nothing"


@pytest.mark.rule("E-RTMP v2 Enhanced Audio", "FourCCs name the codec; MultichannelConfig says the channels")
def test_enhanced_audio() -> None:
    assert read("audio", b"\x90Opushead") == [Packet(0, "Opus", START, b"head")]
    assert read("audio", b"\x91ac-3frame") == [Packet(0, "ac-3", CODED, b"frame")]
    assert read("audio", b"\x94Opus\x00\x06") == [Packet(0, "Opus", CHANNELS, b"\x00\x06")]


@pytest.mark.rule("E-RTMP v2 ModEx", "modifiers come first and may repeat; their size is UI8 + 1, or UI16 + 1")
def test_modifiers() -> None:
    nano = b"\x02\x0f\x42\x3f" + b"\x01"  # 3 octets: 999999 ns; type 0, then CodedFrames
    assert read("video", b"\x97" + nano + b"av01obus") == [Packet(0, "av01", CODED, b"obus", 0, 999_999)]
    unknown = b"\xff\x01\x2b" + bytes(300) + b"\x57"  # 300 octets; type 5, then another modifier
    assert read("video", b"\x97" + unknown + nano + b"avc1\0\0\x28x") == [Packet(0, "avc1", CODED, b"x", 40, 999_999)]
    assert read("audio", b"\x97" + nano + b"Opusx") == [Packet(0, "Opus", CODED, b"x", 0, 999_999)]
    with pytest.raises(Problem, match="over 16 modifiers"):
        read("audio", b"\x97" + b"\x00\x00\x07" * 17 + b"\x00\x00\x01Opusx")


@pytest.mark.rule("E-RTMP v2 Multitrack", "one track, many of one codec, or many of several, each with its size")
def test_several_tracks() -> None:
    one = b"\x96\x01avc1\x03" + b"\0\0\x28units"
    assert read("video", one) == [Packet(3, "avc1", CODED, b"units", 40)]
    many = b"\x96\x13hvc1" + b"\x00\x00\x00\x02ab" + b"\x01\x00\x00\x01c"
    assert read("video", many) == [Packet(0, "hvc1", CODED, b"ab"), Packet(1, "hvc1", CODED, b"c")]
    codecs = b"\x95\x20" + b"mp4a\x00\x00\x00\x02\x11\x90" + b"Opus\x01\x00\x00\x00"
    assert read("audio", codecs) == [Packet(0, "mp4a", START, b"\x11\x90"), Packet(1, "Opus", START, b"")]


@pytest.mark.parametrize(
    ("kind", "body", "says"),
    [
        ("video", b"\x22\x00", "Sorenson H.263 .* set the encoder to H.264"),
        ("video", b"\x1c\x00\x00\x00\x00", "HEVC"),
        ("video", b"\x90vp09", "VP9"),
        ("video", b"\x90vp08", "VP8"),
        ("video", b"\x90vvc1", "VVC"),
        ("video", b"\x90zzzz", "zzzz"),
        ("video", b"\x96\x00vp09\x01", "VP9"),
        ("audio", b"\x2f\xff", "MP3 .* set the encoder to AAC"),
        ("audio", b"\x90.mp3", "MP3"),
    ],
)
def test_another_codec_is_refused_by_name(kind: str, body: bytes, says: str) -> None:
    with pytest.raises(Problem, match=says) as refused:
        read(kind, body)
    assert refused.value.kind.name == "unplayable"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("video", b"\x17\x01"),
        ("video", b"\x90av"),
        ("video", b"\x91avc1\0"),
        ("audio", b"\x90mp"),
        ("video", b"\x97\x02\x00"),  # a modifier without its data
        ("video", b"\x96\x11avc1\x00\x00\x00\x09abc"),  # a track longer than the message
        ("video", b"\x96\x16avc1\x00"),  # several tracks of several tracks
        ("video", b"\x96\x31avc1\x00"),  # a layout of the future
        ("audio", b"\x95\x11Opus\x00\x00"),
    ],
)
def test_damage_is_noticed(kind: str, body: bytes) -> None:
    with pytest.raises(Problem) as refused:
        read(kind, body)
    assert refused.value.kind.name == "malformed"
