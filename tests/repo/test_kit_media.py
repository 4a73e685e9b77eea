"""The films of the kit have the shapes that they promise: otherwise the tests that use them would prove nothing."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.kit.media import RECIPES, Films
from tests.kit.optional import program


def probe(film: Path, *what: str) -> dict[str, Any]:
    command = [program("ffprobe"), "-v", "error", "-of", "json", *what, str(film)]
    found: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return found


def keyframes(film: Path) -> list[float]:
    rows = probe(film, "-select_streams", "v", "-show_entries", "packet=pts_time,flags")["packets"]
    return [round(float(row["pts_time"]), 2) for row in rows if "K" in row["flags"]]


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_makes_a_film(films: Films, name: str) -> None:
    streams = probe(films(name), "-show_streams")["streams"]
    assert [row["codec_type"] for row in streams] == ["video"] + ["audio"] * len(RECIPES[name].tones)


def test_irregular_keyframes(films: Films) -> None:
    assert keyframes(films("irregular")) == [0.0, 0.4, 5.2, 5.6, 9.0]
    assert keyframes(films("single-gop")) == [0.0]
    assert keyframes(films("plain")) == [0.0, 2.0, 4.0, 6.0]


def test_the_cut_film_starts_before_its_edit(films: Films) -> None:
    first = keyframes(films("edit-list"))[0]
    assert first < -1  # presented from 0 on; the keyframe lies before


def test_co64_holds_the_same_samples(films: Films) -> None:
    data = films("co64").read_bytes()
    assert b"co64" in data and b"stco" not in data
    rows = probe(films("co64"), "-select_streams", "v", "-count_packets", "-show_entries", "stream=nb_read_packets")
    assert rows["streams"][0]["nb_read_packets"] == "200"


def test_where_moov_stands(films: Films) -> None:
    plain, late = films("plain").read_bytes(), films("bframes").read_bytes()
    assert plain.find(b"moov") < plain.find(b"mdat")
    assert late.find(b"moov") > late.find(b"mdat")
