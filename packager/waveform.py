"""Waveforms: the peaks of an audio track in pieces, in the format of BBC's audiowaveform, version 2.

A piece holds PIXELS pairs of least and greatest value, each over PER_PIXEL samples, all channels mixed to one, 8 bits.
Pieces follow one another from the beginning of the presentation, so waveform-data.js joins them with `concat` and
peaks.js shows them. Of a channel a piece is a segment, and has its number.
`.dat` is the binary form, all values little-endian:

    version i32 = 2, flags u32 (1: 8 bits), sample rate i32, samples a pixel i32, length u32, channels i32,
    then length times: least i8, greatest i8
"""

from __future__ import annotations

import math
import struct
from fractions import Fraction

import msgspec
import numpy as np
import numpy.typing as npt

from base.media import Format
from base.pictures import WaveformOrder
from base.problems import Problem
from packager.init import init_segment
from packager.live import LiveSegment
from packager.moof import moof_and_mdat_head
from packager.plan import Plan, TrackPlan
from packager.segment import pieces

I8 = npt.NDArray[np.int8]

PER_PIXEL, PIXELS = 512, 4096
HEAD = struct.Struct("<iIiiIi")
_EIGHT_BITS = 1
# What a decoder hears before it is right: Opus asks for 80 ms (RFC 7845 4.2), AAC for one or two frames.
_BEFORE_S = Fraction(1, 5)
_RATES = range(8_000, 384_001)


class _Json(msgspec.Struct, frozen=True, kw_only=True):
    version: int
    channels: int
    sample_rate: int
    samples_per_pixel: int
    bits: int
    length: int
    data: list[int]


def count(plan: Plan, track: TrackPlan) -> int:
    """How many pieces a track has: the last one ends with the presentation."""
    return max(1, math.ceil(plan.duration * track.track.format.sample_rate / (PER_PIXEL * PIXELS)))


def order(plan: Plan, track: TrackPlan, number: int) -> WaveformOrder:
    """What is to be made of `sound(plan, track, number)`. Raises Problem unknown where a track has no such piece."""
    fmt = track.track.format
    if fmt.kind != "audio" or fmt.sample_rate not in _RATES or number >= count(plan, track):
        raise Problem("unknown", "there is no such piece of a waveform")
    left = math.ceil(plan.duration * fmt.sample_rate) - number * PER_PIXEL * PIXELS
    return WaveformOrder(
        start=math.floor(_seconds(plan, track, number) * fmt.timescale),
        rate=fmt.sample_rate,
        per_pixel=PER_PIXEL,
        pixels=min(PIXELS, -(-left // PER_PIXEL)),
    )


def sound(plan: Plan, track: TrackPlan, number: int, media: memoryview) -> bytes:
    """The samples of a piece as a film, with a little before them; without samples if the track is silent there.

    `media`: the file that the samples lie in.
    """
    scale = track.track.format.timescale
    begin = _seconds(plan, track, number)
    end = begin + Fraction(PER_PIXEL * PIXELS, track.track.format.sample_rate)
    dts = track.track.samples["dts"]
    low, high = (math.floor(at * scale) - track.base for at in (begin - _BEFORE_S, end))
    first = max(0, int(np.searchsorted(dts, low, side="right")) - 1)
    last = int(np.searchsorted(dts, high))
    init = init_segment(track.track.format)
    rows = track.track.samples[first:last]
    if not len(rows):
        return init
    following = int(dts[last]) if last < len(dts) else track.track.end_dts
    size = rows["size"].astype(np.int64)
    head = moof_and_mdat_head(
        sequence=1,
        tfdt=int(rows["dts"][0]) + track.base,
        duration=np.diff(rows["dts"], append=following),
        size=size,
        cto=np.zeros(len(rows), np.int64),
        sync=np.ones(len(rows), np.bool_),
    )
    return b"".join((init, head, *(media[at : at + octets] for at, octets in pieces(rows))))


def of_segment(fmt: Format, segment: LiveSegment) -> WaveformOrder:
    """What is to be made of a whole segment of a channel, and of the one before it: decoders need that to begin.

    Raises Problem unknown where a track has no waveform.
    """
    if fmt.kind != "audio" or fmt.sample_rate not in _RATES:
        raise Problem("unknown", "there is no such piece of a waveform")
    samples = Fraction(segment.duration * fmt.sample_rate, fmt.timescale)
    pixels = max(1, min(PIXELS, math.ceil(samples / PER_PIXEL)))
    return WaveformOrder(start=segment.start, rate=fmt.sample_rate, per_pixel=PER_PIXEL, pixels=pixels)


def as_json(data: bytes) -> bytes:
    """The JSON form of a piece in the binary form."""
    version, _, rate, per_pixel, length, channels = HEAD.unpack_from(data)
    return msgspec.json.encode(
        _Json(
            version=version,
            channels=channels,
            sample_rate=rate,
            samples_per_pixel=per_pixel,
            bits=8,
            length=length,
            data=np.frombuffer(data, np.int8, offset=HEAD.size).tolist(),
        )
    )


def as_dat(least: I8, greatest: I8, *, rate: int, per_pixel: int) -> bytes:
    """The binary form of peaks in 8 bits, one value each a pixel."""
    pairs = np.stack((least, greatest), axis=1)
    return HEAD.pack(2, _EIGHT_BITS, rate, per_pixel, len(pairs), 1) + pairs.tobytes()


def _seconds(plan: Plan, track: TrackPlan, number: int) -> Fraction:
    """When a piece begins, on the timeline that tfdt counts."""
    return plan.origin + Fraction(number * PER_PIXEL * PIXELS, track.track.format.sample_rate)
