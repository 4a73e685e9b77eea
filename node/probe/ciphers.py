"""Segments that are ciphered as wholes (METHOD=AES-128), looked into where the key is handed out.

RFC 8216bis 4.4.4.4 and 5: CBC, PKCS #7 padding, a chain that begins anew with each segment, a key of 16 octets.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from node.probe.playlist import Tag
from node.probe.rules import Finding

_BLOCK = 16
_WHOLE = frozenset({"AES-128", "AES-256-GCM"})


def is_whole(keys: Sequence[Tag]) -> bool:
    return any(key.get("METHOD") in _WHOLE for key in keys)


def open_key(keys: Sequence[Tag]) -> Tag | None:
    """The tag whose URI leads to the key itself."""
    for key in keys:
        if key.get("METHOD") == "AES-128" and (key.get("KEYFORMAT") or "identity") == "identity" and key.get("URI"):
            return key
    return None


def iv_of(tag: Tag, number: int) -> bytes | None:
    """Its own, else the media sequence number (5.2); None if its own makes no sense, which is told of the tag."""
    text = tag.get("IV")
    if not text:
        return number.to_bytes(_BLOCK, "big")
    try:
        return bytes.fromhex(text[2:].rjust(2 * _BLOCK, "0")) if len(text) <= 2 + 2 * _BLOCK else None
    except ValueError:
        return None


def key_file(body: bytes, url: str) -> Iterator[Finding]:
    if len(body) != _BLOCK:
        yield Finding("key-octets", url, 0, f"{len(body)} octets", f"{_BLOCK}")


def deciphered(body: bytes, key: bytes, iv: bytes) -> bytes | None:
    """None if it is no row of blocks that end with padding."""
    if not body or len(body) % _BLOCK:
        return None
    context = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
    clear = context.update(body) + context.finalize()
    padding = clear[-1]
    if not 1 <= padding <= _BLOCK or clear[-padding:] != bytes([padding]) * padding:
        return None
    return clear[:-padding]


def blocks(clear: bytes | None, octets: int, url: str) -> Iterator[Finding]:
    if clear is None:
        yield Finding(
            "cipher-blocks", url, 0, f"{octets} octets that the key makes nothing of", "CBC with PKCS #7 padding"
        )
