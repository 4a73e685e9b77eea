from __future__ import annotations

import struct

import pytest

from base.problems import Problem
from ingest.flv import Coded, Config, FlvSource, parse
from ingest.media import Frame, TrackConfig
from packager.entries import aac_format, avc_format
from tests.kit import rtmp

IDR = struct.pack(">I", 3) + b"\x65\x88\x80"
SLICE = struct.pack(">I", 3) + b"\x41\x9a\x00"


def test_h264() -> None:
    """FLV E.4.3: configuration, frames with a signed composition offset, end of sequence."""
    assert parse("video", rtmp.avc_config()) == Config(kind="video", record=rtmp.AVCC)
    assert parse("video", b"\x17\x01\xff\xff\xd8" + IDR) == Coded(kind="video", data=IDR, cto_ms=-40, key=True)
    assert parse("video", b"\x27\x01\x00\x00\x50" + SLICE) == Coded(kind="video", data=SLICE, cto_ms=80, key=False)
    assert parse("video", b"\x17\x02\x00\x00\x00") is None


def test_a_keyframe_is_one_that_holds_an_idr_picture_whatever_the_tag_says() -> None:
    recovery_point = parse("video", b"\x17\x01\0\0\0" + SLICE)
    assert isinstance(recovery_point, Coded)
    assert not recovery_point.key


def test_aac() -> None:
    """FLV E.4.2."""
    assert parse("audio", b"\xaf\x00\x11\x90") == Config(kind="audio", record=b"\x11\x90")
    assert parse("audio", b"\xaf\x01abc") == Coded(kind="audio", data=b"abc")


def test_what_carries_no_media() -> None:
    for kind, body in (("video", b""), ("audio", b""), ("audio", b"\xaf\x01"), ("video", b"\x57\x00\x00\x00\x00")):
        assert parse(kind, body) is None


def test_enhanced_h264_and_aac() -> None:
    """Enhanced RTMP v2: SequenceStart 0, CodedFrames 1 with SI24, CodedFramesX 3 without."""
    assert parse("video", b"\x90avc1" + rtmp.AVCC) == Config(kind="video", record=rtmp.AVCC)
    assert parse("video", b"\x91avc1\x00\x00\x28" + IDR) == Coded(kind="video", data=IDR, cto_ms=40, key=True)
    assert parse("video", b"\xa3avc1" + SLICE) == Coded(kind="video", data=SLICE, key=False)
    assert parse("video", b"\x92avc1") is None
    assert parse("audio", b"\x90mp4a\x11\x90") == Config(kind="audio", record=b"\x11\x90")
    assert parse("audio", b"\x91mp4aabc") == Coded(kind="audio", data=b"abc")


@pytest.mark.parametrize(
    ("kind", "body", "says"),
    [
        ("video", b"\x22\x00", "Sorenson H.263 .* set the encoder to H.264"),
        ("video", b"\x1c\x00\x00\x00\x00", "HEVC"),
        ("video", b"\x90hvc1", "HEVC"),
        ("video", b"\x90av01", "AV1"),
        ("video", b"\x90zzzz", "zzzz"),
        ("video", b"\x96\x00avc1", "multitrack"),
        ("audio", b"\x2f\xff", "MP3 .* set the encoder to AAC"),
        ("audio", b"\x90Opus", "Opus"),
        ("audio", b"\x95\x00", "multitrack"),
    ],
)
def test_another_codec_is_refused_by_name(kind: str, body: bytes, says: str) -> None:
    with pytest.raises(Problem, match=says) as refused:
        parse(kind, body)
    assert refused.value.kind.name == "unplayable"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("video", b"\x17\x01"),
        ("video", b"\x17\x01\0\0\0\0\0\0\x09\x65"),
        ("video", b"\x17\x01\0\0\0\0\0\0\0"),
        ("video", b"\x90av"),
        ("video", b"\x91avc1\0"),
        ("audio", b"\x90mp"),
    ],
)
def test_damage_is_noticed(kind: str, body: bytes) -> None:
    with pytest.raises(Problem) as refused:
        parse(kind, body)
    assert refused.value.kind.name == "malformed"


def test_a_connection_has_one_clock_that_wraps() -> None:
    source = FlvSource()
    assert source.take("video", 0, rtmp.avc_config()) == TrackConfig(track="v1", format=avc_format(rtmp.AVCC))
    assert source.take("audio", 0, rtmp.aac_config()) == TrackConfig(track="a1", format=aac_format(rtmp.ASC))
    end = (1 << 32) - 20
    coded = b"\x17\x01\x00\x00\x28" + IDR
    assert source.take("video", end, coded) == Frame(track="v1", dts=end, timescale=1000, cto=40, data=IDR)
    assert source.take("audio", 1, b"\xaf\x01abc") == Frame(track="a1", dts=end + 21, timescale=1000, data=b"abc")
    assert source.take("video", 20, b"\x27\x01\x00\x00\x00" + SLICE) == Frame(
        track="v1", dts=end + 40, timescale=1000, key=False, data=SLICE
    )
    assert source.take("audio", 30, b"") is None
