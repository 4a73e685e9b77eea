"""Packets to samples, by codec."""

from __future__ import annotations

import pytest

from base.problems import Problem
from ingest.remux.carriers import AUDIO, VIDEO, Carrier, refuse

SPS, PPS = b"\x67\x4d\x40\x0c\xec", b"\x68\xce\x0f\xc8"
START = b"\0\0\0\1"


def test_a_byte_stream_becomes_length_prefixed_without_its_parameter_sets() -> None:
    carrier = Carrier(codec="h264", extradata=START + SPS + START + PPS)
    packet = START + b"\x09\xf0" + START + SPS + START + PPS + b"\0\0\1" + b"\x65picture"
    assert carrier.byte_stream and carrier.sample(packet) == b"\0\0\0\x08\x65picture"
    assert carrier.lasts(packet) == 0


def test_a_configuration_that_changes_is_refused() -> None:
    carrier = Carrier(codec="h264", extradata=START + SPS + START + PPS)
    with pytest.raises(Problem, match="changes its configuration"):
        carrier.sample(START + b"\x67other" + START + b"\x65picture")


def test_hevc_has_other_parameter_sets() -> None:
    vps, sps, pps = b"\x40\x01vps", b"\x42\x01sps", b"\x44\x01pps"
    carrier = Carrier(codec="hevc", extradata=START + vps + START + sps + START + pps)
    packet = START + b"\x46\x01\x50" + START + vps + START + sps + START + pps + START + b"\x26\x01picture"
    assert carrier.sample(packet) == b"\0\0\0\x09\x26\x01picture"


def test_what_is_length_prefixed_already_stays() -> None:
    carrier = Carrier(codec="h264", extradata=b"\x01\x4d\x40\x0c")
    assert not carrier.byte_stream and carrier.sample(b"\0\0\0\1\x65") == b"\0\0\0\1\x65"


def test_aac_with_and_without_adts() -> None:
    adts = Carrier(codec="aac", extradata=b"")
    frame = bytes.fromhex("fff14c401b7ffc") + b"raw"
    assert adts.sample(frame) == b"raw" and adts.lasts(frame) == 1024 and adts.rate == 48000
    plain = Carrier(codec="aac", extradata=b"\x11\x88")
    assert plain.sample(b"raw") == b"raw" and plain.lasts(b"raw") == 1024 and plain.rate == 48000


def test_other_sound_passes() -> None:
    carrier = Carrier(codec="opus", extradata=b"OpusHead")
    assert carrier.sample(b"\xf8abc") == b"\xf8abc" and carrier.lasts(b"\xf8abc") == 960


def test_a_refusal_names_the_codec_and_what_to_do() -> None:
    assert "vp9" in refuse("vp9").detail and "transcode to H.264" in refuse("vp9").detail
    assert "vp9" not in VIDEO and "vorbis" not in AUDIO
