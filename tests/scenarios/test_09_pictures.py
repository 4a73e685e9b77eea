"""Pictures just in time, through the whole appliance: many viewers, one decode; and a decoder that dies unnoticed."""

from __future__ import annotations

import asyncio
import re
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.kit.appliance import Appliance
from tests.kit.pictures import numbered_film, pixels, second_of, size_of

TILES = re.compile(r'media="([^"]+/tiles-[^"]+)"')


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return numbered_film(tmp_path_factory.mktemp("films") / "numbered.mp4")


@pytest.fixture(scope="module")
def tracks(demo_box: Appliance, film: Path) -> str:
    """The URL below which the film's tracks are."""
    asset = demo_box.command("add", str(film))
    return f"{demo_box.url['edge']}/vod/{asset['asset']}/{asset['report']['edition']}"


def got(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return bytes(answer.read())
    except urllib.error.HTTPError as refusal:
        raise AssertionError(f"{url}: {refusal.code} {refusal.read().decode()}") from refusal


def test_a_hundred_viewers_cost_one_decode(demo_box: Appliance, tracks: str) -> None:
    decoded = demo_box.metric("headwater_pictures_decoded_total")
    with ThreadPoolExecutor(20) as viewers:
        bodies = list(viewers.map(lambda _: got(f"{tracks}/v1/picture-7500-320.jpg"), range(100)))
    assert len(set(bodies)) == 1 and second_of(pixels(bodies[0])) == 7
    assert demo_box.metric("headwater_pictures_decoded_total") - decoded == 1
    with urllib.request.urlopen(f"{tracks}/v1/picture-7500-320.jpg") as answer:
        assert "max-age=31536000" in answer.headers["Cache-Control"]


def test_the_seek_bar_of_a_film_is_one_sheet(demo_box: Appliance, tracks: str) -> None:
    vtt = got(f"{tracks}/v1/thumbnails.vtt").decode()
    files = set(re.findall(r"^(tiles-\S+?)#xywh", vtt, re.M))
    assert len(files) == 1
    assert size_of(got(f"{tracks}/v1/{files.pop()}")) == (800, 450)


def test_a_decoder_that_is_killed_is_not_noticed(demo_box: Appliance, tracks: str) -> None:
    """The edge asks again until the supervisor has started another one."""
    old = demo_box.kill("pictures")
    assert second_of(pixels(got(f"{tracks}/v1/picture-3000-160.webp"))) == 3
    demo_box.wait_for_new("pictures", old)


async def test_a_channel_shows_what_it_is_at(demo_box: Appliance) -> None:
    edge = f"{demo_box.url['edge']}/live/demo"
    async with asyncio.timeout(40):
        while True:
            try:
                poster = await asyncio.to_thread(got, f"{edge}/poster.jpg")
                manifest = (await asyncio.to_thread(got, f"{edge}/manifest.mpd")).decode()
                break
            except AssertionError:
                await asyncio.sleep(0.2)
    assert size_of(poster) == (640, 360) and pixels(poster).std() > 20
    template = TILES.search(manifest)
    assert template and "http://dashif.org/guidelines/thumbnail_tile" in manifest
    track = template[1].rpartition("/")[0]
    vtt = (await asyncio.to_thread(got, f"{edge}/{track}/thumbnails.vtt")).decode()
    pictures = re.findall(r"^picture-\S+", vtt, re.M)
    assert pictures and size_of(await asyncio.to_thread(got, f"{edge}/{track}/{pictures[0]}")) == (160, 90)
