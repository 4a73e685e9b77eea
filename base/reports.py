"""What an origin tells control of what it holds. Durations in ms, rates in bit/s, frame rate as `30000/1001`."""

from __future__ import annotations

import msgspec


class TrackReport(msgspec.Struct, frozen=True, kw_only=True):
    track: str
    kind: str  # video or audio
    codec: str  # RFC 6381
    bandwidth: int  # peak, as RFC 8216bis 4.1 defines it
    average: int = 0
    language: str = "und"
    width: int = 0
    height: int = 0
    frame_rate: str = ""
    channels: int = 0
    sample_rate: int = 0
    video_range: str = "SDR"  # SDR, HLG or PQ
    label: str = ""


class AssetReport(msgspec.Struct, frozen=True, kw_only=True):
    """An asset that is playable. `notes`: what a viewer will miss and why (a track that was left out)."""

    asset: str
    edition: str
    duration_ms: int
    segments: int
    target_ms: int
    bytes: int
    tracks: tuple[TrackReport, ...]
    switchable: bool = True
    notes: tuple[str, ...] = ()


class ChannelReport(msgspec.Struct, frozen=True, kw_only=True):
    """A channel's journal at one moment. `state`: idle (never published), live, stalled or ended."""

    channel: str
    edition: str
    state: str
    numbering: str = ""
    why: str = ""
    first_number: int = -1
    last_number: int = -1
    window_ms: int = 0
    age_ms: int = -1  # since the newest media arrived
    tracks: tuple[TrackReport, ...] = ()
