"""The AAC copy: as long as the Opus, at the same times."""

from __future__ import annotations

import itertools
from fractions import Fraction

import av
import numpy as np
import pytest

from ingest.media import Frame
from ingest.whip.aac import AacCopy

CLICK_EVERY = 24_000  # samples


def opus(seconds: float, begin: int = 1_000_000) -> list[Frame]:
    """A click each half second, coded to Opus packets of 20 ms."""
    encoder = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = 48000, "stereo", "s16"
    encoder.bit_rate, encoder.time_base = 128_000, Fraction(1, 48000)
    encoder.open()
    sound = np.zeros(int(seconds * 48000), np.int16)
    for at in range(CLICK_EVERY // 2, len(sound), CLICK_EVERY):
        sound[at : at + 96] = 20_000
    frames, at = [], begin
    for start in range(0, len(sound) - 959, 960):
        block = np.repeat(sound[start : start + 960], 2).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(block, "s16", "stereo")
        frame.sample_rate, frame.pts = 48000, start
        for packet in encoder.encode(frame):
            frames.append(Frame(track="a1", dts=at, timescale=48000, data=bytes(packet)))
            at += 960
    return frames


def clicks(frames: list[Frame], codec: str, extradata: bytes | None = None) -> list[int]:
    """Sample numbers, on the frames' clock, at which clicks are heard."""
    decoder = av.CodecContext.create(codec, "r")
    decoder.sample_rate, decoder.layout = 48000, "stereo"
    if extradata:
        decoder.extradata = extradata
    decoder.open()
    found: list[int] = []
    for frame in frames:
        for sound in decoder.decode(av.Packet(frame.data)):
            heard = np.abs(sound.to_ndarray().astype(float)).max(axis=0)
            heard = heard[::2] if not sound.format.is_planar else heard
            loud = np.flatnonzero(heard > (8192 if sound.format.name == "s16" else 0.25))
            if len(loud) and (not found or frame.dts + loud[0] - found[-1] > 4800):
                found.append(int(frame.dts + loud[0]))
    return found


def test_the_copy_is_where_the_sound_was() -> None:
    source = opus(3.0)
    copy = AacCopy("a2")
    made = [frame for packet in source for frame in copy.take([packet])]
    assert copy.format.codec == "mp4a.40.2" and copy.format.sample_rate == 48000
    assert {frame.track for frame in made} == {"a2"}
    assert {after.dts - before.dts for before, after in itertools.pairwise(made)} == {1024}
    assert made[0].dts == source[0].dts - 1024, "priming stands before the sound"
    lag = source[-1].dts + 960 - made[-1].dts - 1024
    assert 0 <= lag <= 3 * 1024
    there, here = clicks(source, "libopus"), clicks(made, "aac", bytes.fromhex("1190"))
    assert len(there) >= 5
    for before, after in zip(there, here, strict=False):
        assert abs(before - after) < 480, "10 ms"


@pytest.mark.parametrize("gap", [960, 96_000])
def test_behind_a_gap_it_begins_anew(gap: int) -> None:
    before, after = opus(1.0), opus(1.0, begin=1_000_000 + 48_000 + gap)
    copy = AacCopy("a2")
    made = copy.take(before + after)
    dts = [frame.dts for frame in made]
    assert dts == sorted(set(dts))
    late = [at for at in dts if at >= 1_000_000 + 48_000 + gap - 1024]
    assert len(late) >= 40, "the second half is there"


def test_damaged_packets_are_a_gap() -> None:
    source = opus(1.0)
    spoilt = [*source[:20], Frame(track="a1", dts=source[20].dts, timescale=48000, data=b"\xff"), *source[21:]]
    made = AacCopy("a2").take(spoilt)
    assert len(made) > 30
