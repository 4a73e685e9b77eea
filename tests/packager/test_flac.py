from __future__ import annotations

import struct

import pytest

from base.problems import Problem
from packager.entries import flac_format
from packager.flac import StreamInfo, read


def info(least: int = 4096, most: int = 4096, rate: int = 96000, channels: int = 6) -> bytes:
    return struct.pack(">HH6xI20x", least, most, rate << 12 | (channels - 1) << 9 | 23 << 4)


@pytest.mark.rule(
    "RFC 9639 8.2", "STREAMINFO holds sizes of blocks, the rate in 20 bits and channels less one in three"
)
def test_what_a_block_says() -> None:
    assert read(info()) == StreamInfo(sample_rate=96000, channels=6, samples=4096)
    assert read(info(least=16)).samples == 0, "frames last differently"
    assert (flac_format(info()).codec, flac_format(info()).timescale) == ("fLaC", 96000)


@pytest.mark.parametrize("block", [b"", info()[:-1], info(rate=0)])
def test_damage_is_noticed(block: bytes) -> None:
    with pytest.raises(Problem, match="FLAC configuration"):
        read(block)
