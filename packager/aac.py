"""AAC configuration: AudioSpecificConfig (ISO/IEC 14496-3 1.6.2.1) and the descriptors around it (14496-1 7.2.6)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from base.problems import Problem
from packager.bits import Bits

_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
_CHANNELS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 8, 11: 7, 12: 8, 14: 8}
_SBR, _PS = 5, 29
# object types whose config goes on with GASpecificConfig, whose first bit is frameLengthFlag (4.4.1)
_GENERAL = frozenset({1, 2, 3, 4, 6, 7, 17, 19, 20, 21, 22, 23})


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioConfig:
    """`samples`: output samples a frame; `channels` 0 where a program config element says it instead."""

    object_type: int
    sample_rate: int
    channels: int
    samples: int


def audio_specific_config(asc: bytes) -> AudioConfig:
    """Raises Problem unplayable if it cannot be read."""
    try:
        bits = Bits(asc[:32])
        kind = _object_type(bits)
        rate = _rate(bits)
        channels = _CHANNELS.get(bits.read(4), 0)
        core, scale = kind, 1
        if kind in (_SBR, _PS):  # explicit signalling: the output has the extension's rate
            base, rate = rate, _rate(bits)
            scale = max(1, rate // base)
            core = _object_type(bits)
            if kind == _PS:
                channels = 2
        short = core in _GENERAL and bits.flag()
    except ValueError as fault:
        raise Problem("unplayable", f"the AAC configuration is damaged: {fault}") from fault
    return AudioConfig(object_type=kind, sample_rate=rate, channels=channels, samples=(960 if short else 1024) * scale)


def _object_type(bits: Bits) -> int:
    kind = bits.read(5)
    return 32 + bits.read(6) if kind == 31 else kind


def _rate(bits: Bits) -> int:
    index = bits.read(4)
    if index != 15 and index >= len(_RATES):
        raise ValueError(f"sampling frequency index {index} is reserved")
    rate = bits.read(24) if index == 15 else _RATES[index]
    if not 4000 <= rate <= 384000:
        raise ValueError(f"a sample rate of {rate} Hz")
    return rate


def esds_payload(asc: bytes) -> bytes:
    """ES > DecoderConfig > DecoderSpecific, SL. ES_ID is 0 (CMAF 10.3.4.2.3); rates 0 = not said."""
    specific = _descriptor(0x05, asc)
    config = _descriptor(0x04, struct.pack(">BB3xII", 0x40, 0x15, 0, 0) + specific)
    return _descriptor(0x03, struct.pack(">HB", 0, 0) + config + _descriptor(0x06, b"\x02"))


def read_esds(payload: bytes) -> tuple[int, bytes]:
    """(objectTypeIndication, DecoderSpecificInfo or empty). Raises Problem unplayable."""
    try:
        tag, body = _open(payload)
        if tag != 0x03:
            raise ValueError("no ES descriptor")
        flags = body[2]
        at = 3 + (2 if flags & 0x80 else 0) + (2 if flags & 0x20 else 0)
        if flags & 0x40:
            at += 1 + body[at]
        tag, config = _open(body[at:])
        if tag != 0x04:
            raise ValueError("no decoder configuration")
        specific = b""
        if len(config) > 13:
            tag, found = _open(config[13:])
            specific = found if tag == 0x05 else b""
        return config[0], specific
    except (IndexError, ValueError) as fault:
        raise Problem("unplayable", f"the audio configuration (esds) is damaged: {fault}") from fault


def _descriptor(tag: int, payload: bytes) -> bytes:
    """Sizes in 7-bit groups (14496-1 8.3.3)."""
    size, groups = len(payload), b""
    while True:
        groups = bytes([(size & 0x7F) | (0x80 if groups else 0)]) + groups
        size >>= 7
        if not size:
            return bytes([tag]) + groups + payload


def _open(data: bytes) -> tuple[int, bytes]:
    tag, size, at = data[0], 0, 1
    while True:
        size = size << 7 | data[at] & 0x7F
        at += 1
        if not data[at - 1] & 0x80:
            break
        if at > 5:
            raise ValueError("a descriptor's size is too long")
    body = data[at : at + size]
    if len(body) != size:
        raise ValueError("a descriptor is cut off")
    return tag, body
