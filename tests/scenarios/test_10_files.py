"""A film arrives as it comes: from a recorder, or as a ladder with languages, a file each."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.kit.appliance import Appliance
from tests.kit.media import Films
from tests.kit.optional import program
from tests.kit.sources import Sources, framemd5
from tests.kit.viewer import Viewer


def ladder(folder: Path) -> list[Path]:
    """Two renditions with keyframes at the same times, one whose keyframes are elsewhere, and a language."""
    made = []
    for height, keys in ((180, 48), (90, 48), (144, 60)):
        file = folder / f"{height}p.mp4"
        picture = ["-f", "lavfi", "-i", f"testsrc2=size={height * 16 // 9}x{height}:rate=24:duration=8"]
        sound = ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=8"]
        encoded = [
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            "-pix_fmt",
            "yuv420p",
            "-g",
            str(keys),
            "-sc_threshold",
            "0",
        ]
        command = [program("ffmpeg"), "-v", "error", *picture, *sound, *encoded, "-bf", "2", "-c:a", "aac", str(file)]
        subprocess.run(command, check=True)
        made.append(file)
    speech = folder / "deutsch.m4a"
    sound = ["-f", "lavfi", "-i", "sine=frequency=880:sample_rate=48000:duration=8"]
    named = ["-c:a", "aac", "-metadata:s:a:0", "language=deu", str(speech)]
    subprocess.run([program("ffmpeg"), "-v", "error", *sound, *named], check=True)
    return [*made, speech]


async def plays(asset: dict[str, Any], manifest: str, seconds: float) -> None:
    async with Viewer(asset["manifests"][manifest]) as viewer:
        playback = await viewer.ends(within=30)
    assert playback.holes == [] and viewer.complaints == [] and playback.faults == [], viewer.story()
    shown = max(track.seconds for track in playback.tracks.values())
    assert seconds - 0.1 < shown < seconds + 0.3, viewer.story()


@pytest.mark.parametrize("name", ["h264-aac", "h264-aac-ts", "hevc-eac3-ts", "av1-flac", "opus"])
async def test_a_film_that_is_no_mp4_plays(box: Appliance, sources: Sources, name: str) -> None:
    asset = box.command("add", str(sources(name)))
    assert asset["report"]["notes"] == []
    for manifest in ("hls", "dash"):
        await plays(asset, manifest, 5)
    for stream in [("a:0" if track["kind"] == "audio" else "v:0") for track in asset["report"]["tracks"]]:
        # what a player decodes of HLS is what it would have decoded of the file
        assert framemd5(asset["manifests"]["hls"], stream) == framemd5(sources(name), stream)


def test_what_cannot_be_carried_is_refused_with_a_sentence(box: Appliance, sources: Sources) -> None:
    with pytest.raises(
        AssertionError, match=r"headwater: codec vp9 cannot be carried in MP4 by this version: transcode"
    ):
        box.command("add", str(sources("vp9")))


async def test_a_ladder_and_a_language_are_one_film(box: Appliance, tmp_path: Path) -> None:
    files = ladder(tmp_path)
    asset = box.command("add", *map(str, files), "--title", "Ladder", "--segment", "2", "--last", "long")
    report = asset["report"]
    assert [(t["track"], t["height"]) for t in report["tracks"]] == [("v1", 180), ("v3", 90), ("a1", 0), ("a2", 0)]
    assert report["tracks"][3]["language"] in ("de", "deu")
    verdicts = {found["track"]: found for found in report["alignments"]}
    assert verdicts["v3"]["switchable"] and not verdicts["v2"]["switchable"]
    assert verdicts["v2"]["file"] == "144p.mp4" and "none at 2.000 s" in verdicts["v2"]["because"]
    assert (report["last"], report["target_ms"], report["switchable"]) == ("long", 2000, False)
    for manifest in ("hls", "dash"):
        await plays(asset, manifest, 8)
    top = [program("ffprobe"), "-v", "error", "-show_programs", "-of", "json", asset["manifests"]["hls"]]
    assert len(json.loads(subprocess.run(top, capture_output=True, check=True).stdout)["programs"]) == 2


def test_a_film_may_be_kept_as_a_mezzanine(box: Appliance, films: Films) -> None:
    asset = box.command("add", str(films("bframes")), "--cmaf", "--bootstrap", "1,2")
    assert asset["report"]["files"] == ["bframes.mp4", "bframes.mp4"]
    assert asset["report"]["bootstrap_ms"] == [1000, 2000]
    assert framemd5(asset["manifests"]["hls"], "v:0") == framemd5(films("bframes"), "v:0")
