"""CRC_32 of MPEG-2 sections (ISO/IEC 13818-1 annex A): polynomial 0x04C11DB7, first bit first, not inverted."""

from __future__ import annotations

_POLYNOMIAL = 0x04C11DB7


def _row(octet: int) -> int:
    value = octet << 24
    for _ in range(8):
        value = (value << 1 ^ _POLYNOMIAL if value & 0x80000000 else value << 1) & 0xFFFFFFFF
    return value


_TABLE = tuple(map(_row, range(256)))


def crc32(data: bytes) -> int:
    """Zero over a section that ends with its own CRC_32."""
    value = 0xFFFFFFFF
    for octet in data:
        value = (value << 8 & 0xFFFFFFFF) ^ _TABLE[value >> 24 ^ octet]
    return value
