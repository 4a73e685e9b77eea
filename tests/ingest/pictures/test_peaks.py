"""Peaks of sound, at the right time and of the right height."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from base.pictures import WaveformOrder
from base.problems import Problem
from ingest.pictures.peaks import peaks
from packager import waveform
from packager.index import FileKey, build
from packager.movie import read_movie
from packager.plan import make_plan
from tests.kit.optional import program


def heard(film: Path, number: int = 0) -> tuple[np.ndarray, np.ndarray, int]:
    """Least and greatest of each pixel, and the rate."""
    data = memoryview(film.read_bytes())
    plan = make_plan(build(read_movie(data), FileKey(1, 1, 1)), 4000)
    track = next(t for t in plan.tracks if t.track.format.kind == "audio")
    order = waveform.order(plan, track, number)
    body = peaks(order, waveform.sound(plan, track, number, data))
    pairs = np.frombuffer(body, np.int8, offset=24).reshape(-1, 2)
    assert len(pairs) == order.pixels
    return pairs[:, 0], pairs[:, 1], order.rate


@pytest.mark.parametrize("codec", ["aac", "libopus", "ac3", "flac", "libmp3lame"])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_tone_is_where_it_was_and_as_loud(tmp_path: Path, codec: str, channels: int) -> None:
    """Half amplitude from 1 s to 2 s, silence around it, on every channel."""
    film = tmp_path / "f.mp4"
    tone = "|".join(["0.5*sin(2*PI*1000*t)*between(t\\,1\\,2)"] * channels)
    made = subprocess.run(
        [program("ffmpeg"), "-v", "error", "-f", "lavfi", "-i", f"aevalsrc={tone}:s=48000:d=4", "-c:a", codec,
         "-strict", "-2", "-b:a", "192k", str(film)],
        check=False, capture_output=True,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr.decode()
    least, greatest, rate = heard(film)
    at = (np.arange(len(least)) + 0.5) * 512 / rate
    loud = (at > 1.03) & (at < 1.97)
    assert 55 <= greatest[loud].mean() <= 68 and -68 <= least[loud].mean() <= -55
    assert np.abs(greatest[(at < 0.95) | (at > 2.06)]).max() <= 6
    edges = at[np.flatnonzero(greatest > 30)[[0, -1]]]
    assert edges == pytest.approx([1, 2], abs=0.03)


def test_pieces_join_without_a_seam(tmp_path: Path) -> None:
    """A steady tone of 60 s: the pixels at the seam are as loud as all others."""
    film = tmp_path / "f.mp4"
    subprocess.run(
        [program("ffmpeg"), "-v", "error", "-f", "lavfi", "-i", "aevalsrc=0.5*sin(2*PI*1000*t):s=48000:d=60",
         "-c:a", "aac", str(film)],
        check=True,
    )  # fmt: skip
    first, second = heard(film, 0)[1], heard(film, 1)[1]
    joined = np.concatenate((first[-20:], second[:20]))
    assert joined.min() > 55 and joined.max() < 70


@pytest.mark.parametrize(
    "order",
    [
        WaveformOrder(start=0, rate=48_000, per_pixel=0, pixels=1),
        WaveformOrder(start=0, rate=48_000, per_pixel=1 << 20, pixels=1 << 20),
        WaveformOrder(start=0, rate=1, per_pixel=512, pixels=1),
    ],
)
def test_an_order_that_cannot_be_is_refused(order: WaveformOrder) -> None:
    with pytest.raises(Problem) as refusal:
        peaks(order, b"")
    assert refusal.value.kind.name == "malformed"


def test_what_is_no_sound_is_told() -> None:
    with pytest.raises(Problem, match="cannot be decoded"):
        peaks(WaveformOrder(start=0, rate=48_000, per_pixel=512, pixels=10), b"no film")
