"""METHOD=AES-128 (RFC 8216bis 4.4.4.4, 5.2): a segment as a whole in CBC mode with PKCS #7 padding.

The chain begins anew with each segment. Its IV is the key's own where it has one (the playlist states it then), else
the segment's media sequence number, which is its number: playlists of an asset count from 0.

A chain cannot be divided: one core makes what its AES unit makes, so nothing is copied around it. Ranges of the mapped
file are ciphered straight into the answer.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from packager.cenc import BLOCK, ContentKey
from packager.plan import TrackPlan
from packager.protect import Ciphered, gathered
from packager.segment import segment as clear_segment

Octets = bytes | bytearray | memoryview


def iv_of(key: ContentKey, number: int) -> bytes:
    """The IV of segment `number`: big-endian in 16 octets where the key has none (5.2)."""
    return key.iv or number.to_bytes(BLOCK, "big")


def ciphered_size(octets: int) -> int:
    """Octets of a segment once it is ciphered: a whole block of padding where it was whole blocks (RFC 5652 6.3)."""
    return octets // BLOCK * BLOCK + BLOCK


def segment(plan: TrackPlan, number: int, file: memoryview, key: ContentKey | None) -> Ciphered:
    """Segment `number` of a track as fMP4, ciphered; clear without a key."""
    if key is None:
        return Ciphered(head=clear_segment(plan, number).head, media=gathered(plan, number, file).data)
    body = clear_segment(plan, number)
    pieces: list[Octets] = [body.head, *(file[at : at + size] for at, size in body.ranges)]
    return Ciphered(head=b"", media=encrypted(pieces, body.length, key, number))


def encrypted(pieces: Sequence[Octets], length: int, key: ContentKey, number: int) -> memoryview:
    """`pieces`, of `length` octets together, one behind the other."""
    total = ciphered_size(length)
    made = np.empty(total + BLOCK - 1, np.uint8).data  # update_into asks for a block of room
    context = Cipher(algorithms.AES(key.key), modes.CBC(iv_of(key, number))).encryptor()
    at = 0
    for piece in pieces:
        at += context.update_into(piece, made[at:])
    missing = total - length
    at += context.update_into(bytes([missing]) * missing, made[at:])
    assert at == total
    return made[:total]
