"""Other views of a film in a real browser: one file a track, and a download in Chromium's own player."""

from __future__ import annotations

import pytest

from tests.kit.appliance import Appliance
from tests.kit.browser import slow, watches

SEEKS = (14.0, 3.0, 9.5)


@pytest.mark.parametrize("player", ["shaka", slow("dash")])
async def test_a_film_in_the_on_demand_profile_plays(stage: tuple[Appliance, str], player: str) -> None:
    box, film = stage
    url = f"{box.url['control']}/watch/vod/{film}"
    visit = await watches(url, player, media_s=6, more="format=on-demand", seeks=SEEKS)
    assert visit.frames > 6 * 25 * 0.5, "decoded frames grow with the media"
    assert visit.failed == []
    assert box.metric("headwater_origin_bytes_total", leaf="track file") > 0


async def test_a_download_plays_while_it_comes(stage: tuple[Appliance, str]) -> None:
    box, film = stage
    url = f"{box.url['control']}/watch/vod/{film}"
    visit = await watches(url, "native", media_s=6, more="format=download", seeks=SEEKS)
    assert visit.frames > 6 * 25 * 0.5, "decoded frames grow with the media"
    assert visit.failed == []
    assert box.metric("headwater_origin_bytes_total", leaf="download") > 0


@pytest.mark.parametrize("player", ["hls", slow("native"), slow("shaka"), slow("dash")])
async def test_a_clip_plays_from_its_instant_to_its_end(stage: tuple[Appliance, str], player: str) -> None:
    box, film = stage
    url = f"{box.url['control']}/watch/vod/{film}"
    visit = await watches(url, player, media_s=6, more="start=9.5&end=17.5&tracks=v1,a1")
    assert visit.frames > 6 * 25 * 0.5, "decoded frames grow with the media"
    assert visit.failed == []
