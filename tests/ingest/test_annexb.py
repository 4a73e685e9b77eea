from __future__ import annotations

import pytest

from ingest.annexb import access, access_unit, avcc, nal_units, split
from packager.entries import avc_format
from tests.kit.rtmp import AVCC, PPS, SPS


def test_start_codes_of_three_and_four_octets() -> None:
    """H.264 B.1: zero_byte, start_code_prefix_one_3bytes, trailing zeros."""
    assert nal_units(b"\0\0\0\1\x67a\0\0\1\x68b\0\0\0\0\1\x65c") == [b"\x67a", b"\x68b", b"\x65c"]


def test_the_configuration_record() -> None:
    """ISO/IEC 14496-15 5.3.3.1."""
    record = avcc(b"\0\0\0\1" + SPS + b"\0\0\0\1" + PPS)
    assert record == AVCC
    assert (avc_format(record).width, avc_format(record).height) == (320, 180)


def test_a_sample_has_lengths_and_no_parameter_sets() -> None:
    stream = b"\0\0\0\1\x09\xf0\0\0\0\1" + SPS + b"\0\0\0\1" + PPS + b"\0\0\1\x65abc"
    assert access_unit(stream) == b"\0\0\0\4\x65abc"


def test_a_sample_is_split_from_its_parameter_sets() -> None:
    start = b"\0\0\0\1"
    stream = (
        start + b"\x09\xf0" + start + b"\x67sps" + start + b"\x68pps" + b"\0\0\1" + b"\x65idr" + start + b"\x0cfill"
    )
    assert split(stream, hevc=False) == (b"\0\0\0\x04\x65idr", [b"\x67sps", b"\x68pps"])
    hevc = (
        start
        + b"\x46\x01"
        + start
        + b"\x40\x01v"
        + start
        + b"\x42\x01s"
        + start
        + b"\x44\x01p"
        + start
        + b"\x26\x01idr"
    )
    assert split(hevc, hevc=True) == (b"\0\0\0\x05\x26\x01idr", [b"\x40\x01v", b"\x42\x01s", b"\x44\x01p"])


def unit(*octets: int) -> bytes:
    return b"\0\0\0\1" + bytes(octets) + b"abc"


@pytest.mark.rule("ITU-T H.264 7.4.1.2.4", "decoding begins at an IDR picture")
def test_what_is_a_keyframe_in_h264() -> None:
    assert access(unit(0x06) + unit(0x65), hevc=False).key
    recovery = access(unit(0x06) + unit(0x61), hevc=False)  # a recovery point: players do not begin there
    assert recovery.data and not recovery.key


@pytest.mark.rule("ITU-T H.265 table 7-1", "decoding begins at an IRAP picture: IDR, CRA, BLA")
@pytest.mark.parametrize(("kind", "key"), [(1, False), (9, False), (16, True), (19, True), (20, True), (21, True)])
def test_what_is_a_keyframe_in_hevc(kind: int, key: bool) -> None:
    assert access(unit(kind << 1, 1), hevc=True).key is key


def test_units_without_a_picture_are_no_sample() -> None:
    found = access(b"\0\0\0\1" + SPS + unit(0x06), hevc=False)
    assert (found.data, found.sets) == (b"", [SPS])
