from __future__ import annotations

from ingest.annexb import access_unit, avcc, nal_units
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
