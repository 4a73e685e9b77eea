"""A film is added and plays at once, whatever its tables look like."""

import json
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.kit.appliance import Appliance
from tests.kit.media import RECIPES, Films
from tests.kit.optional import program, shared_media
from tests.kit.viewer import Viewer


def added(box: Appliance, film: Path) -> dict[str, Any]:
    made: dict[str, Any] = box.command("add", str(film))
    return made


def seconds(film: Path, stream: str) -> float:
    command = [program("ffprobe"), "-v", "error", "-select_streams", stream, "-show_entries", "stream=duration"]
    found = json.loads(subprocess.run([*command, "-of", "json", str(film)], capture_output=True, check=True).stdout)
    return float(found["streams"][0]["duration"])


PLAYABLE = [name for name in RECIPES if name not in ("mpeg4-visual", "hevc-open-gop")]


@pytest.mark.parametrize("name", PLAYABLE)
@pytest.mark.parametrize("manifest", ["hls", "dash"])
async def test_a_film_plays_from_its_first_frame_to_its_last(
    box: Appliance, films: Films, name: str, manifest: str
) -> None:
    film = films(name)
    asset = added(box, film)
    async with Viewer(asset["manifests"][manifest]) as viewer:
        playback = await viewer.ends(within=30)
    assert playback.holes == [] and viewer.complaints == [] and playback.faults == [], viewer.story()
    video = next(track for track in playback.tracks.values() if track.init and track.init.handler == "vide")
    shown = RECIPES[name].seconds - (1.2 if name == "edit-list" else 0)
    assert shown - 0.1 <= video.seconds <= shown + 2.1, viewer.story()  # an edit may hide up to one GOP


def test_a_track_that_cannot_be_played_is_left_out_and_said(box: Appliance, films: Films) -> None:
    report = added(box, films("mpeg4-visual"))["report"]
    assert [track["kind"] for track in report["tracks"]] == ["audio"]
    assert any("mp4v" in note and "transcode" in note for note in report["notes"]), report


def test_what_is_no_film_is_refused_with_a_sentence(box: Appliance, tmp_path: Path) -> None:
    nothing = tmp_path / "nothing.mp4"
    nothing.write_bytes(b"this is no film " * 100)
    with pytest.raises(AssertionError, match=r"headwater: .*\S"):
        added(box, nothing)


@pytest.mark.parametrize("name", ["bbb_trailer_720p_irregular_gop.mp4", "bbb_720p_single_gop_aac51.mp4"])
async def test_a_film_from_the_field_plays(box: Appliance, name: str) -> None:
    film = shared_media(name)
    asset = added(box, film)
    for manifest in ("hls", "dash"):
        async with Viewer(asset["manifests"][manifest]) as viewer:
            playback = await viewer.ends(within=60)
        assert playback.holes == [] and playback.faults == [] and viewer.complaints == [], viewer.story()
        video = next(track for track in playback.tracks.values() if track.init and track.init.handler == "vide")
        assert abs(video.seconds - seconds(film, "v:0")) < 0.2, viewer.story()


def test_a_removed_film_is_gone(box: Appliance, films: Films) -> None:
    asset = added(box, films("silent"))
    box.command("asset", "remove", asset["asset"])
    box.command("assets")
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(asset["manifests"]["hls"])
    assert refusal.value.code in (404, 410)
