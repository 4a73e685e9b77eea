"""A minute of live viewing, while others come and go: nothing drifts, nothing piles up."""

import asyncio

import pytest

from tests.kit.appliance import Appliance
from tests.kit.viewer import Viewer


@pytest.mark.slow
async def test_a_minute_of_live_without_a_hole_or_a_growing_delay(demo_box: Appliance) -> None:
    hls = f"{demo_box.url['edge']}/live/demo/multivariant.m3u8"
    dash = f"{demo_box.url['edge']}/live/demo/manifest.mpd"
    async with Viewer(hls) as viewer, Viewer(dash) as other:
        await viewer.has_played(10, within=40)
        early = sorted(viewer.playback.latencies)[len(viewer.playback.latencies) // 2]
        seen = len(viewer.playback.latencies)
        for _ in range(5):
            async with Viewer(hls) as guest:
                await guest.has_played(3, within=30)
        played = await viewer.has_played(60, within=90)
        await other.has_played(50, within=30)
    late = sorted(played.latencies[seen:])[len(played.latencies[seen:]) // 2]
    assert played.holes == [] and viewer.complaints == [], viewer.story()
    assert other.playback.holes == [] and other.complaints == [], other.story()
    assert late < early + 1, f"parts arrived {early:.2f} s after their media time at first, {late:.2f} s later on"
    held = await asyncio.to_thread(demo_box.metric, "headwater_origin_held")
    assert held <= 8, "requests that nobody waits for any more are let go"
