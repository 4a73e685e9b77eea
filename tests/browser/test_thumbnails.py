"""A player's own thumbnails: Shaka Player shows the right cell of the right sheet, by DASH and by HLS."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kit.appliance import Appliance
from tests.kit.optional import ROOT, chromium, lacks, program
from tests.kit.pictures import numbered_film

SCRIPT = ROOT / "tests" / "browser" / "thumbnails.mjs"


@pytest.fixture(scope="module")
def box() -> Iterator[Appliance]:
    with Appliance(demo=True) as appliance:
        yield appliance


@pytest.fixture(scope="module")
def asset(box: Appliance, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A film of 30 s: two sheets."""
    film: Path = numbered_film(tmp_path_factory.mktemp("films") / "numbered.mp4", seconds=30)
    added: dict[str, Any] = box.command("add", str(film))
    return added


def shown(box: Appliance, url: str, times: list[float]) -> dict[str, Any]:
    if not (SCRIPT.parent / "node_modules" / "playwright-core").is_dir():
        lacks("program", "playwright-core is not installed; `make test` does it")
    vendor = sorted((ROOT / "control" / "web" / "vendor").glob("shaka-*.js"))
    if not vendor:
        lacks("program", "browser libraries are not installed; `make setup` does it")
    job = {
        "executable": chromium(), "page": f"{box.url['control']}/", "script": f"/vendor/{vendor[-1].name}", "url": url,
        "times": times,
    }  # fmt: skip
    done = subprocess.run([program("node"), str(SCRIPT), json.dumps(job)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert "fault" not in found, found["fault"]
    return found


@pytest.mark.parametrize("manifest", ["dash", pytest.param("hls", marks=pytest.mark.slow)])
def test_shaka_shows_the_picture_of_a_time(box: Appliance, asset: dict[str, Any], manifest: str) -> None:
    times = [0.5, 7.2, 13.9, 26.5, 29.5]
    found = shown(box, asset["manifests"][manifest], times)
    # of HLS it says the size of the sheet, of DASH that of a cell
    size = {"dash": (160, 90), "hls": (800, 450)}[manifest]
    assert [(track["width"], track["height"]) for track in found["tracks"]] == [size]
    for time, one in zip(times, found["found"], strict=True):
        assert (one["width"], one["height"]) == (160, 90)
        assert one["start"] <= time < one["start"] + 1.01
        assert round(one["grey"] / 255 * 219 / 17) - 1 == int(time) % 12, (time, one)


def test_shaka_shows_what_a_channel_was_at(box: Appliance) -> None:
    found = shown(box, f"{box.url['edge']}/live/demo/manifest.mpd", [1.0])
    assert found["tracks"] == [{"width": 160, "height": 90, "mimeType": "image/jpeg"}]
    assert found["found"][0]["duration"] == 2
