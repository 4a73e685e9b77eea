"""Contribution: an encoder far away publishes over SRT, a station is fetched over UDP; viewers see every picture."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.kit.appliance import Appliance
from tests.kit.optional import program
from tests.kit.srt import free_udp_port, libsrt_is_there, made, publishing, sends
from tests.kit.viewer import Viewer

pytestmark = pytest.mark.slow


async def test_a_publisher_over_srt_is_seen_in_hls_and_dash(box: Appliance, tmp_path: Path) -> None:
    libsrt_is_there()
    file = made(tmp_path / "a.ts", seconds=20, gop=50)
    channel = box.command("channel", "create", "field")
    key = channel["publish"]["key"]
    url = f"srt://127.0.0.1:{box.port_base + 6}?streamid=#!::r=field,m=publish,s={key}"
    async with (
        sends(*publishing(file, url)),
        Viewer(channel["manifests"]["hls"]) as low,
        Viewer(channel["manifests"]["dash"]) as dash,
    ):
        played = await low.has_played(10, within=60)
        await dash.has_played(8, within=60)
    assert sorted(played.tracks) == ["a1", "v1"]
    assert played.holes == [] and low.complaints == [], low.story()
    assert dash.playback.holes == [] and dash.complaints == [], dash.story()
    assert box.metric("headwater_ingest_srt_packets_total", channel="field", what="dropped") == 0
    async with asyncio.timeout(30):
        while box.metric("headwater_ingest_sessions"):
            await asyncio.sleep(0.2)


async def test_a_station_over_udp_is_fetched_as_long_as_the_channel_wants_it(box: Appliance, tmp_path: Path) -> None:
    file, port = made(tmp_path / "a.ts", seconds=30, gop=50), free_udp_port()
    channel = box.command("channel", "create", "station")
    box.command("channel", "set", "station", "--source", f"udp://127.0.0.1:{port}")
    words = ["-v", "error", "-nostdin", "-re", "-i", str(file), "-c", "copy", "-f", "mpegts"]
    async with (
        sends(program("ffmpeg"), *words, f"udp://127.0.0.1:{port}?pkt_size=1316"),
        Viewer(channel["manifests"]["hls"]) as viewer,
    ):
        played = await viewer.has_played(8, within=60)
        assert played.holes == [] and viewer.complaints == [], viewer.story()
        assert box.metric("headwater_ingest_sessions") == 1
        box.command("channel", "set", "station", "--source", "")
        async with asyncio.timeout(30):
            while box.metric("headwater_ingest_sessions"):
                await asyncio.sleep(0.2)
