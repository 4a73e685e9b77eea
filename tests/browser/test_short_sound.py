"""A film whose sound ends long before its picture: players go on without it, over its end and from behind it.

docs/decisions/0015-sound-that-ends-early.md says which do not.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from tests.kit.appliance import Appliance
from tests.kit.browser import watches
from tests.kit.media import Films
from tests.kit.optional import program

SOUND_S = 9

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def url(films: Films, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The watch page of a film of 20 s with SOUND_S of sound."""
    film, made = str(films("feature")), tmp_path_factory.mktemp("short") / "short.mp4"
    words = [program("ffmpeg"), "-v", "error", "-i", film, "-t", str(SOUND_S), "-i", film]
    subprocess.run([*words, "-map", "0:v", "-map", "1:a", "-c", "copy", str(made)], check=True)
    with Appliance() as box:
        box.command("add", str(made))
        yield f"{box.url['control']}/watch/vod/short"


@pytest.mark.parametrize("player", ["hls", "shaka", "dash"])
async def test_the_picture_goes_on_where_sound_ends(url: str, player: str) -> None:
    visit = await watches(url, player, media_s=9, seeks=(SOUND_S - 3.0,))
    assert visit.failed == [] and visit.longest_pause_s() < 2


@pytest.mark.parametrize("player", ["hls", "shaka"])
async def test_a_film_is_entered_behind_the_end_of_sound(url: str, player: str) -> None:
    visit = await watches(url, player, media_s=4, seeks=(SOUND_S + 4.0,))
    assert visit.failed == []
