"""Which keyframe a time stands for, and taking it out of a film."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base.problems import Problem
from packager import stills
from packager.movie import read_movie
from packager.plan import make_plan
from tests.kit.live_media import Studio
from tests.kit.optional import program
from tests.packager.packed import Packed
from tests.packager.tracks import audio, index, video

FILMS = ("plain", "bframes", "ntsc", "edit-list", "fragmented", "hevc-ac3", "av1-opus")


@given(
    st.lists(st.integers(1, 100), min_size=1, max_size=12),
    st.sampled_from([(512, 12800), (1001, 30000), (3003, 90000), (40, 1000)]),
    st.lists(st.integers(0, 40_000), min_size=1, max_size=8),
)
def test_a_time_stands_for_the_last_keyframe_at_or_before_it(
    gaps: list[int], rate: tuple[int, int], times: list[int]
) -> None:
    keys = [0, *itertools.accumulate(gaps)]
    step, scale = rate
    plan = make_plan(index(video(keys, keys[-1] + 10, step=step, scale=scale)), 4000)
    found = stills.keyframes(plan, plan.tracks[0], times).tolist()
    for ms, sample in zip(times, found, strict=True):
        expected = max((key for key in keys if key * step * 1000 // scale <= ms), default=0)
        assert sample == expected


def test_times_count_from_the_beginning_of_the_presentation() -> None:
    """Sound that begins 0.3 s before the picture: the film's beginning is the sound's."""
    plan = make_plan(index(video([0, 50, 100], 150), audio(400, start=-14_400)), 2000)
    begin = Fraction(int(plan.tracks[0].shown[0]), plan.tracks[0].track.format.timescale) - plan.origin
    times = [0, round(begin * 1000) + 1999, round(begin * 1000) + 2000]
    assert stills.keyframes(plan, plan.tracks[0], times).tolist() == [0, 0, 50]


@pytest.mark.parametrize("name", FILMS)
def test_a_still_is_a_film_of_one_picture(packed: Callable[..., Packed], name: str) -> None:
    """FFmpeg gives the very picture that it gives of the whole film."""
    film = packed(name)
    track = film.track("v1")
    sample = int(track.track.sync[min(1, len(track.track.sync) - 1)])
    still = stills.of_asset(track, sample, memoryview(film.data))
    (found,) = read_movie(memoryview(still)).tracks
    assert len(found.columns.samples) == 1 and found.columns.sync.tolist() == [0]
    alone, whole = hashes(still), hashes(film.data)
    assert len(alone) == 1 and alone[0] in whole


def hashes(film: bytes) -> list[str]:
    """A hash of each picture, in order."""
    command = [
        program("ffmpeg"),
        "-v",
        "error",
        "-ignore_editlist",
        "1",
        "-i",
        "pipe:0",
        "-map",
        "0:v",
        "-fps_mode",
        "passthrough",
        "-f",
        "framemd5",
        "-",
    ]
    if b"moof" not in film and film.index(b"moov") > film.index(b"mdat"):
        return _of_file(film, command)
    made = subprocess.run(command, input=film, capture_output=True, check=True)
    return [line.split(",")[-1].strip() for line in made.stdout.decode().splitlines() if not line.startswith("#")]


def _of_file(film: bytes, command: list[str]) -> list[str]:
    import tempfile

    with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
        file.write(film)
        file.flush()
        words = [file.name if word == "pipe:0" else word for word in command]
        made = subprocess.run(words, capture_output=True, check=True)
    return [line.split(",")[-1].strip() for line in made.stdout.decode().splitlines() if not line.startswith("#")]


def test_a_live_part_gives_its_first_sample() -> None:
    studio = Studio()
    part = next(part for part in studio.run(2000) if part.track == "v1")
    still = stills.of_chunk(studio.formats["v1"], memoryview(part.body))
    (found,) = read_movie(memoryview(still)).tracks
    row = found.columns.samples[0]
    at, size = int(row["offset"]), int(row["size"])
    assert still[at : at + size] == studio.sample("v1", studio_dts(part.body), True)


def studio_dts(body: bytes) -> int:
    at = body.index(b"tfdt") + 8
    return int.from_bytes(body[at : at + 8], "big")


@pytest.mark.parametrize("chunk", [b"", b"\0\0\0\x08mdat", b"\0\0\0\x08moof"])
def test_what_is_no_part_is_refused(chunk: bytes) -> None:
    with pytest.raises(Problem):
        stills.of_chunk(Studio().formats["v1"], memoryview(chunk))
