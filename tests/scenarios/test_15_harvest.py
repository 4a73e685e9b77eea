"""A channel is watched again from an earlier time, and what it sent becomes a film that outlives it."""

from __future__ import annotations

import subprocess
import urllib.request
from datetime import datetime

import pytest

from tests.kit.appliance import Appliance
from tests.kit.encoder import Encoder
from tests.kit.optional import program
from tests.kit.viewer import Viewer
from tests.scenarios.test_03_publish import channel, publish_url


def pictures(url: str) -> list[str]:
    """What FFmpeg shows of an address, a hash each."""
    command = [program("ffmpeg"), "-v", "error", "-nostdin", "-i", url, "-map", "0:v:0", "-f", "framemd5", "-"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    return [line.split(",")[-1].strip() for line in done.stdout.splitlines() if line and not line.startswith("#")]


def text_of(url: str) -> str:
    with urllib.request.urlopen(url) as answer:
        return str(answer.read().decode())


@pytest.mark.slow
async def test_a_stretch_of_a_channel_is_a_film(box: Appliance) -> None:
    made = channel(box, "match")
    hls = made["manifests"]["hls"]
    async with Encoder(publish_url(box, made)), Viewer(hls) as viewer:
        await viewer.has_played(14, within=60)
    numbers = viewer.playback.tracks["v1"].numbers
    below = next(line for line in text_of(hls).splitlines() if line.endswith("v1/media.m3u8"))
    playlist = text_of(hls.rpartition("/")[0] + "/" + below)
    dates = [line.partition(":")[2] for line in playlist.splitlines() if "PROGRAM-DATE-TIME" in line]
    assert len(numbers) >= 6 and len(dates) >= 6
    start, end = dates[1], dates[4]

    stretch = f"{hls}?start={start}&end={end}"
    shown = pictures(stretch)
    span = datetime.fromisoformat(end) - datetime.fromisoformat(start)
    assert abs(len(shown) - 25 * span.total_seconds()) <= 1

    film = box.command("channel", "harvest", "match", "--start", start, "--end", end)
    assert film["state"] == "ready" and film["title"].startswith("match "), film
    assert pictures(film["manifests"]["hls"]) == shown
    box.command("channel", "remove", "match")
    assert pictures(film["manifests"]["dash"]) == shown
