"""Languages, renditions and trick play in a real browser, by each player's own API, on films that number pictures."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest

from tests.kit.appliance import Appliance
from tests.kit.browser import acts
from tests.kit.counted import RATE, counted_film, keyframes

SECONDS = 60
TONES = (440, 1000)
AHEAD = 2  # see test_seeks.py
SLOW = [pytest.param(query, marks=pytest.mark.slow) for query in ("dash", "hls&format=ts", "shaka&format=hls")]
FORMS = ["hls", pytest.param("shaka", marks=pytest.mark.slow), *SLOW]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The watch page of a film in two languages and two sizes with the same keyframes."""
    folder = tmp_path_factory.mktemp("counted")
    small = counted_film(folder / "ladder.mp4", seconds=SECONDS, tones=TONES)
    large = counted_film(folder / "large.mp4", seconds=SECONDS, size=(640, 360), tones=())
    with Appliance() as box:
        box.command("add", str(small), str(large))
        yield f"{box.url['control']}/watch/vod/ladder"


def near(one: float, other: float) -> bool:
    return abs(one - other) < 10


@pytest.mark.parametrize("query", FORMS)
async def test_another_language_is_heard(url: str, query: str) -> None:
    heard = (await acts("sounds.mjs", f"{url}?player={query}", which=1, seek=40.5))["heard"]
    assert heard["sounds"] == ["en", "de"] and heard["sound"] == 1
    assert near(heard["before"], TONES[0]) and near(heard["after"], TONES[1]), heard
    assert near(heard["behind"], TONES[1]), "a seek keeps the language"


async def test_the_browser_itself_plays_the_default_language(url: str) -> None:
    """Chromium has no `audioTracks`: its own player offers no choice, and plays DEFAULT=YES."""
    heard = (await acts("sounds.mjs", f"{url}?player=native", which=1, seek=40.5))["heard"]
    assert heard["sounds"] == [] and near(heard["before"], TONES[0]), heard


@pytest.mark.parametrize("query", FORMS)
async def test_a_change_of_rendition_keeps_the_count(url: str, query: str) -> None:
    player = query.partition("&")[0]
    said = await acts("renditions.mjs", f"{url}?player={query}", player=player, widths=[640, 320, 640])
    frames = said["seen"]
    late = AHEAD if player == "hls" or "format=hls" in query else 0
    for one in frames:
        assert abs(one["number"] - (round(one["time"] * RATE) - late)) <= 1, (query, one)
    numbers = [one["number"] for one in frames]
    assert numbers == sorted(numbers), "no picture is shown twice or goes back"
    changes = [(one, other) for one, other in pairwise(frames) if one["width"] != other["width"]]
    assert len(changes) >= 2
    assert said["state"]["errors"] == []


@pytest.mark.parametrize("query", ["shaka", pytest.param("shaka&format=hls", marks=pytest.mark.slow)])
async def test_fast_forward_shows_keyframes(url: str, query: str) -> None:
    rate, wall_s = 4, 5
    said = await acts("tricks.mjs", f"{url}?player={query}", player="shaka", rate=rate, wall_s=wall_s)
    fast, slow = said["seen"]["fast"], said["seen"]["slow"]
    single = [path for path in said["asked"] if ".i.m4s" in path or " bytes=0-" in path]
    assert len(single) >= 3, f"pictures alone are asked for: {said['asked']}"
    pace = (fast[-1]["time"] - fast[0]["time"]) / ((fast[-1]["at"] - fast[0]["at"]) / 1000)
    assert rate * 0.6 < pace < rate * 1.4, f"{pace:.1f} times"
    numbers = [one["number"] for one in fast]
    assert -1 not in numbers and numbers == sorted(numbers)
    assert len(slow) == 10 and slow[-1]["number"] - slow[0]["number"] <= 30, "back at the ordinary rate"


async def test_hls_js_shows_the_keyframe_of_a_time(url: str) -> None:
    times = [47.0, 47.0]  # a time that is asked for before it has read its playlist is passed over
    said = await acts("tricks.mjs", f"{url}?player=hls", player="hls", times=times)
    starts = [round(at * RATE) for at in keyframes(SECONDS)]
    assert any(" bytes=0-" in path for path in said["asked"]), "pictures alone are asked for"
    one = said["seen"]["shown"][-1]
    assert one["number"] in starts and 0 <= one["time"] * RATE - one["number"] < 6 * RATE, said["seen"]
