"""Tiles of AV1, over streams of many shapes: Shaka Packager finds the same ones."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from base.problems import Problem
from packager import cenc
from packager.av1_tiles import Av1Reader
from packager.slices import ranges, reader
from tests.kit import shaka
from tests.kit.decrypt import protected_samples, read_tenc
from tests.kit.optional import lacks, program
from tests.packager.nal_films import found_in, rows

_AOM, _SVT = "-c:v libaom-av1 -cpu-used 8 -g 25", "-c:v libsvtav1 -preset 12 -g 25"
SHAPES = {
    "svt": _SVT,
    "svt-tiles": f"{_SVT} -svtav1-params tile-columns=1:tile-rows=1",
    "svt-grain": f"{_SVT} -svtav1-params scm=1:film-grain=10",
    "good": "-c:v libaom-av1 -cpu-used 6 -g 25 -usage good -lag-in-frames 19",
    "realtime": f"{_AOM} -usage realtime -b:v 100k -aom-params aq-mode=3",
    "tile-groups": f"{_AOM} -tiles 2x2 -aom-params num-tile-groups=2",
    "resilient": f"{_AOM} -aom-params error-resilient=1",
    "lossless": f"{_AOM} -aom-params lossless=1",
    "grain": f"{_AOM} -aom-params film-grain-test=3",
    "quantizers": "-c:v libaom-av1 -cpu-used 6 -g 25 -aom-params aq-mode=1:deltaq-mode=1",
    "444": f"{_AOM} -pix_fmt yuv444p10le",
    "unordered": f"{_AOM} -aom-params enable-order-hint=0",
}

QUICK = ("svt-tiles", "svt-grain", "realtime", "tile-groups")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("av1")


def film(folder: Path, shape: str) -> Path:
    path = folder / f"{shape}.mp4"
    if not path.exists():
        options = SHAPES[shape].split()
        colours = [] if "-pix_fmt" in options else ["-pix_fmt", "yuv420p"]
        words = [program("ffmpeg"), "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25:duration=1.2"]
        made = subprocess.run([*words, *colours, *options, str(path)], capture_output=True, text=True, check=False)
        if "Unknown encoder" in made.stderr:
            lacks("local encoder", f"this FFmpeg has no {options[1]}")
        assert made.returncode == 0, made.stderr
    return path


@pytest.mark.rule("AV1 ISOBMFF 4", "what decode_tile reads is ciphered, each tile as a range of its own, and no more")
@pytest.mark.parametrize(
    "shape", [*QUICK, *(pytest.param(one, marks=pytest.mark.slow) for one in SHAPES if one not in QUICK)]
)
def test_shaka_packager_finds_the_same_tiles(folder: Path, shape: str) -> None:
    source = film(folder, shape)
    track, found = found_in(source.read_bytes())
    made = shaka.encrypts(source, "video", "cbcs", folder / "shaka.mp4")
    theirs = [[row for row in s.rows if row[1]] for s in protected_samples(made, read_tenc(made))]
    assert rows(track, found) == theirs and len(theirs) == len(track.samples)


@pytest.mark.rule("AV1 ISOBMFF 4", "in cenc a range is whole blocks that end with the tile; shorter tiles stay clear")
@pytest.mark.parametrize("shape", ["svt-tiles", "tile-groups"])
def test_whole_blocks_end_with_their_tile(folder: Path, shape: str) -> None:
    """Shaka Packager ciphers as many, but leaves the rest clear behind them."""
    source = film(folder, shape)
    track, found = found_in(source.read_bytes())
    made = shaka.encrypts(source, "video", "cenc", folder / "shaka.mp4")
    table = cenc.subsamples(cenc.aligned(found), track.samples["size"].astype(np.int64))
    theirs = [row for s in protected_samples(made, read_tenc(made)) for row in s.rows]
    assert [p for _, p in table.rows if p] == [p for _, p in theirs if p]
    ends = set(found.end.tolist())
    assert set(cenc.aligned(found).end.tolist()) <= ends and len(ends) > len(track.samples)


@cache
def _octets(folder: Path) -> tuple[bytes, list[int], bytes]:
    data = film(folder, "tile-groups").read_bytes()
    track, _ = found_in(data)
    sizes = track.samples["size"].tolist()
    places = zip(track.samples["offset"].tolist(), sizes, strict=True)
    return b"".join(data[at : at + size] for at, size in places), sizes, track.format.entry


@given(st.data())
def test_damage_is_a_problem_and_no_other_fault(folder: Path, data: st.DataObject) -> None:
    media, sizes, _ = _octets(folder)
    spoilt = bytearray(media)
    for _ in range(data.draw(st.integers(1, 4))):
        spoilt[data.draw(st.integers(0, 2000))] = data.draw(st.integers(0, 255))
    octets = np.array(sizes)
    try:
        found = ranges(Av1Reader(b""), memoryview(spoilt), octets)
    except Problem as problem:
        assert problem.kind.name == "unplayable"
    else:
        assert (found.start < found.end).all() and (np.diff(found.start) > 0).all()


def test_a_stream_without_its_sequence_header_is_refused() -> None:
    with pytest.raises(Problem, match="an OBU of its AV1 video cannot be read"):
        Av1Reader(b"").tiles(memoryview(b"\x32\x02\x10\x00"), 0, 4)


def test_the_configuration_may_hold_the_sequence_header(folder: Path) -> None:
    """Samples must repeat it at key frames; a reader that begins elsewhere has it from av1C."""
    data = film(folder, "svt").read_bytes()
    track, _ = found_in(data)
    found = reader(track.format)
    assert isinstance(found, Av1Reader) and found._sequence is not None
    assert (found._sequence.width, found._sequence.height) == (640, 360)
