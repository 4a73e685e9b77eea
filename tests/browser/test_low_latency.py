"""dash.js plays the live channel by its low-latency manifest: segments while they are being published."""

import statistics

import pytest

from tests.kit.appliance import Appliance
from tests.kit.browser import watches


@pytest.mark.slow
async def test_dash_js_plays_open_segments_close_to_live(stage: tuple[Appliance, str]) -> None:
    box, _ = stage
    visit = await watches(f"{box.url['control']}/watch/live/demo", "dash", media_s=14, more="format=ll")
    assert visit.frames > 14 * 10, "decoded frames grow with the media"
    assert visit.longest_pause_s() < 2
    latencies = [state["latency"] for state in visit.states if state["latency"] and state["decodedFrames"] > 50]
    assert len(latencies) > 20, "the player says how far behind live it is"
    print(f"latency: {statistics.median(latencies):.2f} s, at last {latencies[-1]:.2f} s")
    assert statistics.median(latencies) < 4, f"latency by the player: {latencies}"
