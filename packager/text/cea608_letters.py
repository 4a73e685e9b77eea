"""The letters of CEA-608 (ANSI/CTA-608-E annex C): a basic set near ASCII, special and extended ones by two octets."""

from __future__ import annotations

_NOT_ASCII = {
    0x27: "’", 0x2A: "á", 0x5C: "é", 0x5E: "í", 0x5F: "ó", 0x60: "ú", 0x7B: "ç", 0x7C: "÷", 0x7D: "Ñ", 0x7E: "ñ",
    0x7F: "█",
}  # fmt: skip
_SPECIAL = "®°½¿™¢£♪à\u00a0èâêîôû"  # 0x11 0x30 to 0x3F; the tenth is a transparent space
_EXTENDED = {
    0x12: "ÁÉÓÚÜü‘¡*'—©℠•“”ÀÂÇÈÊËëÎÏïÔÙùÛ«»",
    0x13: "ÃãÍÌìÒòÕõ{}\\^_|~ÄäÖöß¥¤¦ÅåØø┌┐└┘",
}  # 0x20 to 0x3F


def basic(octet: int) -> str:
    """0x20 to 0x7F."""
    return _NOT_ASCII.get(octet) or chr(octet)


def special(octet: int) -> str:
    """The second octet, 0x30 to 0x3F, behind 0x11."""
    return _SPECIAL[octet - 0x30]


def extended(first: int, second: int) -> str:
    """0x12 or 0x13, then 0x20 to 0x3F. It takes the place of the letter before it, sent for who knows no other."""
    return _EXTENDED[first][second - 0x20]
