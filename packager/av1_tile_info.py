"""How a frame of AV1 is divided into tiles (AV1 specification 5.9.15)."""

from __future__ import annotations

from dataclasses import dataclass

from packager.bits import Bits

_WIDEST, _LARGEST, _MOST = 4096, 4096 * 2304, 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Tiles:
    """`index_bits`: of a tile's number in a tile group. `size_octets`: of a tile's size, 0 where there is but one."""

    count: int
    index_bits: int
    size_octets: int


def read_tiles(bits: Bits, width: int, height: int, *, large: bool) -> Tiles:
    """tile_info; `width` and `height` of the coded frame, `large`: superblocks of 128 samples. Raises ValueError."""
    shift = 5 if large else 4
    across, down = (_blocks(size, shift) for size in (width, height))
    size = shift + 2
    least_across = _log2(_WIDEST >> size, across)
    least = max(least_across, _log2(_LARGEST >> 2 * size, across * down))
    if bits.flag():  # uniform_tile_spacing_flag
        log_columns = _increments(bits, least_across, _log2(1, min(across, _MOST)))
        columns = _parts(across, log_columns)
        log_rows = _increments(bits, max(least - log_columns, 0), _log2(1, min(down, _MOST)))
        rows = _parts(down, log_rows)
    else:
        widths = _stated(bits, across, _WIDEST >> size)
        area = across * down >> (least + 1) if least else across * down
        heights = _stated(bits, down, max(area // max(widths), 1))
        columns, rows = len(widths), len(heights)
        log_columns, log_rows = _log2(1, columns), _log2(1, rows)
    index_bits = log_columns + log_rows
    if not index_bits:
        return Tiles(count=1, index_bits=0, size_octets=0)
    bits.read(index_bits)  # context_update_tile_id
    return Tiles(count=columns * rows, index_bits=index_bits, size_octets=bits.read(2) + 1)


def _blocks(samples: int, shift: int) -> int:
    """Superblocks that cover so many samples (5.9.9)."""
    units = 2 * (samples + 7 >> 3)
    return units + (1 << shift) - 1 >> shift


def _log2(size: int, target: int) -> int:
    """tile_log2 (5.9.16)."""
    found = 0
    while size << found < target:
        found += 1
    return found


def _increments(bits: Bits, least: int, most: int) -> int:
    while least < most and bits.flag():
        least += 1
    return least


def _parts(blocks: int, log: int) -> int:
    size = blocks + (1 << log) - 1 >> log
    return -(-blocks // size)


def _stated(bits: Bits, blocks: int, most: int) -> list[int]:
    found = []
    while blocks:
        size = 1 + not_symmetric(bits, min(blocks, most))
        found.append(size)
        blocks -= size
    if len(found) > _MOST:
        raise ValueError("too many tiles")
    return found


def not_symmetric(bits: Bits, count: int) -> int:
    """ns(n) (4.10.7)."""
    width = count.bit_length()
    short = (1 << width) - count
    value = bits.read(width - 1)
    return value if value < short else (value << 1) - short + bits.read(1)
