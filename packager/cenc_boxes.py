"""The boxes of Common Encryption: sinf and tenc in an init segment, senc, saiz, saio in a fragment, pssh in a manifest.

ISO/IEC 23001-7 sections 7 and 8, ISO/IEC 14496-12 8.7.8, 8.7.9 and 8.12.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np

from packager.boxes import box, fullbox
from packager.cenc import CRYPT, SKIP, ContentKey, Scheme, Subsamples

IV_OCTETS = 8  # of a sample in cenc
_VERSION = 0x00010000  # scheme_version (23001-7 4.1)
COMMON_SYSTEM = bytes.fromhex("1077efecc0b24d02ace33c1e52e2fb4b")


def protected_entry(entry: bytes, kind: str, scheme: Scheme, key: ContentKey) -> bytes:
    """The sample entry of a track (a whole box) as encv or enca, with its old type in sinf (14496-12 8.12)."""
    sinf = box(
        b"sinf",
        box(b"frma", entry[4:8]),
        fullbox(b"schm", 0, 0, scheme.encode(), struct.pack(">I", _VERSION)),
        box(b"schi", tenc(kind, scheme, key)),
    )
    return box(b"encv" if kind == "video" else b"enca", entry[8:], sinf)


def tenc(kind: str, scheme: Scheme, key: ContentKey) -> bytes:
    """Track defaults (23001-7 8.2): version 0 with IVs in senc, or version 1 with the pattern and a constant IV."""
    if scheme is Scheme.CENC:
        return fullbox(b"tenc", 0, 0, struct.pack(">BBBB", 0, 0, 1, IV_OCTETS), key.kid)
    pattern = CRYPT << 4 | SKIP if kind == "video" else 0
    constant = struct.pack(">B", len(key.iv)) + key.iv
    return fullbox(b"tenc", 1, 0, struct.pack(">BBBB", 0, pattern, 1, 0), key.kid, constant)


def key_group(kind: str, scheme: Scheme, key: ContentKey, count: int) -> bytes:
    """sgpd and sbgp of a fragment whose `count` samples have another key than tenc says (23001-7 6; 14496-12 8.9).

    A description in the fragment itself has the index 0x10001.
    """
    head = struct.pack(">BBBB", 0, 0, 1, IV_OCTETS) + key.kid
    if scheme is Scheme.CBCS:
        pattern = CRYPT << 4 | SKIP if kind == "video" else 0
        head = struct.pack(">BBBB", 0, pattern, 1, 0) + key.kid + struct.pack(">B", len(key.iv)) + key.iv
    described = fullbox(b"sgpd", 1, 0, b"seig", struct.pack(">II", len(head), 1), head)
    return described + fullbox(b"sbgp", 0, 0, b"seig", struct.pack(">III", 1, count, 0x10001))


def auxiliary(at: int, scheme: Scheme, count: int, iv: int, found: Subsamples | None) -> bytes:
    """saiz, saio and senc of a fragment of `count` samples; they begin `at` octets into its moof.

    `iv`: of the first sample, in cenc. Where there is nothing to say of a sample (audio in cbcs) only an empty senc is
    written, as there must be one in each traf (23000-19 7.4.2).
    """
    ivs = np.arange(iv, iv + count, dtype=">u8").tobytes() if scheme is Scheme.CENC else b""
    width = IV_OCTETS if ivs else 0
    if found is None:
        sizes, payload = [width] * count, ivs
    else:
        rows = np.array(found.rows, [("clear", ">u2"), ("protected", ">u4")]).tobytes()
        pieces, sizes, row = [], [], 0
        for sample, parts in enumerate(found.counts):
            pieces.append(ivs[sample * width : (sample + 1) * width])
            pieces.append(parts.to_bytes(2, "big"))
            pieces.append(rows[6 * row : 6 * (row + parts)])
            row += parts
            sizes.append(width + 2 + 6 * parts)
        payload = b"".join(pieces)
    senc = fullbox(b"senc", 0, 0 if found is None else 2, struct.pack(">I", count), payload)
    if not payload:
        return senc
    same = len(set(sizes)) == 1
    saiz = fullbox(b"saiz", 0, 0, struct.pack(">BI", sizes[0] if same else 0, count), b"" if same else bytes(sizes))
    saio_octets = 20
    # offset from the start of moof, as default-base-is-moof says, to what follows senc's count
    offset = at + len(saiz) + saio_octets + 16
    return saiz + fullbox(b"saio", 0, 0, struct.pack(">II", 1, offset)) + senc


def common_pssh(kids: Sequence[bytes]) -> bytes:
    """The pssh of the W3C common system: key ids and nothing else (version 1, 23001-7 8.1; EME `cenc` 4)."""
    return fullbox(b"pssh", 1, 0, COMMON_SYSTEM, struct.pack(">I", len(kids)), *kids, bytes(4))
