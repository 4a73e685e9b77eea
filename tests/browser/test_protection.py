"""Protected films play in a real browser: ClearKey in Chromium and keys by URI, through the edge."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kit.appliance import Appliance
from tests.kit.browser import slow, watches
from tests.kit.media import Films

MEDIA_S = 8


@pytest.fixture(scope="module")
def box(films: Films) -> Iterator[Appliance]:
    with Appliance("--set", "origin.clearkey=true") as box:
        box.command("add", str(films("feature")))
        yield box


@pytest.mark.parametrize(
    ("player", "scheme"),
    [
        ("hls", "cenc"),
        ("shaka", "cbcs"),
        slow("dash", "cenc"),
        slow("hls", "cbcs"),
        slow("shaka", "cenc"),
        slow("dash", "cbcs"),
    ],
)
async def test_a_protected_film_plays(box: Appliance, player: str, scheme: str) -> None:
    before = box.metric("headwater_origin_licences_total", outcome="granted")
    problems = box.metric("headwater_http_problems_total", role="origin")
    visit = await watches(
        f"{box.url['control']}/watch/vod/feature", player, media_s=MEDIA_S, more=f"protection={scheme}"
    )
    assert visit.frames > MEDIA_S * 25 * 0.5, "decoded frames grow with the media"
    assert (visit.last["width"], visit.last["height"]) == (320, 180)
    assert visit.failed == []
    assert box.metric("headwater_origin_licences_total", outcome="granted") > before, "the player asked for keys"
    assert box.metric("headwater_http_problems_total", role="origin") == problems


async def _plays(box: Appliance, player: str, query: str) -> None:
    before = box.metric("headwater_origin_licences_total", outcome="granted")
    visit = await watches(f"{box.url['control']}/watch/vod/feature", player, media_s=MEDIA_S, more=query)
    assert visit.frames > MEDIA_S * 25 * 0.5, "decoded frames grow with the media"
    assert visit.failed == []
    assert box.metric("headwater_origin_licences_total", outcome="granted") > before, "the player asked for keys"


# Chromium's own player reads an init segment and a segment as one ciphered stream: AES-128 as MPEG-TS only
WHOLE = [slow("hls", "fmp4"), ("hls", "ts"), slow("shaka", "fmp4"), slow("shaka", "ts"), slow("native", "ts")]
SAMPLES = [slow("hls", "ts"), slow("shaka", "fmp4")]


@pytest.mark.parametrize(("player", "form"), WHOLE)
async def test_segments_ciphered_as_wholes_play(box: Appliance, player: str, form: str) -> None:
    await _plays(box, player, f"protection=aes-128&format={form}")


@pytest.mark.parametrize(("player", "form"), SAMPLES)
async def test_ciphered_samples_with_keys_by_uri_play(box: Appliance, player: str, form: str) -> None:
    await _plays(box, player, f"protection=sample-aes&format={form}")


@pytest.fixture(scope="module")
def turning(films: Films) -> Iterator[Appliance]:
    """Four seconds in the clear, then another key every four seconds."""
    settings = ("origin.clearkey=true", "origin.key_period=4", "origin.clear_lead=4")
    with Appliance(*(word for setting in settings for word in ("--set", setting))) as box:
        box.command("add", str(films("feature")))
        yield box


# docs/decisions/0010-key-rotation.md
@pytest.mark.parametrize(
    ("player", "query"),
    [
        ("hls", "protection=cbcs"),
        slow("hls", "protection=cenc"),
        slow("shaka", "protection=cbcs"),
        slow("shaka", "protection=cenc"),
        slow("hls", "protection=aes-128&format=ts"),
        slow("hls", "protection=sample-aes&format=ts"),
        slow("shaka", "protection=aes-128"),
    ],
)
async def test_keys_change_behind_a_clear_lead(turning: Appliance, player: str, query: str) -> None:
    before = turning.metric("headwater_origin_licences_total", outcome="granted")
    visit = await watches(f"{turning.url['control']}/watch/vod/feature", player, media_s=13, more=query)
    assert visit.frames > 13 * 25 * 0.5 and visit.failed == []
    assert visit.longest_pause_s() < 2, "keys come before they are needed"
    assert turning.metric("headwater_origin_licences_total", outcome="granted") > before
