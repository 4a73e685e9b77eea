from __future__ import annotations

import io
from itertools import pairwise

import av
import numpy as np
import pytest

from ingest.demo.encoder import SAMPLE_RATE, VIDEO_SCALE, DemoEncoder
from ingest.demo.picture import RATE
from ingest.intake import Stamped
from packager.init import generation, init_segment
from packager.segmenter import Segmenter

K = 1_795_301_880 * RATE


@pytest.fixture(scope="module")
def encoded() -> tuple[DemoEncoder, list[Stamped]]:
    encoder = DemoEncoder(2000)
    return encoder, [stamped for k in range(K, K + 4 * RATE + 1) for stamped in encoder.frame(k)]


def of(encoded: tuple[DemoEncoder, list[Stamped]], track: str) -> list[Stamped]:
    return [stamped for stamped in encoded[1] if stamped.track == track]


@pytest.mark.parametrize("track", ["v1", "v2"])
def test_frames_stand_on_the_wall_clock_and_keyframes_on_the_grid(
    encoded: tuple[DemoEncoder, list[Stamped]], track: str
) -> None:
    samples = [stamped.sample for stamped in of(encoded, track)]
    assert [sample.dts for sample in samples] == [k * VIDEO_SCALE // RATE for k in range(K, K + 4 * RATE + 1)]
    assert all(sample.cto == 0 for sample in samples)
    assert [n for n, sample in enumerate(samples) if sample.sync] == [0, 50, 100]


def test_sound_goes_on_in_exact_steps(encoded: tuple[DemoEncoder, list[Stamped]]) -> None:
    times = [stamped.sample.dts for stamped in of(encoded, "a1")]
    assert {later - earlier for earlier, later in pairwise(times)} == {1024}
    assert abs(times[0] - K * SAMPLE_RATE // RATE) <= 3 * 1024
    assert times[-1] > (K + 4 * RATE) * SAMPLE_RATE // RATE - 4 * 1024


def test_the_formats(encoded: tuple[DemoEncoder, list[Stamped]]) -> None:
    formats = encoded[0].formats
    assert {track: (fmt.width, fmt.height) for track, fmt in formats.items() if fmt.kind == "video"} == {
        "v1": (640, 360),
        "v2": (320, 180),
    }
    assert (formats["a1"].codec, formats["a1"].sample_rate, formats["a1"].channels) == ("mp4a.40.2", 48_000, 1)


def test_a_decoder_plays_it_and_hears_the_blip_at_the_full_second(
    encoded: tuple[DemoEncoder, list[Stamped]],
) -> None:
    formats = encoded[0].formats
    inits = {track: init_segment(fmt) for track, fmt in formats.items()}
    segmenter = Segmenter(
        formats, {track: generation(init) for track, init in inits.items()}, grid_ms=2000, part_ms=500
    )
    parts = [part for one in encoded[1] for part in segmenter.push(one.track, one.sample)] + segmenter.finish()
    assert {part.number for part in parts} == {K // 50, K // 50 + 1, K // 50 + 2}
    for track in ("v1", "v2"):
        with av.open(io.BytesIO(inits[track] + b"".join(p.body for p in parts if p.track == track))) as film:
            frames = list(film.decode(video=0))
        assert len(frames) == 101
        assert frames[0].to_ndarray(format="gray").max() > 200
    with av.open(io.BytesIO(inits["a1"] + b"".join(p.body for p in parts if p.track == "a1"))) as film:
        # loudness by 20 ms of the second in which it sounds
        loud = np.zeros(50)
        for frame in film.decode(audio=0):
            assert frame.pts is not None
            at = (frame.pts + np.arange(frame.samples)) % SAMPLE_RATE // 960
            np.maximum.at(loud, at, np.abs(frame.to_ndarray()[0]))
    assert loud[1:4].min() > 0.15
    assert loud[7:48].max() < 0.02


def test_a_grid_that_frames_do_not_divide() -> None:
    encoder = DemoEncoder(2500)
    starts = [k for k in range(K, K + 500) if encoder.is_cell_start(k)]
    assert {later - earlier for earlier, later in pairwise(starts)} <= {62, 63}
