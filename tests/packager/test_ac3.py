"""AC-3 and E-AC-3: first octets of FFmpeg's sync frames, and the boxes that its MP4 muxer makes of them."""

from __future__ import annotations

import pytest

from base.problems import Problem
from packager import ac3
from packager.entries import ac3_format, eac3_format

MONO = bytes.fromhex("0b77480d0c402f842bc1c77aaf5e1be7ef9f3e86f9f3e7cf")
SURROUND = bytes.fromhex("0b77b50b1e40ebf8403eff99ff0841fc")
E_MONO = bytes.fromhex("0b7700bf3287c00021064060e3bd57af0df3f7cf9f437cf9").ljust(384, b"\0")
E_SURROUND = bytes.fromhex("0b7702ff3f87c00020802000020040 00".replace(" ", "")).ljust(1536, b"\0")


@pytest.mark.rule("ETSI TS 102 366 F.4", "dac3 says what the sync frames say")
def test_ac3() -> None:
    assert ac3.ac3(MONO) == ac3.Sound(config=bytes.fromhex("1008c0"), sample_rate=48000, channels=1, samples=1536)
    fmt = ac3_format(SURROUND, "ger")
    assert (fmt.codec, fmt.channels, fmt.sample_rate, fmt.sample_duration) == ("ac-3", 6, 48000, 1536)
    assert fmt.language == "ger"


@pytest.mark.rule("ETSI TS 102 366 F.6", "dec3 says what the sync frames say")
def test_eac3() -> None:
    assert ac3.eac3(E_MONO).config == bytes.fromhex("0300200200")[:5]
    assert ac3.eac3(E_SURROUND).config == bytes.fromhex("0c00200f00")
    fmt = eac3_format(E_SURROUND)
    assert (fmt.codec, fmt.channels, fmt.timescale, fmt.sample_duration) == ("ec-3", 6, 48000, 1536)


def test_a_dependent_substream_adds_its_channels() -> None:
    """strmtyp 1 with chanmap Lrs/Rrs and LFE behind 5.1 is 7.1 (TS 102 366 E.1.3.1.8, table E.1.4)."""
    bits = "01" + "000" + f"{127:011b}" + "00" + "11" + "010" + "1" + "10000" + "00000" + "0" + "1" + f"{1 << 9:016b}"
    dependent = ac3.SYNC + int(bits.ljust(64, "0"), 2).to_bytes(8, "big")
    sound = ac3.eac3(E_SURROUND + dependent.ljust(256, b"\0"))
    assert sound.channels == 8
    assert sound.config[4:] == bytes((1 << 1 | 0, 1 << 1))  # one dependent substream; chan_loc: its bit 1


@pytest.mark.parametrize("frame", [b"", b"\x0b\x77", MONO[:6], b"\0" * 16, b"\x0b\x77\0\0\xc0\x40\0\0", E_MONO[:8]])
def test_what_is_no_frame_of_ac3_is_refused(frame: bytes) -> None:
    with pytest.raises(Problem, match="cannot be read"):
        ac3.ac3(frame)


@pytest.mark.parametrize("frame", [b"", b"\x0b\x77\x40\x10\x3f\x87", MONO, b"\x0b\x77\x00\x10\xf0\x80\0"])
def test_what_is_no_frame_of_eac3_is_refused(frame: bytes) -> None:
    with pytest.raises(Problem, match="cannot be read"):
        ac3.eac3(frame)
