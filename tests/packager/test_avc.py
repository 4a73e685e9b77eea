"""Configuration records of x264 and of cameras."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base.problems import Problem
from packager import avc
from packager.avc import codec_string, parameter_sets, picture
from packager.movie import read_movie
from tests.kit.media import Films

# 1920x1080 by cropping, High, with VUI (x264)
SPS_1080 = bytes.fromhex("67640028acd940780227e5c05a808080a0000003002000000781e30632c0")
# 320x180 from a baseline encoder
AVCC = b"\1\x42\xc0\x1e\xff\xe1" + b"\0\4\x67\x42\xc0\x1e" + b"\1" + b"\0\2\x68\xce"


def test_the_codec_string_is_octets_1_to_3() -> None:
    assert codec_string(AVCC) == "avc1.42c01e"


def test_parameter_sets() -> None:
    assert parameter_sets(AVCC) == ([b"\x67\x42\xc0\x1e"], [b"\x68\xce"])


@pytest.mark.parametrize("end", range(len(AVCC)))
def test_a_record_that_is_cut_off(end: int) -> None:
    with pytest.raises(Problem, match="avcC"):
        parameter_sets(AVCC[:end])


def test_the_size_after_cropping() -> None:
    assert (picture(SPS_1080).width, picture(SPS_1080).height) == (1920, 1080)


def test_the_size_that_an_encoder_wrote(films: Films) -> None:
    data = memoryview(films("plain").read_bytes())
    entry = read_movie(data).tracks[0].format.entry
    at = entry.index(b"avcC") + 4
    sps, pps = parameter_sets(entry[at:])
    found = picture(sps[0])
    assert (found.width, found.height, found.sar) == (320, 180, (1, 1))
    assert len(pps) == 1


@given(st.binary(max_size=80))
def test_any_octets_are_a_picture_or_a_problem(data: bytes) -> None:
    try:
        found = picture(b"\x67" + data)
    except Problem as problem:
        assert problem.kind.name == "unplayable"
    else:
        assert 0 < found.width <= 16384 and 0 < found.height <= 16384 and 0 not in found.sar


@pytest.mark.rule("ISO/IEC 14496-15 5.3.3.1.2", "the record of a High profile says chroma format and depths")
def test_a_record_is_made_of_parameter_sets() -> None:
    plain = bytes.fromhex("6742c00cda05067e7840000003004000000ca3c50aa8")
    pps = b"\x68\xce\x0f\xc8"
    assert avc.parameter_sets(avc.record([plain], [pps])) == ([plain], [pps])
    high = bytes.fromhex("67640028acd940780227e5c05a808080a0000003002000000781e30632c0")
    made = avc.record([high], [pps])
    assert avc.parameter_sets(made) == ([high], [pps])
    assert made[-4:] == b"\xfd\xf8\xf8\x00"
    with pytest.raises(ValueError, match="short"):
        avc.record([b"\x67\x64"], [pps])
