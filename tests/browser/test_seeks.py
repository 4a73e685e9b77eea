"""Seeking in a real browser: 20 places of a film that numbers its pictures, in each player and each form.

hls.js and Shaka Player (in HLS) count time from the first *decode* time, as hls.js says of itself in
https://github.com/video-dev/hls.js/issues/318 and /1708: a film with B-frames is late on their clock by the time that
decoding runs ahead, everywhere by the same, and its sound and subtitles with it. Fragments could say it in a way that
those two understand, but FFmpeg would not (docs/decisions/0005-composition-offsets.md). DASH says it in the manifest.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kit.appliance import Appliance
from tests.kit.browser import acts, slow
from tests.kit.counted import RATE, counted_film

SECONDS = 60
TONE = 440
AHEAD = 2  # pictures by which decoding runs ahead: three B-frames, of which one is referred to
SEED = 20


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return counted_film(tmp_path_factory.mktemp("counted") / "counted.mp4", seconds=SECONDS, tones=(TONE,))


@pytest.fixture(scope="module")
def box(film: Path) -> Iterator[Appliance]:
    with Appliance("--set", "origin.clearkey=true") as box:
        box.command("add", str(film))
        yield box


@pytest.fixture(scope="module")
def turning(film: Path) -> Iterator[Appliance]:
    """Four seconds in the clear, then another key every four seconds."""
    settings = ("origin.clearkey=true", "origin.key_period=4", "origin.clear_lead=4")
    with Appliance(*(word for setting in settings for word in ("--set", setting))) as box:
        box.command("add", str(film))
        yield box


async def seeks(box: Appliance, player: str, query: str, *, places: int = 20) -> None:
    chance = random.Random(SEED)
    times = [round(chance.uniform(0.2, SECONDS - 2), 3) for _ in range(places)]
    url = f"{box.url['control']}/watch/vod/counted?player={player}&{query}"
    said = await acts("seeks.mjs", url, times=times, rate=RATE)
    story = f"{player} {query}, seed {SEED}, times {times}"
    assert len(said["seeks"]) == places, story
    by_hls = player == "hls" or (player == "shaka" and any("m3u8" in path for path in said["requests"]))
    for one in said["seeks"]:
        _right(one, late=AHEAD if by_hls else 0, story=f"{story}: {one}")
    tones = [one["tone"] for one in (said["seeks"][0], said["seeks"][-1])]
    assert all(abs(tone - TONE) < 10 for tone in tones), f"{story}: {tones}"
    assert said["state"]["errors"] == [], story


def _right(one: dict[str, Any], *, late: int, story: str) -> None:
    to, shown, frames = one["to"], one["shown"], one["frames"]
    if one["playing"]:
        assert to - 0.001 <= shown["at"] < to + 2, story
    else:
        assert abs(shown["at"] - to) < 0.001, story
        assert abs(shown["number"] - (int(to * RATE + 0.001) - late)) <= 1, story
    assert len(frames) == 8, f"it does not go on: {story}"
    for frame in frames if not one["dark"] else []:  # a picture may change between the call and the look
        assert abs(frame["number"] - (round(frame["time"] * RATE) - late)) <= 1, story
    times = [frame["time"] for frame in frames]
    assert times == sorted(times) and times[-1] > times[0] >= to - 1.01 / RATE, story
    assert one["sound"] > 0, f"no sound is decoded: {story}"


@pytest.mark.parametrize("player", ["hls", slow("native"), slow("shaka"), "dash"])
async def test_a_seek_shows_the_picture_of_its_time(box: Appliance, player: str) -> None:
    await seeks(box, player, "", places=10)


# Shaka Player knows no ClearKey in HLS: it plays cenc and cbcs in DASH, and keys by URI (sample-aes) in HLS
FORMS = [
    *((player, "format=fmp4") for player in ("hls", "native", "shaka", "dash")),
    *(("hls", "format=ts"), ("native", "format=ts"), ("shaka", "format=hls"), ("shaka", "format=ts")),
    *((player, "format=on-demand") for player in ("shaka", "dash")),
    *((player, f"protection={scheme}") for player in ("hls", "shaka", "dash") for scheme in ("cenc", "cbcs")),
    *((player, "protection=aes-128&format=fmp4") for player in ("hls", "shaka")),
    *((player, "protection=aes-128&format=ts") for player in ("hls", "shaka", "native")),
    *(("hls", "protection=sample-aes&format=ts"), ("shaka", "protection=sample-aes&format=fmp4")),
]


@pytest.mark.slow
@pytest.mark.parametrize(("player", "query"), FORMS)
async def test_a_seek_shows_the_picture_of_its_time_in_every_form(box: Appliance, player: str, query: str) -> None:
    await seeks(box, player, query)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("player", "query"),
    [
        *((player, f"protection={scheme}") for player in ("hls", "shaka") for scheme in ("cenc", "cbcs")),
        ("hls", "protection=aes-128&format=ts"),
        ("shaka", "protection=aes-128"),
        ("hls", "protection=sample-aes&format=ts"),
    ],
)
async def test_a_seek_finds_the_key_of_its_time(turning: Appliance, player: str, query: str) -> None:
    await seeks(turning, player, query)
