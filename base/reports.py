"""What an origin tells control of what it holds. Durations in ms, rates in bit/s, frame rate as `30000/1001`."""

from __future__ import annotations

import msgspec


class TrackReport(msgspec.Struct, frozen=True, kw_only=True):
    track: str
    kind: str  # video, audio or text
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
    cicp: tuple[int, ...] = ()  # colour primaries, transfer, matrix (ISO/IEC 23091-2), where the file says them
    supplemental: str = ""  # a codec beside the one above, and its brand: dvh1.08.07/db4h
    label: str = ""
    role: str = ""  # of text: subtitles or captions
    forced: bool = False  # text that everybody should read who does not read any other
    default: bool = False


class Alignment(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of a rendition when its asset arrived. `switchable`: may a player go to it in mid-film, and from
    it? `because`: why not, or what else is to be known; a sentence without its subject. `file`: as it was named."""

    track: str
    switchable: bool
    because: str = ""
    file: str = ""


class AssetReport(msgspec.Struct, frozen=True, kw_only=True):
    """An asset that is playable. `notes`: what a viewer will miss and why (a track that was left out).

    `alignments`: each rendition after the first, those that were left out among them, and sound that is not in time.
    `last` and `bootstrap_ms`: the rest of the policy by which it is cut, beside the target. `left_out`: those of the
    tracks that its operator's filter keeps from viewers.
    """

    asset: str
    edition: str
    duration_ms: int
    segments: int
    target_ms: int
    bytes: int
    tracks: tuple[TrackReport, ...]
    switchable: bool = True
    notes: tuple[str, ...] = ()
    alignments: tuple[Alignment, ...] = ()
    files: tuple[str, ...] = ()
    last: str = ""
    bootstrap_ms: tuple[int, ...] = ()
    left_out: tuple[str, ...] = ()


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
