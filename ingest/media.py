"""The border between a source and everything behind it: the configuration of a track, and one frame of it.

An adapter (RTMP, SRT, WHIP, CMAF, pull) makes these of its protocol and gives them to `ingest.live.LiveSession`.
Nothing behind this border knows what protocol a frame came by.
"""

from __future__ import annotations

from dataclasses import dataclass

from base.media import Format


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackConfig:
    """A decoder configuration of one source track.

    `track`: `v1`, `v2`, .. for pictures, `a1`, `a2`, .. for sound, as in base.names; stable for the session. `format`
    is made with packager.entries; its language and timescale are those of the published track.
    """

    track: str
    format: Format


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One access unit.

    `dts` in ticks of `timescale`, unwrapped by the adapter (ingest.unwrap), from any origin that all tracks of the
    session share; `cto` = presentation - decode time, in the same ticks; `key`: decoding may begin here.

    `data`: H.264 and HEVC as NAL units with 4-octet lengths (ISO/IEC 14496-15), parameter sets need not be among them;
    AV1 as low-overhead OBUs without temporal delimiters (AV1 ISO-BMFF binding 2.4); AAC as a raw access unit, Opus as a
    packet, AC-3 and E-AC-3 as sync frames, FLAC as a frame.
    """

    track: str
    dts: int
    timescale: int
    cto: int = 0
    key: bool = True
    data: bytes
