"""Opus configuration: the identification header (RFC 7845 5.1) as the box dOps (Opus in ISO-BMFF 4.3.2)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from base.problems import Problem

_MAGIC = b"OpusHead"


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """`pre_skip` in samples at 48 kHz; `gain` in 1/256 dB; `mapping`: stream count, coupled count and channel mapping,
    empty for family 0 (mono and stereo)."""

    channels: int
    pre_skip: int = 0
    input_rate: int = 48000
    gain: int = 0
    family: int = 0
    mapping: bytes = b""


def read_head(data: bytes) -> Head:
    """Raises Problem unplayable."""
    if len(data) < 19 or data[:8] != _MAGIC or data[8] >> 4:
        raise _damaged("not an identification header")
    channels, pre_skip, rate, gain, family = struct.unpack_from("<BHIhB", data, 9)
    mapping = b""
    if family:
        mapping = data[19 : 21 + channels]
        if len(mapping) != 2 + channels:
            raise _damaged("its channel mapping is cut short")
    if not 1 <= channels <= (255 if family else 2):
        raise _damaged(f"{channels} channels")
    return Head(channels=channels, pre_skip=pre_skip, input_rate=rate, gain=gain, family=family, mapping=bytes(mapping))


def dops(head: Head) -> bytes:
    """The payload of the box: the same fields, in network order, version 0."""
    fixed = struct.pack(">BBHIhB", 0, head.channels, head.pre_skip, head.input_rate, head.gain, head.family)
    return fixed + head.mapping


def _damaged(why: str) -> Problem:
    return Problem("unplayable", f"the Opus configuration is damaged: {why}")
