from __future__ import annotations

import pytest

from base.problems import Problem
from packager import av1
from packager.entries import av1_format
from tests.packager.test_av1_sequence import HIGH, MAIN

SEQUENCE = b"\x0a" + bytes((len(MAIN),)) + MAIN
AV1C = b"\x81\x00\x0c\x00" + SEQUENCE
KEY = b"\x32\x03\x10\x00\x00"  # a frame: shown, no existing one, KEY_FRAME
INTER = b"\x32\x03\x30\x00\x00"


def test_a_format_of_a_configuration() -> None:
    made = av1_format(AV1C)
    assert (made.kind, made.codec, made.width, made.height) == ("video", "av01.0.00M.08", 640, 360)
    assert b"colr" not in made.entry, "nothing is said of its colours"


def test_a_configuration_without_a_sequence_header() -> None:
    assert av1.sequence(AV1C[:4]) is None
    assert av1.record(AV1C[:4], SEQUENCE) == AV1C
    with pytest.raises(Problem, match="no sequence header"):
        av1_format(AV1C[:4])


@pytest.mark.parametrize("octets", [b"", b"\x01\x00\x0c\x00", AV1C[:-4], AV1C[:4] + b"\x0a\x02\x00\x00"])
def test_damage_is_noticed(octets: bytes) -> None:
    with pytest.raises(Problem) as refused:
        av1_format(octets)
    assert refused.value.kind.name == "unplayable"


@pytest.mark.rule("AV1 in ISO-BMFF 2.4", "delimiters go; a sync sample begins with a key frame that is shown")
def test_samples() -> None:
    assert av1.sample(b"\x12\x00" + SEQUENCE + KEY) == (SEQUENCE + KEY, True)
    assert av1.sample(INTER) == (INTER, False)
    assert av1.sample(b"\x32\x01\x90") == (b"\x32\x01\x90", False), "an existing frame is shown"
    assert av1.sample(b"\x32\x01\x00") == (b"\x32\x01\x00", False), "a key frame for later"
    assert av1.sample(b"\x12\x00") == (b"", False)
    with pytest.raises(ValueError, match="does not fit"):
        av1.sample(b"\x32\x09\x10")


def test_the_sequence_header_among_units() -> None:
    other = b"\x0a" + bytes((len(HIGH),)) + HIGH
    assert av1.sequence_header(b"\x12\x00" + other + KEY) == (other, HIGH)
    assert av1.sequence_header(KEY) is None
