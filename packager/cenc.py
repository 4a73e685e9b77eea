"""Common Encryption of one segment (ISO/IEC 23001-7): the ciphers `cenc` and `cbcs`, and what senc says of them.

Both work in place and with few calls: a segment of 2 MB costs half a millisecond (`make bench`).

cenc    AES-128 in counter mode. The counter block is the sample's IV of 8 octets, then 8 octets that count from 0
        over all protected ranges of the sample (9.3, 10.1). One context serves all samples: only its counter is set.
        Of audio all counters are ciphered in one call, and XORed with the samples.
cbcs    AES-128 in CBC mode with one constant IV, anew for each protected range; of video, the first of every ten
        blocks, of audio, all (10.4). The blocks are gathered, ciphered as one chain, and put back. Where a range
        begins, its first block is XORed with the IV and with the last block before it: the chain's own XOR with that
        block then cancels out. Of audio, whose ranges are many and short, all chains go on side by side.

A counter block must never come twice under one key (9.3): the XOR of two ciphertexts would be that of two films. So

    IV = ordinal of the track << 48 | number of the sample in its track

which is the same however the track is cut into segments and on whatever node. Keys are therefore bound to one file
(origin.keys): another file under the same name gets other keys, and so do another scheme and a LAYOUT that changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from base.problems import Problem
from packager.slices import Ranges

# Which octets of a sample are ciphered, as a number that rises when that changes: keys of another layout are not used.
LAYOUT = 1
BLOCK = 16
CRYPT, SKIP = 1, 9  # the pattern of video in cbcs
_LONGEST_CLEAR = 0xFFFF  # BytesOfClearData is a u16
_LONGEST_ROW = 0xFF  # sample_info_size of saiz is a u8
_ORDINAL = 48

U8 = npt.NDArray[np.uint8]
I64 = npt.NDArray[np.int64]


class Scheme(StrEnum):
    CENC = "cenc"
    CBCS = "cbcs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """What one DRM system wants to be told of a key, as its key server said it. `system`: its id, 16 octets.

    `pssh`: a whole box. `manifest`: XML elements for ContentProtection. `media`, `master`: lines of HLS playlists.
    """

    system: bytes
    pssh: bytes = b""
    manifest: tuple[str, ...] = ()
    media: tuple[str, ...] = ()
    master: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentKey:
    """`kid` is public, `key` is not and is never printed. `iv`: the constant IV of cbcs. 16 octets each."""

    kid: bytes
    key: bytes = field(repr=False)
    iv: bytes = field(repr=False)
    signals: tuple[Signal, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Subsamples:
    """(clear, protected) octets of each subsample, and how many subsamples each sample has."""

    rows: list[tuple[int, int]]
    counts: list[int]


def whole_samples(sizes: I64) -> Ranges:
    """Audio: each sample is one protected range (9.5.1)."""
    ends = np.cumsum(sizes)
    return Ranges(start=ends - sizes, end=ends, sample=np.arange(len(sizes)))


def aligned(found: Ranges) -> Ranges:
    """Ranges of whole blocks that end where they ended: what does not fit is left clear in front (cenc, 9.5.2)."""
    start = found.start + (found.end - found.start) % BLOCK
    some = start < found.end
    return Ranges(start=start[some], end=found.end[some], sample=found.sample[some])


def subsamples(found: Ranges, sizes: I64) -> Subsamples:
    """How the samples are divided (9.5.2). Raises Problem unplayable if a sample has more parts than saiz can say."""
    rows: list[tuple[int, int]] = []
    counts = []
    start, end = found.start.tolist(), found.end.tolist()
    behind = np.searchsorted(found.sample, np.arange(1, len(sizes) + 1)).tolist()
    at, begun = 0, 0
    for size, stop in zip(sizes.tolist(), behind, strict=True):
        before, place = len(rows), begun
        while at < stop:
            _add(rows, start[at] - place, end[at] - start[at])
            place = end[at]
            at += 1
        begun += size
        if place < begun:
            _add(rows, begun - place, 0)
        counts.append(len(rows) - before)
    if 8 + 2 + 6 * max(counts, default=0) > _LONGEST_ROW:
        raise Problem("unplayable", f"a picture of {max(counts)} slices cannot be protected: re-encode with fewer")
    return Subsamples(rows=rows, counts=counts)


def _add(rows: list[tuple[int, int]], clear: int, protected: int) -> None:
    while clear > _LONGEST_CLEAR:
        rows.append((_LONGEST_CLEAR, 0))
        clear -= _LONGEST_CLEAR
    rows.append((clear, protected))


def first_iv(ordinal: int, sample: int) -> int:
    """The IV of a sample in cenc: `ordinal` of the track in its file from 1, `sample` from 0 in the whole track."""
    assert 0 < ordinal < 1 << 16 and 0 <= sample < 1 << _ORDINAL
    return ordinal << _ORDINAL | sample


def encrypt_cenc(media: U8, found: Ranges, key: ContentKey, iv: int) -> None:
    """Cipher `found` ranges of `media` in place; `iv` is that of sample 0, and each sample's is one higher."""
    octets = media.data
    context = Cipher(algorithms.AES(key.key), modes.CTR(bytes(BLOCK))).encryptor()
    before = -1
    for start, end, sample in zip(found.start.tolist(), found.end.tolist(), found.sample.tolist(), strict=True):
        if sample != before:
            context.reset_nonce((iv + sample).to_bytes(8, "big") + bytes(8))
            before = sample
        piece = octets[start:end]
        context.update_into(piece, piece)


