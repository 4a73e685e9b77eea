"""Opus packets by RTP, and what stands for those that did not come."""

from __future__ import annotations

import av
import numpy as np
import pytest

from ingest.whip.opus import MOST_FILLED, Steps

TOC_20MS_STEREO = bytes((0xFC,))  # CELT, 20 ms, stereo, one frame (RFC 6716 3.1)
PACKET = TOC_20MS_STEREO + b"x" * 40


def test_packets_in_order_are_only_passed_on() -> None:
    steps = Steps()
    got = [steps.take(7 + at * 960, PACKET) for at in range(3)]
    assert got == [[(7, PACKET)], [(967, PACKET)], [(1927, PACKET)]]
    assert (steps.step, steps.filled) == (960, 0)


@pytest.mark.rule("RFC 6716 3.2.1", "a lost packet is stood in for by one with an empty frame")
def test_what_is_missing_is_filled() -> None:
    steps = Steps()
    steps.take(0, PACKET)
    assert steps.take(3 * 960, PACKET) == [(960, b"\xfc"), (1920, b"\xfc"), (2880, PACKET)]
    assert steps.take(2880, PACKET) == [], "a second time"


def test_a_long_silence_is_left_to_the_media_clock() -> None:
    steps = Steps()
    steps.take(0, PACKET)
    far = (MOST_FILLED + 2) * 960
    assert steps.take(far, PACKET) == [(far, PACKET)]


def test_fillers_last_as_long_as_what_they_stand_for() -> None:
    steps = Steps()
    two = bytes((0xFF, 2)) + b"y" * 40
    steps.take(0, two)
    assert steps.take(3840, two)[0] == (1920, b"\xff\x02")
    steps.take(5760, bytes((0xFD,)) + b"y" * 40)
    assert steps.step == 1920


def test_what_is_no_packet_is_left_out() -> None:
    assert Steps().take(0, bytes((0xFF, 0))) == []


def test_a_decoder_takes_a_filler_for_a_lost_frame() -> None:
    encoder = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = 48000, "stereo", "s16"
    encoder.open()
    packets = []
    for at in range(10):
        frame = av.AudioFrame.from_ndarray(np.full((1, 1920), 1000 * (at % 2), np.int16), "s16", "stereo")
        frame.sample_rate, frame.pts = 48000, at * 960
        packets += [bytes(packet) for packet in encoder.encode(frame)]
    steps, fed = Steps(), []
    for at, packet in enumerate(packets):
        if at not in (4, 5):
            fed += [data for _, data in steps.take(at * 960, packet)]
    assert len(fed) == len(packets)
    for name in ("opus", "libopus"):
        decoder = av.CodecContext.create(name, "r")
        decoder.sample_rate, decoder.layout = 48000, "stereo"
        decoder.open()
        samples = sum(frame.samples for data in fed for frame in decoder.decode(av.Packet(data)))
        assert samples == 960 * len(packets), name
