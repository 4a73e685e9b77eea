"""Media values that cross a border between modules: a sample and the format of a track.

Times are integers in the track's timescale. In a live channel they count from 1970-01-01T00:00:00Z, on demand from
the asset's start.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One access unit (video: length-prefixed NAL units, audio: one frame). Presentation time = dts + cto."""

    dts: int
    cto: int = 0
    sync: bool = True
    data: bytes

    @property
    def pts(self) -> int:
        return self.dts + self.cto


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """What a decoder and a playlist must know of a track.

    `entry` is the whole `stsd` sample entry box (ISO/IEC 14496-12 8.5.2), `codec` the RFC 6381 string.
    `sample_duration` is in the timescale where every sample lasts the same (audio), 0 where it varies.
    """

    kind: str  # video or audio
    codec: str
    timescale: int
    entry: bytes
    width: int = 0
    height: int = 0
    channels: int = 0
    sample_rate: int = 0
    sample_duration: int = 0
    language: str = "und"
