"""Subtitles in a real browser: each cue begins with the picture that it belongs to, in every player."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.kit.appliance import Appliance
from tests.kit.browser import SCRIPT, drives, slow
from tests.kit.media import Films
from tests.kit.optional import chromium

FLASHES = (2.0, 5.0, 8.0)  # of the film `flashes`: the next one comes 3 s later
SRT = "".join(
    f"{at}\n00:00:{second:02},000 --> 00:00:{second + 1:02},500\nFlash {at}\n\n"
    for at, second in enumerate((2, 5, 8, 11), 1)
)


@pytest.fixture(scope="module")
def box(films: Films, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Appliance]:
    with Appliance("--set", f"origin.dash_text={request.param}") as box:
        box.command("add", str(films("flashes")))
        text = tmp_path_factory.mktemp("text") / "flashes.de.srt"
        text.write_text(SRT)
        box.command("subtitles", "add", "flashes", str(text), "--label", "Deutsch")
        yield box


async def looks(url: str) -> dict[str, Any]:
    job = {"executable": chromium(), "url": url, "flashes": len(FLASHES), "within_s": 40}
    said = await drives(SCRIPT.with_name("cues.mjs"), job, within_s=90)
    assert "fault" not in said and said.get("failed") == [], said
    return said


@pytest.mark.parametrize(
    ("box", "query"),
    [
        ("wvtt", "player=hls"),
        slow("wvtt", "player=hls&format=ts"),
        slow("wvtt", "player=shaka&format=hls"),
        slow("wvtt", "player=shaka"),
        ("wvtt", "player=dash"),
        slow("stpp", "player=shaka"),
        slow("stpp", "player=dash"),
    ],
    indirect=["box"],
)
async def test_cues_begin_with_the_picture(box: Appliance, query: str) -> None:
    said = await looks(f"{box.url['control']}/watch/vod/flashes?{query}")
    seen = said["seen"]
    assert seen["state"]["texts"] == ["Deutsch"], "each text once"
    assert len(seen["flashes"]) >= len(FLASHES), said
    if not any(text for _, _, text in seen["cues"]):  # IMSC in dash.js, which draws on its own, four times a second
        assert "dash" in query and len(seen["displayed"]) >= len(FLASHES) - 1, said
        shown = [seen["displayed"][f"Flash {at}"] for at in range(1, len(FLASHES))]
        assert all(-0.05 < start - flash < 0.3 for start, flash in zip(shown, seen["flashes"], strict=False)), seen
        return
    starts = {text: min(start for start, _, words in seen["cues"] if words == text) for _, _, text in seen["cues"]}
    assert len(starts) >= len(FLASHES), said
    late = [flash - starts[f"Flash {at}"] for at, flash in enumerate(seen["flashes"][: len(FLASHES)], 1)]
    # a browser that is short of time skips frames, so that a flash is seen late, but never early
    assert min(late) > -0.05 and min(map(abs, late)) < 0.05, (late, seen)
