"""HEVC configuration: what ffmpeg 5.1 wrote of the same parameter sets."""

from __future__ import annotations

import pytest

from base.problems import Problem
from packager import hevc
from packager.entries import hevc_format

# libx265, 640x360, as FFmpeg's MP4 muxer has it.
HVCC = bytes.fromhex(
    "0101600000009000000000003ff000fcfdf8f800000f03a00001001840010c01ffff01600000030090000003000003003f959409a10001002b"
    "42010101600000030090000003000003003fa005020171f2e595952930bc05a02000000300200000030321a2000100064401c073c189"
)


@pytest.mark.rule("ISO/IEC 14496-15 8.3.3.1", "the HEVC configuration record is made of parameter sets of the stream")
def test_the_record_is_the_one_that_another_muxer_makes() -> None:
    units = hevc.parameter_sets(HVCC)
    assert sorted(units) == [hevc.VPS, hevc.SPS, hevc.PPS]
    assert hevc.record(units) == HVCC


def test_what_a_playlist_needs() -> None:
    picture = hevc.picture(hevc.parameter_sets(HVCC)[hevc.SPS][0])
    assert (picture.width, picture.height, picture.sar) == (640, 360, (1, 1))  # 360 is cropped from 368
    fmt = hevc_format(HVCC, 1000)
    assert (fmt.kind, fmt.codec, fmt.width, fmt.height, fmt.timescale) == ("video", "hvc1.1.6.L63.90", 640, 360, 1000)


@pytest.mark.parametrize("cut", [0, 1, 22, 30, 60, len(HVCC) - 1])
def test_a_cut_record_is_refused(cut: int) -> None:
    with pytest.raises(Problem, match="hvcC"):
        hevc.parameter_sets(HVCC[:cut])


def test_a_damaged_set_is_refused() -> None:
    sps = hevc.parameter_sets(HVCC)[hevc.SPS][0]
    with pytest.raises(Problem, match="sequence parameter set is damaged"):
        hevc.picture(sps[:24])
    with pytest.raises(ValueError, match="cut short"):
        hevc.record({hevc.VPS: [b"\x40\x01"], hevc.SPS: [sps[:8]], hevc.PPS: [b"\x44\x01"]})
