"""Desired state as control hands it to nodes: one value with a sequence that only rises.

`GET /sync/v1/desired?have=SEQ` on control's node socket answers at once if its sequence is higher, else it holds
the request for up to 25 s and answers 304. Nodes keep the last value on disk and serve from it without control.
"""

from __future__ import annotations

import hashlib

import msgspec

DESIRED_PATH = "/sync/v1/desired"
CONTRACT = 1  # the node contract's number; its history: 1 (2026-11) channels


class CueSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A splice that was asked for: a splice_info_section, and when, in UTC ms; times inside it mean nothing."""

    at_ms: int
    section: bytes


class PlayoutItem(msgspec.Struct, frozen=True, kw_only=True):
    """A film in a schedule. `at_ms`: UTC at which it begins; 0: when the one before it ends."""

    asset: str
    at_ms: int = 0


class PlayoutSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What a linear channel plays. `start_ms`: UTC at which the first item without a time of its own begins.

    `loop`: over and over. `slate`: the film between items, empty for none.
    """

    items: tuple[PlayoutItem, ...]
    loop: bool = False
    start_ms: int = 0
    slate: str = ""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a stream key allows; 0 is no limit.

    `kbps`: kbit/s of all tracks, in 10 s; `lines`: of the lesser side of a picture; `seconds`: of one session.
    """

    kbps: int = 0
    lines: int = 0
    seconds: int = 0


class ChannelSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One live channel. Durations in ms, `window_s` in seconds. Keys are SHA-256 (hex) of random 128-bit keys.

    `splices`: segments may be longer than the grid, so that splices by the API can be cut off its lines.
    `playout`: what is played by this node itself; None: encoders publish.
    `source`: the address at which the node fetches its media (base.sources); empty: encoders publish.
    `interstitials`: a template of the address at which players ask what to show in a break; empty for none.
    """

    channel: str
    title: str
    edition: str
    key_hashes: tuple[str, ...]
    segment_ms: int = 2000
    part_ms: int = 500
    window_s: int = 1800
    demo: bool = False
    limits: Limits = Limits()
    splices: bool = False
    interstitials: str = ""
    source: str = ""
    playout: PlayoutSpec | None = None
    cues: tuple[CueSpec, ...] = ()


class Desired(msgspec.Struct, frozen=True, kw_only=True):
    seq: int
    contract: int = CONTRACT
    channels: tuple[ChannelSpec, ...] = ()


def key_hash(key: str) -> str:
    """How a stream key is kept: keys are random, so one SHA-256 is enough (no guessing of 128 bits)."""
    return hashlib.sha256(key.encode()).hexdigest()
