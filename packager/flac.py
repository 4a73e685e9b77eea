"""FLAC configuration: the STREAMINFO block (RFC 9639 8.2)."""

from __future__ import annotations

from dataclasses import dataclass

from base.problems import Problem

SIZE = 34


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamInfo:
    """`samples` of a frame, 0 where frames last differently."""

    sample_rate: int
    channels: int
    samples: int


def read(block: bytes) -> StreamInfo:
    """Raises Problem unplayable."""
    if len(block) < SIZE:
        raise Problem("unplayable", "the FLAC configuration is cut short")
    least, most = int.from_bytes(block[:2], "big"), int.from_bytes(block[2:4], "big")
    word = int.from_bytes(block[10:14], "big")
    rate = word >> 12
    if not rate:
        raise Problem("unplayable", "the FLAC configuration is damaged: a sample rate of 0 Hz")
    return StreamInfo(sample_rate=rate, channels=(word >> 9 & 7) + 1, samples=most if least == most else 0)
