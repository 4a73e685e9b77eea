"""AC-3 and E-AC-3 configuration out of sync frames: dac3, dec3 (ETSI TS 102 366 annex F; the syntax: 4.3, annex E)."""

from __future__ import annotations

from dataclasses import dataclass

from base.problems import Problem
from packager.bits import Bits

SYNC = b"\x0b\x77"
RATES = (48000, 44100, 32000)
# Table 4.13, in kbit/s, by frmsizecod / 2
KBPS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)
BLOCKS = (1, 2, 3, 6)
_CHANNELS = (2, 1, 2, 3, 3, 4, 4, 5)  # table 4.3, by acmod
# Bits of chanmap (table E.1.4), counted from its first, and of chan_loc (table F.6.1), counted from its last
_LOCATION = {5: 0, 6: 1, 7: 2, 8: 3, 9: 4, 10: 5, 11: 6, 12: 7, 14: 8}
_PAIRS = frozenset((0, 1, 4, 5, 6))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """`config`: the payload of dac3 or dec3. `samples`: of one sample of the track."""

    config: bytes
    sample_rate: int
    channels: int
    samples: int


def ac3(frame: bytes) -> Sound:
    """Of a sync frame of AC-3. Raises Problem unplayable."""
    try:
        bits = _behind_sync(frame)
        bits.read(16)  # crc1
        rate, size, bsid, bsmod, acmod = bits.read(2), bits.read(6), bits.read(5), bits.read(3), bits.read(3)
        if rate == 3 or size >= 2 * len(KBPS) or bsid > 10:
            raise ValueError("reserved values")
        if acmod & 1 and acmod != 1:
            bits.read(2)  # cmixlev
        if acmod & 4:
            bits.read(2)  # surmixlev
        if acmod == 2:
            bits.read(2)  # dsurmod
        lfe = bits.read(1)
    except ValueError as fault:
        raise Problem("unplayable", f"a frame of AC-3 cannot be read: {fault}") from fault
    word = rate << 22 | bsid << 17 | bsmod << 14 | acmod << 11 | lfe << 10 | (size >> 1) << 5
    return Sound(
        config=word.to_bytes(3, "big"),
        sample_rate=RATES[rate] >> max(bsid - 8, 0),
        channels=_CHANNELS[acmod] + lfe,
        samples=1536,
    )


def eac3(frame: bytes) -> Sound:
    """Of one independent substream's sync frame with the frames of its dependent ones, if there are any, behind it.

    Raises Problem unplayable.
    """
    try:
        head = _eac3_head(frame)
        if head.kind == 1 or head.number:
            raise ValueError("it begins with a dependent or a further substream")
        dependent, locations, at = 0, 0, head.size
        while at + 8 <= len(frame):
            more = _eac3_head(frame[at:])
            if more.kind != 1:
                break
            dependent, locations, at = dependent + 1, locations | more.locations, at + more.size
        samples = 256 * head.blocks
        kbps = min(len(frame) * 8 * head.sample_rate // (samples * 1000), 0x1FFF)
    except ValueError as fault:
        raise Problem("unplayable", f"a frame of E-AC-3 cannot be read: {fault}") from fault
    word = kbps << 3  # num_ind_sub: one
    word = word << 2 | head.rate
    word = word << 5 | head.bsid
    word = word << 5  # reserved, asvc, bsmod: main audio
    word = word << 3 | head.acmod
    word = word << 1 | head.lfe
    word = word << 7 | dependent
    word = word << 9 | locations if dependent else word << 1
    added = sum(2 if bit in _PAIRS else 1 for bit in _LOCATION.values() if locations >> bit & 1)
    return Sound(
        config=word.to_bytes(6 if dependent else 5, "big"),
        sample_rate=head.sample_rate,
        channels=_CHANNELS[head.acmod] + head.lfe + added,
        samples=samples,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    kind: int
    number: int
    size: int
    rate: int
    sample_rate: int
    blocks: int
    acmod: int
    lfe: int
    bsid: int
    locations: int


def _eac3_head(frame: bytes) -> _Head:
    bits = _behind_sync(frame)
    kind, number, size, rate = bits.read(2), bits.read(3), 2 * bits.read(11) + 2, bits.read(2)
    half = bits.read(2)  # fscod2 or numblkscod
    if rate == 3 and half == 3:
        raise ValueError("a reserved sample rate")
    acmod, lfe, bsid = bits.read(3), bits.read(1), bits.read(5)
    if not 10 < bsid <= 16:
        raise ValueError(f"bsid {bsid}")
    locations = 0
    if kind == 1:
        for _ in range(2 if acmod == 0 else 1):
            bits.read(5)  # dialnorm
            if bits.flag():
                bits.read(8)  # compr
        if bits.flag():
            chanmap = bits.read(16)
            locations = sum(1 << to for at, to in _LOCATION.items() if chanmap >> (15 - at) & 1)
    return _Head(
        kind=kind,
        number=number,
        size=size,
        rate=rate,
        sample_rate=RATES[half] // 2 if rate == 3 else RATES[rate],
        blocks=6 if rate == 3 else BLOCKS[half],
        acmod=acmod,
        lfe=lfe,
        bsid=bsid,
        locations=locations,
    )


def _behind_sync(frame: bytes) -> Bits:
    if frame[:2] != SYNC:
        raise ValueError("it has no sync word")
    return Bits(frame[2:64])
