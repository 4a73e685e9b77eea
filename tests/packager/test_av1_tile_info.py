"""How frames are divided into tiles."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.av1_tile_info import Tiles, not_symmetric, read_tiles
from packager.bits import Bits


def bits(text: str) -> Bits:
    return Bits(int(text.ljust(256, "0"), 2).to_bytes(32, "big"))


@pytest.mark.rule("AV1 5.9.15", "a frame of one superblock has one tile, and nothing more is said of it")
def test_one_tile() -> None:
    assert read_tiles(bits("1"), 64, 64, large=False) == Tiles(count=1, index_bits=0, size_octets=0)


@pytest.mark.rule("AV1 5.9.15", "columns and rows of even tiles double with each flag")
@pytest.mark.parametrize(
    ("flags", "count", "index_bits"),
    [("0" + "0", 1, 0), ("10" + "0", 2, 1), ("110" + "10", 8, 3), ("10" + "110", 6, 3)],
)
def test_even_tiles(flags: str, count: int, index_bits: int) -> None:
    """1280x720 in superblocks of 64: 20 by 12, of which four even rows of tiles are three superblocks each."""
    sizes = "" if count == 1 else "0" * index_bits + "11"
    found = read_tiles(bits("1" + flags + sizes), 1280, 720, large=False)
    rows = {8: 8, 6: 8}.get(count, count)  # two columns, then four rows of three superblocks
    assert found == Tiles(count=rows, index_bits=index_bits, size_octets=4 if index_bits else 0)


@pytest.mark.rule("AV1 5.9.15", "tiles may be given superblock by superblock")
def test_stated_tiles() -> None:
    # 3 by 2 superblocks: columns of 1 and 2, one row of 2; ns(3) = 0, ns(2) = 1; ns(2) = 1
    found = read_tiles(bits("0" + "0" + "1" + "1" + "0" + "01"), 192, 128, large=False)
    assert found == Tiles(count=2, index_bits=1, size_octets=2)


@pytest.mark.rule("AV1 4.10.7", "values that are no power of two have short and long codes")
@given(st.integers(1, 300), st.data())
def test_codes_that_are_not_symmetric(count: int, data: st.DataObject) -> None:
    value = data.draw(st.integers(0, count - 1))
    width = count.bit_length()
    short = (1 << width) - count
    code = f"{value:0{width - 1}b}" if value < short else f"{(value + short) >> 1:0{width - 1}b}{(value + short) & 1}"
    cursor = bits(code if width > 1 or value >= short else "")
    assert not_symmetric(cursor, count) == value
