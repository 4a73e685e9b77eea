"""How long a frame of coded sound lasts: by its own head."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base.problems import Problem
from ingest.remux import frames
from packager.aac import audio_specific_config


@pytest.mark.parametrize(
    ("toc", "samples"),
    [(b"\x00", 480), (b"\x18", 2880), (b"\x60", 480), (b"\x68", 960), (b"\x80", 120), (b"\xf8", 960), (b"\xf9", 1920),
     (b"\xfb\x03", 2880), (b"\x83\x05", 600)],
)  # fmt: skip
@pytest.mark.rule("RFC 6716 3.1", "the TOC octet says frame size and count")
def test_opus(toc: bytes, samples: int) -> None:
    assert frames.opus(toc + bytes(20)) == samples


@pytest.mark.parametrize(
    ("head", "samples"),
    [
        (b"\xff\xf8\x1a\x0c\x00\xd5", 192),
        (b"\xff\xf8\x5a\x0c\x00\xd5", 4608),
        (b"\xff\xf8\xca\x0c\x00\xd5", 4096),
        (b"\xff\xf8\x6a\x0c\x05\x7f\x00", 128),
        (b"\xff\xf8\x7a\x0c\x05\x0f\xff", 4096),
        (b"\xff\xf8\x7a\x0c\xc2\x80\x0f\xff", 4096),  # the frame number takes two octets
        (b"\xff\xf8\x7a\x0c\xe1\x80\x80\x01\x00", 257),
    ],
)
@pytest.mark.rule("RFC 9639 9.1.1", "four bits say the block size, or that it follows the coded number")
def test_flac(head: bytes, samples: int) -> None:
    assert frames.flac(head + bytes(4)) == samples


@pytest.mark.parametrize(
    ("octets", "samples"),
    [
        (b"\x0b\x77\x00\xbf\x32", 1536),
        (b"\x0b\x77\x00\xbf\x02", 256),
        (b"\x0b\x77\x00\xbf\x22", 768),
        (b"\x0b\x77\x00\xbf\xc2", 1536),
        (b"\x0b\x77\x40\xbf\x32", 0),
    ],
)
@pytest.mark.rule("ETSI TS 102 366 E.1.3.1.4", "numblkscod says how many blocks of 256 a frame has")
def test_eac3(octets: bytes, samples: int) -> None:
    assert frames.eac3(octets) == samples


def test_ac3_and_mp3() -> None:
    assert frames.ac3(b"") == 1536
    assert frames.mp3(b"\xff\xfb\x90\x00") == 1152 and frames.mp3(b"\xff\xf3\x90\x00") == 576


@pytest.mark.rule("ISO/IEC 14496-3 1.A.2.2", "an ADTS header says object type, rate and channels")
def test_adts() -> None:
    frame = bytes.fromhex("fff14c401b7ffc") + b"raw"
    config = audio_specific_config(frames.adts_config(frame))
    assert (config.object_type, config.sample_rate, config.channels, config.samples) == (2, 48000, 1, 1024)
    assert frames.without_adts(frame) == b"raw"
    with_crc = bytes.fromhex("fff04c401b7ffcaabb") + b"raw"
    assert frames.without_adts(with_crc) == b"raw"
    with pytest.raises(Problem, match="several blocks"):
        frames.without_adts(bytes.fromhex("fff14c401b7ffd") + b"raw")


@pytest.mark.parametrize(
    "read", [frames.opus, frames.flac, frames.eac3, frames.mp3, frames.adts_config, frames.without_adts]
)
@given(octets=st.binary(max_size=12))
def test_any_octets_give_a_value_or_a_problem(read: Callable[[bytes], object], octets: bytes) -> None:
    try:
        read(octets)
    except Problem as problem:
        assert problem.kind.name == "unplayable"
