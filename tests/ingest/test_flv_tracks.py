"""Packets of FLV bodies as configurations and frames."""

from __future__ import annotations

import struct

import pytest

from base.problems import Problem
from ingest import amf
from ingest.flv_tracks import FlvTracks, colour_info
from ingest.media import Frame, TrackConfig
from packager.colour import cicp
from packager.entries import Colour, aac_format, avc_format
from tests.kit import rtmp
from tests.packager.test_av1 import AV1C, KEY, SEQUENCE

IDR = struct.pack(">I", 3) + b"\x65\x88\x80"
SLICE = struct.pack(">I", 3) + b"\x41\x9a\x00"
OPUS_HEAD = b"OpusHead\x01\x02" + struct.pack("<HIhB", 312, 48000, 0, 0)
AC3 = bytes.fromhex("0b77a0141040") + bytes(100)  # 48 kHz, mono


def config(found: list[TrackConfig | Frame]) -> TrackConfig:
    [only] = found
    assert isinstance(only, TrackConfig)
    return only


def test_a_connection_has_one_clock_that_wraps() -> None:
    tracks = FlvTracks()
    assert tracks.take("video", 0, rtmp.avc_config()) == [TrackConfig(track="v1", format=avc_format(rtmp.AVCC))]
    assert tracks.take("audio", 0, rtmp.aac_config()) == [TrackConfig(track="a1", format=aac_format(rtmp.ASC))]
    end = (1 << 32) - 20
    coded = b"\x17\x01\x00\x00\x28" + IDR
    assert tracks.take("video", end, coded) == [Frame(track="v1", dts=-20, timescale=1000, cto=40, data=IDR)]
    assert tracks.take("audio", 1, b"\xaf\x01abc") == [Frame(track="a1", dts=1, timescale=1000, data=b"abc")]
    assert tracks.take("audio", 30, b"") == []


def test_a_configuration_is_told_once() -> None:
    tracks = FlvTracks()
    tracks.take("video", 0, rtmp.avc_config())
    assert tracks.take("video", 2000, rtmp.avc_config()) == []


def test_a_keyframe_is_one_that_holds_an_idr_picture_whatever_the_tag_says() -> None:
    tracks = FlvTracks()
    assert tracks.take("video", 0, b"\x17\x01\0\0\0" + SLICE) == [
        Frame(track="v1", dts=0, timescale=1000, key=False, data=SLICE)
    ]
    cra, trail = b"\0\0\0\3\x2a\x01x", b"\0\0\0\3\x02\x01x"  # NAL unit types 21 and 1
    [first], [second] = tracks.take("video", 0, b"\xa3hvc1" + cra), tracks.take("video", 0, b"\x93hvc1" + trail)
    assert isinstance(first, Frame) and isinstance(second, Frame)
    assert (first.key, second.key) == (True, False)


@pytest.mark.parametrize("body", [b"\x17\x01\0\0\0\0\0\0\x09\x65", b"\x17\x01\0\0\0\0\0\0\0"])
def test_lengths_that_do_not_add_up(body: bytes) -> None:
    with pytest.raises(Problem, match="do not add up"):
        FlvTracks().take("video", 0, body)


def test_lengths_of_two_octets_become_four() -> None:
    record = rtmp.AVCC[:4] + b"\xfd" + rtmp.AVCC[5:]
    tracks = FlvTracks()
    assert config(tracks.take("video", 0, rtmp.avc_config(record))).format == avc_format(rtmp.AVCC)
    [frame] = tracks.take("video", 0, b"\x17\x01\0\0\0" + b"\0\3\x65\x88\x80" + b"\0\1\x41")
    assert isinstance(frame, Frame)
    assert frame.data == IDR + b"\0\0\0\1\x41" and frame.key


def test_av1_with_its_sequence_header_in_the_first_keyframe() -> None:
    tracks = FlvTracks()
    assert tracks.take("video", 0, b"\x90av01" + AV1C[:4]) == []
    made, frame = tracks.take("video", 0, b"\x91av01\x12\x00" + SEQUENCE + KEY)
    assert isinstance(made, TrackConfig) and isinstance(frame, Frame)
    assert (made.format.codec, made.format.width) == ("av01.0.00M.08", 640)
    assert frame.data == SEQUENCE + KEY and frame.key, "without its temporal delimiter"


def test_av1_by_its_descriptor_of_transport_streams() -> None:
    tracks = FlvTracks()
    assert tracks.take("video", 0, b"\x95av01\x80\x04\x81\x00\x0c\x00") == []
    made, _ = tracks.take("video", 0, b"\x91av01" + SEQUENCE + KEY)
    assert isinstance(made, TrackConfig)
    with pytest.raises(Problem, match="descriptor"):
        tracks.take("video", 0, b"\x95av01\x80")


def test_opus() -> None:
    tracks = FlvTracks()
    made = config(tracks.take("audio", 0, b"\x90Opus" + OPUS_HEAD)).format
    assert (made.codec, made.channels, made.timescale) == ("opus", 2, 48000)
    alone = config(FlvTracks().take("audio", 0, b"\x90Opus")).format
    assert alone.channels == 2
    mono = FlvTracks()
    mono.take("audio", 0, b"\x94Opus\x00\x01")
    assert config(mono.take("audio", 0, b"\x90Opus")).format.channels == 1


def test_ac3_says_what_it_is_in_its_first_frame() -> None:
    tracks = FlvTracks()
    made, _ = tracks.take("audio", 5, b"\x91ac-3" + AC3)
    assert isinstance(made, TrackConfig)
    assert (made.format.codec, made.format.sample_duration) == ("ac-3", 1536)
    assert tracks.take("audio", 37, b"\x91ac-3" + AC3) == [Frame(track="a1", dts=37, timescale=1000, data=AC3)]


