"""Each role is killed in turn while somebody watches: docs/architecture.md, "When something dies"."""

import asyncio
import urllib.request

import pytest

from tests.kit.appliance import Appliance
from tests.kit.encoder import Encoder
from tests.kit.media import Films
from tests.kit.viewer import Viewer

# What a player holds in its buffer near the live edge; a pause that is longer would be seen.
BUFFER_S = 3.0


# The appliance's actor is synchronous: it is asked in a thread, so that viewers go on meanwhile.
in_thread = asyncio.to_thread


@pytest.mark.parametrize("role", ["control", "edge", "origin"])
async def test_a_viewer_of_a_live_channel_does_not_notice(demo_box: Appliance, role: str) -> None:
    url = f"{demo_box.url['edge']}/live/demo/multivariant.m3u8"
    async with Viewer(url) as viewer:
        await viewer.has_played(4, within=30)
        viewer.playback.faults.clear()  # those of a channel that had just begun
        old = await in_thread(demo_box.kill, role)
        await in_thread(demo_box.wait_for_new, role, old)
        played = await viewer.has_played(viewer.playback.seconds + 6, within=40)
    assert played.holes == [] and viewer.complaints == [], viewer.story()
    assert played.stalls(BUFFER_S) == [], viewer.story()
    if role == "control":
        assert played.faults == [], viewer.story()


@pytest.mark.parametrize("role", ["control", "edge", "origin", "ingest"])
async def test_a_viewer_of_a_film_does_not_notice(demo_box: Appliance, films: Films, role: str) -> None:
    asset = await in_thread(demo_box.command, "add", str(films("plain")))
    old = await in_thread(demo_box.kill, role)
    async with Viewer(asset["manifests"]["hls"]) as viewer:
        played = await viewer.ends(within=40)
    await in_thread(demo_box.wait_for_new, role, old)
    assert played.holes == [] and viewer.complaints == [], viewer.story()
    if role in ("control", "ingest"):
        assert played.faults == [], viewer.story()


async def test_ingest_dies_and_the_encoder_comes_back(box: Appliance) -> None:
    made = await in_thread(box.command, "channel", "create", "tough")
    url = f"{box.url['rtmp']}/live/{made['publish']['key']}"
    async with Encoder(url, reconnects=True) as encoder, Viewer(made["manifests"]["hls"]) as viewer:
        await viewer.has_played(4, within=30)
        before = viewer.playback.tracks["v1"].numbers[-1]
        old = await in_thread(box.kill, "ingest")
        await in_thread(box.wait_for_new, "ingest", old)
        await viewer.has_played(viewer.playback.seconds + 8, within=40)
        assert encoder.starts >= 2
    numbers = viewer.playback.tracks["v1"].numbers
    assert numbers[-1] > before and numbers == sorted(set(numbers)), viewer.story()
    assert viewer.complaints == [] and viewer.playback.holes == [], viewer.story()


async def test_the_supervisor_dies_and_the_window_comes_back(box: Appliance) -> None:
    made = await in_thread(box.command, "channel", "create", "restart")
    url = f"{box.url['rtmp']}/live/{made['publish']['key']}"
    async with Encoder(url), Viewer(made["manifests"]["hls"]) as viewer:
        await viewer.has_played(6, within=30)
        last = viewer.playback.tracks["v1"].numbers[-2]
    assert box.process is not None
    box.process.kill()
    await in_thread(box.process.wait)
    box.process = None
    await in_thread(box.start)
    async with Encoder(url), Viewer(made["manifests"]["hls"]) as again:
        await again.has_played(4, within=40)
        text = await in_thread(fetch, again.url.replace("multivariant.m3u8", f"{made['edition']}/v1/media.m3u8"))
    assert f"\n{last}.m4s\n" in text, "a segment that was acknowledged before is still listed"
    assert again.playback.tracks["v1"].numbers[0] > last
    assert again.complaints == [], again.story()


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())
