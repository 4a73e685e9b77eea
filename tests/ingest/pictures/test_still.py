"""Decoding a keyframe, at its size and with its colours."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from base.problems import Problem
from ingest.pictures.still import decode
from packager import stills
from packager.index import FileKey, build
from packager.movie import read_movie
from packager.plan import make_plan
from tests.kit.media import Films
from tests.kit.optional import program
from tests.kit.pictures import difference, frame_at


def still_of(film: Path, sample: int = 0) -> bytes:
    data = memoryview(film.read_bytes())
    track = make_plan(build(read_movie(data), FileKey(1, 1, 1)), 4000).tracks[0]
    return stills.of_asset(track, sample, data)


@pytest.mark.parametrize("name", ["plain", "hevc-ac3", "av1-opus"])
def test_a_picture_is_what_ffmpeg_shows(films: Films, name: str) -> None:
    assert difference(decode(still_of(films(name)), 320, 180), frame_at(films(name), 0, 320, 180)) < 1.5


@pytest.mark.parametrize(("matrix", "size"), [("bt709", "320x180"), ("smpte170m", "1280x720"), ("bt2020nc", "320x180")])
def test_the_matrix_that_a_stream_states_is_used(tmp_path: Path, matrix: str, size: str) -> None:
    """Pure colours come back, whatever the matrix and however large the picture."""
    film = tmp_path / "f.mp4"
    subprocess.run(
        [program("ffmpeg"), "-v", "error", "-f", "lavfi", "-i", f"color=0xC02040:size={size}:duration=0.2:rate=25",
         "-vf", f"scale=out_color_matrix={matrix.replace('nc', '')}:out_range=tv,format=yuv420p",
         "-colorspace", matrix, "-c:v", "libx264", "-qp", "4", str(film)],
        check=True,
    )  # fmt: skip
    found = decode(still_of(film), 160, 90).reshape(-1, 3).mean(axis=0)
    assert np.abs(found - (0xC0, 0x20, 0x40)).max() < 6, found  # with the wrong one: above 15


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
def test_a_bright_picture_is_brought_into_what_a_jpeg_has(tmp_path: Path, transfer: str) -> None:
    """A ramp in 10 bits: read as if it were SDR it would be too dark at the top and grey all over."""
    film = tmp_path / "f.mp4"
    made = subprocess.run(
        [program("ffmpeg"), "-v", "error", "-f", "lavfi", "-i",
         "nullsrc=size=320x180:rate=25:duration=0.2,format=yuv420p10le,geq=lum='64+876*X/320':cb=512:cr=512",
         "-c:v", "libx265", "-tag:v", "hvc1",
         "-x265-params", f"log-level=error:colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc",
         str(film)],
        check=False, capture_output=True,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr.decode()
    shown = decode(still_of(film), 320, 180).mean(axis=(0, 2))
    assert (np.diff(shown) > -2).all() and shown[0] < 5 and shown[-1] > 250
    white = {"smpte2084": 0.58, "arib-std-b67": 0.75}[transfer]
    assert 200 < shown[round(320 * white)] < 240


@pytest.mark.parametrize("film", [b"", b"no film at all", b"\0\0\0\x10ftypisom\0\0\0\0"])
def test_what_is_no_film_is_told(film: bytes) -> None:
    with pytest.raises(Problem) as refusal:
        decode(film, 160, 90)
    assert refusal.value.kind.name == "unplayable"


def test_a_cut_picture_is_told_or_shown(films: Films) -> None:
    """No damage may end the process; what comes is a picture or a Problem."""
    still = still_of(films("plain"))
    for size in range(0, len(still), max(1, len(still) // 60)):
        try:
            assert decode(still[:size], 160, 90).shape == (90, 160, 3)
        except Problem as problem:
            assert problem.kind.name == "unplayable"
