"""Four players in a real browser play the film and the live channel, on the appliance's own watch page."""

import statistics

import pytest

from tests.kit.appliance import Appliance
from tests.kit.browser import PLAYERS, slow, watches

MEDIA_S = 10


# hls.js and dash.js play a film in test_seeks.py too
@pytest.mark.parametrize("player", [slow("hls"), "native", "shaka", slow("dash")])
async def test_a_film_plays(stage: tuple[Appliance, str], player: str) -> None:
    box, film = stage
    visit = await watches(f"{box.url['control']}/watch/vod/{film}", player, media_s=MEDIA_S)
    assert visit.frames > MEDIA_S * 25 * 0.5, "decoded frames grow with the media"
    assert visit.failed == []
    assert (visit.last["width"], visit.last["height"]) == (320, 180)


@pytest.mark.parametrize("player", ["hls", slow("native")])
async def test_a_film_plays_as_a_transport_stream(stage: tuple[Appliance, str], player: str) -> None:
    box, film = stage
    url = f"{box.url['control']}/watch/vod/{film}"
    visit = await watches(url, player, media_s=MEDIA_S, more="format=ts")
    assert visit.frames > MEDIA_S * 25 * 0.5, "decoded frames grow with the media"
    assert visit.failed == []


@pytest.mark.parametrize("player", PLAYERS)
async def test_the_live_channel_plays(stage: tuple[Appliance, str], player: str) -> None:
    box, _ = stage
    visit = await watches(f"{box.url['control']}/watch/live/demo", player, media_s=MEDIA_S)
    assert visit.frames > MEDIA_S * 10, "decoded frames grow with the media"
    assert visit.longest_pause_s() < 2


async def test_hls_js_stays_within_four_seconds_of_live(stage: tuple[Appliance, str]) -> None:
    box, _ = stage
    visit = await watches(f"{box.url['control']}/watch/live/demo", "hls", media_s=12)
    latencies = [state["latency"] for state in visit.states if state["latency"] and state["decodedFrames"] > 50]
    assert len(latencies) > 20, "the player says how far behind live it is"
    assert statistics.median(latencies) < 4, f"latency by the player: {latencies}"
