"""A player's side of Common Encryption, written apart from the packager: init and fragments in, clear samples out.

As plain as the standard says it (ISO/IEC 23001-7): one cipher for each sample or range, nothing vectorised. It reads
senc by itself and checks that saiz and saio lead to the same octets.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tests.kit.fragments import boxes

_SKIP = {b"stsd": 8, b"encv": 78, b"enca": 28}
_HOLDS = (
    b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"encv", b"enca", b"sinf", b"schi", b"moof", b"traf",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenc:
    """What an init segment says of protection. `crypt` and `skip`: blocks of the pattern, 0 and 0 = all."""

    entry: str
    original: str
    scheme: str
    version: int
    crypt: int
    skip: int
    iv_size: int
    kid: bytes
    iv: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Protected:
    """One sample as it came: its octets, IV, and (clear, protected) rows; no rows = the whole sample.

    `kid`: of its key, empty if it is clear.
    """

    data: bytes
    iv: bytes
    rows: tuple[tuple[int, int], ...]
    kid: bytes = b""


def deep(data: bytes, start: int = 0, end: int | None = None) -> list[tuple[bytes, int, int]]:
    """(four letters, start of the body, end) of every box, also of those in sample entries."""
    found = []
    for kind, body, stop in boxes(data, start, end):
        found.append((kind, body, stop))
        if kind in _HOLDS:
            found += deep(data, body + _SKIP.get(kind, 0), stop)
    return found


def read_tenc(init: bytes) -> Tenc:
    """The protection of the first encrypted track."""
    found = {kind: (body, end) for kind, body, end in reversed(deep(init))}
    at, end = found[b"tenc"]
    version = init[at]
    size = init[at + 7]
    constant = init[at + 25 : at + 25 + init[at + 24]] if size == 0 else b""
    assert end == at + 24 + (1 + len(constant) if size == 0 else 0)
    assert init[at + 6] == 1, "isProtected"
    return Tenc(
        entry="encv" if b"encv" in found else "enca",
        original=init[slice(*found[b"frma"])].decode(),
        scheme=init[found[b"schm"][0] + 4 : found[b"schm"][0] + 8].decode(),
        version=version,
        crypt=init[at + 5] >> 4,
        skip=init[at + 5] & 15,
        iv_size=size,
        kid=init[at + 8 : at + 24],
        iv=constant,
    )


def protected_samples(media: bytes, tenc: Tenc, track: int = 1) -> list[Protected]:
    """The samples of one track in all fragments of `media`."""
    found: list[Protected] = []
    for kind, body, end in boxes(media):
        if kind == b"moof":
            for inner, at, stop in boxes(media, body, end):
                if inner == b"traf":
                    found += _traf(media, body - 8, at, stop, tenc, track)
    return found


def _traf(media: bytes, moof: int, start: int, end: int, tenc: Tenc, track: int) -> list[Protected]:
    inside = list(boxes(media, start, end))
    found = {kind: (at, stop) for kind, at, stop in inside}
    tfhd = found[b"tfhd"][0]
    flags, given = struct.unpack_from(">II", media, tfhd)
    if given != track:
        return []
    at = tfhd + 8 + 8 * (flags & 1) + 4 * (flags >> 1 & 1) + 4 * (flags >> 3 & 1)
    usual = struct.unpack_from(">I", media, at)[0] if flags & 0x10 else 0
    data: list[bytes] = []
    for kind, body, _ in inside:
        if kind == b"trun":
            data += _trun(media, moof, body, usual)
    if flags & 2 and struct.unpack_from(">I", media, tfhd + 8 + 8 * (flags & 1))[0] == 2:
        # the second sample entry: the clear one
        assert not {b"senc", b"saiz", b"saio", b"sgpd"} & set(found)
        return [Protected(data=sample, iv=b"", rows=()) for sample in data]
    if b"sgpd" in found:
        tenc = _grouped(media, found, len(data), tenc)
    senc, stop = found[b"senc"]
    flags, count = struct.unpack_from(">II", media, senc)
    assert count == len(data), "senc speaks of as many samples as trun"
    at = begin = senc + 8
    made, sizes = [], []
    for sample in data:
        before = at
        iv = media[at : at + tenc.iv_size]
        at += tenc.iv_size
        rows: list[tuple[int, int]] = []
        if flags & 2:
            (parts,) = struct.unpack_from(">H", media, at)
            rows = list(struct.iter_unpack(">HI", media[at + 2 : at + 2 + 6 * parts]))
            at += 2 + 6 * parts
            assert sum(map(sum, rows)) == len(sample), "the rows of a sample add up to it"
        sizes.append(at - before)
        made.append(Protected(data=sample, iv=iv or tenc.iv, rows=tuple(rows), kid=tenc.kid))
    assert at == stop, "senc ends with its last sample"
    if any(sizes):
        _check_index(media, moof, found, begin, sizes)
    return made


def _grouped(media: bytes, found: dict[bytes, tuple[int, int]], count: int, tenc: Tenc) -> Tenc:
    """What the sample group `seig` of this fragment says in place of tenc (23001-7 6)."""
    at, end = found[b"sgpd"]
    assert media[at] == 1 and media[at + 4 : at + 8] == b"seig"
    length, entries = struct.unpack_from(">II", media, at + 8)
    assert entries == 1 and at + 16 + length == end
    entry = media[at + 16 : end]
    at, end = found[b"sbgp"]
    assert media[at + 4 : at + 8] == b"seig" and end == at + 20
    assert struct.unpack_from(">III", media, at + 8) == (1, count, 0x10001), "all samples, described in the fragment"
    crypt, skip, protected, size = entry[1] >> 4, entry[1] & 15, entry[2], entry[3]
    assert (crypt, skip, protected, size) == (tenc.crypt, tenc.skip, 1, tenc.iv_size)
    constant = entry[21 : 21 + entry[20]] if size == 0 else b""
    assert length == (20 if size else 21 + len(constant))
    return replace(tenc, kid=entry[4:20], iv=constant)


def _check_index(media: bytes, moof: int, found: dict[bytes, tuple[int, int]], begin: int, sizes: list[int]) -> None:
    """saiz and saio (14496-12 8.7.8, 8.7.9)."""
    at = found[b"saiz"][0]
    same, count = struct.unpack_from(">BI", media, at + 4)
    assert [same] * count == sizes if same else list(media[at + 9 : at + 9 + count]) == sizes
    entries, offset = struct.unpack_from(">II", media, found[b"saio"][0] + 4)
    assert entries == 1 and moof + offset == begin, "saio leads to the first IV or subsample count"


def _trun(media: bytes, moof: int, at: int, usual: int) -> list[bytes]:
    flags, count, offset = struct.unpack_from(">IIi", media, at)
    assert flags & 1, "a trun has a data offset"
    at += 12 + 4 * (flags >> 2 & 1)
    place, found = moof + offset, []
    for _ in range(count):
        at += 4 * (flags >> 8 & 1)
        size = struct.unpack_from(">I", media, at)[0] if flags & 0x200 else usual
        at += 4 * (flags >> 9 & 1) + 4 * (flags >> 10 & 1) + 4 * (flags >> 11 & 1)
        found.append(media[place : place + size])
        place += size
    return found


def clear(sample: Protected, tenc: Tenc, key: bytes) -> bytes:
    """The sample deciphered."""
    rows = sample.rows or ((0, len(sample.data)),)
    counter = Cipher(algorithms.AES(key), modes.CTR(sample.iv.ljust(16, b"\0"))).decryptor()
    made, at = b"", 0
    for plain, protected in rows:
        made += sample.data[at : at + plain]
        at += plain
        piece = sample.data[at : at + protected]
        made += counter.update(piece) if tenc.scheme == "cenc" else _chained(piece, tenc, key, sample.iv)
        at += protected
    return made


def _chained(piece: bytes, tenc: Tenc, key: bytes, iv: bytes) -> bytes:
    """cbcs: `crypt` blocks ciphered, `skip` clear, and so on; a last block that is not whole is clear."""
    chain = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
    period = tenc.crypt + tenc.skip
    made = b""
    for number, at in enumerate(range(0, len(piece), 16)):
        block = piece[at : at + 16]
        ciphered = len(block) == 16 and (not period or number % period < tenc.crypt)
        made += chain.update(block) if ciphered else block
    return made


def decrypt(init: bytes, media: bytes, key: bytes | Mapping[bytes, bytes]) -> list[bytes]:
    """All samples of a track, deciphered with the one key, or with keys by id."""
    tenc = read_tenc(init)
    keys = key if isinstance(key, Mapping) else {tenc.kid: key}
    found = protected_samples(media, tenc)
    return [clear(sample, tenc, keys[sample.kid]) if sample.kid else sample.data for sample in found]