def test_another_codec_needs_a_configuration_of_its_own() -> None:
    tracks = FlvTracks()
    tracks.take("video", 0, rtmp.avc_config())
    assert tracks.take("video", 0, b"\x91av01" + SEQUENCE + KEY) == []
    assert config(tracks.take("video", 40, b"\x90av01" + AV1C)).format.codec.startswith("av01")
    assert len(tracks.take("video", 40, b"\x91av01" + SEQUENCE + KEY)) == 1
    tracks.take("audio", 0, rtmp.aac_config())
    made, _ = tracks.take("audio", 40, b"\x91ac-3" + AC3)
    assert isinstance(made, TrackConfig) and made.format.codec == "ac-3"
    assert config(tracks.take("audio", 80, rtmp.aac_config())).format.codec == "mp4a.40.2"
    assert tracks.take("audio", 80, b"\x90ac-3") == []
    assert isinstance(tracks.take("audio", 80, b"\x91ac-3" + AC3)[0], TrackConfig)


def test_flac() -> None:
    info = struct.pack(">HH", 4608, 4608) + bytes(6) + struct.pack(">I", 44100 << 12 | 1 << 9) + bytes(20)
    made = config(FlvTracks().take("audio", 0, b"\x90fLaCfLaC\x80\0\0\x22" + info)).format
    assert (made.codec, made.timescale, made.channels, made.sample_duration) == ("fLaC", 44100, 2, 4608)
    assert config(FlvTracks().take("audio", 0, b"\x90fLaC" + info)).format == made, "as FFmpeg sends it"


def test_renditions_and_languages() -> None:
    tracks = FlvTracks()
    tracks.metadata({"audioTrackIdInfoMap": {"1": {"language": "deu"}, "x": {"language": "fra"}, "2": 5.0}})
    both = b"\x96\x10avc1" + b"".join(bytes((n,)) + len(rtmp.AVCC).to_bytes(3, "big") + rtmp.AVCC for n in (0, 1))
    assert [found.track for found in tracks.take("video", 0, both)] == ["v1", "v2"]
    second = config(tracks.take("audio", 0, b"\x95\x00mp4a\x01" + rtmp.ASC))
    assert (second.track, second.format.language) == ("a2", "deu")
    with pytest.raises(Problem, match="track 16 is not taken"):
        tracks.take("audio", 0, b"\x95\x00mp4a\x10" + rtmp.ASC)


def test_languages_of_tracks_that_cannot_be() -> None:
    tracks = FlvTracks()
    tracks.metadata({"audioTrackIdInfoMap": {"1" * 5000: {"language": "deu"}, "16": {"language": "deu"}, "0": {}}})
    found = config(tracks.take("audio", 0, rtmp.aac_config()))
    assert found.format.language == "und"


@pytest.mark.rule("E-RTMP v2 TimestampOffsetNano", "the offset is added to presentation, not to the order of messages")
def test_nanoseconds() -> None:
    tracks = FlvTracks()
    nano = b"\x02" + (367_000).to_bytes(3, "big") + b"\x01"
    video = tracks.take("video", 33, b"\x97" + nano + b"avc1\0\0\x28" + IDR)
    assert video == [Frame(track="v1", dts=33_000, timescale=1_000_000, cto=40_367, data=IDR)]
    audio = tracks.take("audio", 33, b"\x97" + nano + b"mp4aabc")
    assert audio == [Frame(track="a1", dts=33_367, timescale=1_000_000, data=b"abc")]


HDR = {
    "colorConfig": {
        "bitDepth": 10, "colorPrimaries": 9, "transferCharacteristics": 16, "matrixCoefficients": 9
    },
    "hdrCll": {"maxFall": 400, "maxCLL": 1000},
    "hdrMdcv": {
        "redX": 0.708, "redY": 0.292, "greenX": 0.17, "greenY": 0.797, "blueX": 0.131, "blueY": 0.046,
        "whitePointX": 0.3127, "whitePointY": 0.329, "maxLuminance": 1000, "minLuminance": 0.005,
    },
}  # fmt: skip


@pytest.mark.rule("E-RTMP v2 Metadata Frame", "colorInfo says colours, light levels and the mastering display")
def test_colours_beside_the_stream() -> None:
    body = amf.encode("colorInfo", HDR)  # type: ignore[arg-type]  # groups of numbers, one level deeper than its type
    assert colour_info(body) == Colour(
        codes=(9, 16, 9, False),
        mastering=(8500, 39850, 6550, 2300, 35400, 14600, 15635, 16450, 10_000_000, 50),
        light=(1000, 400),
    )
    tracks = FlvTracks()
    tracks.take("video", 0, rtmp.avc_config())
    made = config(tracks.take("video", 0, b"\xd4avc1" + body)).format
    assert cicp(made) == (9, 16, 9)
    assert b"mdcv" in made.entry and b"clli" in made.entry
    before = FlvTracks()
    before.take("video", 0, b"\xd4avc1" + body)
    assert config(before.take("video", 0, rtmp.avc_config())).format == made


@pytest.mark.parametrize("said", [{}, {"colorConfig": 5}, {"colorConfig": {"colorPrimaries": 9}}])
def test_colours_that_say_nothing(said: dict[str, amf.Value]) -> None:
    assert colour_info(amf.encode("colorInfo", said)) is None
    assert colour_info(amf.encode("other", said)) is None