def encrypt_cenc_whole(media: U8, sizes: I64, key: ContentKey, iv: int) -> None:
    """encrypt_cenc where samples are whole ranges, and short: all counters in one call, then one XOR.

    A context for each sample costs more than the cipher where a sample has some hundred octets.
    """
    blocks = -(-sizes // BLOCK)
    first = np.cumsum(blocks) - blocks
    total = int(blocks.sum())
    counters = np.empty((total, 2), ">u8")
    counters[:, 0] = np.repeat(np.arange(iv, iv + len(sizes), dtype=np.uint64), blocks)
    counters[:, 1] = np.arange(total) - np.repeat(first, blocks)
    stream = np.empty(total * BLOCK + BLOCK - 1, np.uint8)
    # counter mode is ECB over counters (NIST SP 800-38A 6.5)
    context = Cipher(algorithms.AES(key.key), modes.ECB()).encryptor()
    context.update_into(counters.view(np.uint8).reshape(-1).data, stream.data)
    stream = stream[: total * BLOCK]
    if len(stream) != len(media):  # what no octet of a sample's last block needs
        spare = blocks * BLOCK - sizes
        behind = (first + blocks) * BLOCK - spare
        used = np.ones(len(stream), np.bool_)
        used[np.repeat(behind - np.cumsum(spare) + spare, spare) + np.arange(int(spare.sum()))] = False
        stream = stream[used]
    np.bitwise_xor(media, stream, out=media)


def encrypt_cbcs(media: U8, found: Ranges, key: ContentKey, *, pattern: bool) -> None:
    """Cipher the blocks of `found` ranges in place: one of ten with the `pattern`, else all. Rests stay clear."""
    step = CRYPT + SKIP if pattern else 1
    blocks = -(-((found.end - found.start) // BLOCK) // step)
    total = int(blocks.sum())
    if not total:
        return
    if int(blocks.max()) < len(blocks):  # many short ranges: audio
        _in_step(media, found.start, blocks, BLOCK * step, key)
    else:
        _one_chain(media, found.start, blocks, BLOCK * step, key)


def _in_step(media: U8, start: I64, blocks: I64, stride: int, key: ContentKey) -> None:
    """The chains of all ranges side by side: their first blocks in one call, then their second ones, and so on."""
    order = np.argsort(-blocks, kind="stable")
    counts, start = blocks[order], start[order]
    # how many ranges have a first block, a second, ...
    alive = len(counts) - np.searchsorted(counts[::-1], np.arange(int(counts[0])), side="right")
    before = np.cumsum(alive) - alive
    at = np.repeat(np.arange(len(alive)), alive)
    places = start[np.arange(len(at)) - before[at]] + stride * at
    windows = np.ndarray((len(media) - BLOCK + 1,), "V16", media, 0, (1,))
    words = windows[places].view(np.uint64).reshape(-1, 2)
    made = np.empty((len(words) + 1, 2), np.uint64)  # update_into asks for a block of room
    plain, ciphered = words.view(np.uint8).reshape(-1).data, made.view(np.uint8).reshape(-1).data
    context = Cipher(algorithms.AES(key.key), modes.ECB()).encryptor()  # the chains are made here, by XOR
    chain = np.frombuffer(key.iv, np.uint64)[None, :]
    for begin, count in zip(before.tolist(), alive.tolist(), strict=True):
        end = begin + count
        np.bitwise_xor(words[begin:end], chain[:count], out=words[begin:end])
        context.update_into(plain[begin * BLOCK : end * BLOCK], ciphered[begin * BLOCK : (end + 1) * BLOCK])
        chain = made[begin:end]
    windows[places] = made[:-1].view("V16").reshape(-1)


def _one_chain(media: U8, start: I64, blocks: I64, stride: int, key: ContentKey) -> None:
    """One chain over all ranges; where one begins, its first block is changed so that the chain is its own."""
    total = int(blocks.sum())
    first = np.repeat(np.cumsum(blocks) - blocks, blocks)
    places = np.repeat(start, blocks) + stride * (np.arange(total) - first)
    # every 16 octets of the segment as one item, wherever they begin
    windows = np.ndarray((len(media) - BLOCK + 1,), "V16", media, 0, (1,))
    plain = windows[places].view(np.uint8).data
    context = Cipher(algorithms.AES(key.key), modes.CBC(key.iv)).encryptor()
    number, iv = int.from_bytes, int.from_bytes(key.iv, "big")
    made: list[bytes] = []
    at = 0
    for count in blocks.tolist():
        if not count:
            continue
        if made:
            head = number(plain[at : at + BLOCK], "big") ^ iv ^ number(made[-1][-BLOCK:], "big")
            plain[at : at + BLOCK] = head.to_bytes(BLOCK, "big")
        end = at + count * BLOCK
        made.append(context.update(plain[at:end]))
        at = end
    windows[places] = np.frombuffer(b"".join(made), "V16")


def key_ids(keys: Sequence[ContentKey]) -> list[bytes]:
    """Key ids without repeats, in order."""
    return list(dict.fromkeys(key.kid for key in keys))
