"""A film of several DASH Periods, in players: over the boundaries without a stall, and sought from one to another."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.kit.appliance import Appliance
from tests.kit.browser import slow, watches


@pytest.fixture
def marked(stage: tuple[Appliance, str], tmp_path: Path) -> tuple[Appliance, str]:
    """Periods begin at 6 s and at 10 s."""
    box, film = stage
    given = [
        {"id": "intro", "start": 0, "duration": 5, "kind": "chapter", "title": "Intro"},
        {"id": "break", "start": 5.5, "duration": 3.5, "kind": "ad"},
    ]
    (tmp_path / "marks.json").write_text(json.dumps(given))
    assert [one["id"] for one in box.command("marks", film, str(tmp_path / "marks.json"))] == ["intro", "break"]
    return box, film


@pytest.mark.parametrize("player", ["shaka", slow("dash")])
async def test_periods_play_on_without_a_stall(marked: tuple[Appliance, str], player: str) -> None:
    box, film = marked
    url = f"{box.url['control']}/watch/vod/{film}"
    visit = await watches(url, player, media_s=9, more="tracks=v1,a1", seeks=(14.0, 4.0))
    assert visit.failed == []
    assert visit.frames > 9 * 25 * 0.5, "decoded frames grow with the media"
    assert visit.longest_pause_s() < 1.0


async def test_hls_plays_a_film_with_date_ranges(marked: tuple[Appliance, str]) -> None:
    box, film = marked
    visit = await watches(f"{box.url['control']}/watch/vod/{film}", "hls", media_s=4, seeks=(11.0,))
    assert visit.failed == [] and visit.frames > 4 * 25 * 0.5
