"""Chromium publishes its test camera and microphone by WHIP; players play it, and the probe finds nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.kit.appliance import COMMAND, Appliance
from tests.kit.browser import SCRIPT, watches
from tests.kit.optional import chromium, lacks, program

pytestmark = pytest.mark.slow
# What a camera may break: a part ends before a picture that lasts too long for it, where a busy machine left some out;
# and a browser raises its rate while the probe looks, above what was listed of the rates so far.
CAMERA = {"part-short", "bandwidth"}


@pytest.fixture(scope="module")
def box() -> Iterator[Appliance]:
    with Appliance() as made:
        yield made


class Camera:
    """What the publishing page said, once it has ended."""

    def __init__(self) -> None:
        self.said: dict[str, Any] = {}

    def row(self, sort: str, **values: str) -> dict[str, Any]:
        """A row of WebRTC's statistics."""
        rows: list[dict[str, Any]] = self.said["stats"]
        return next(row for row in rows if row["type"] == sort and values.items() <= row.items())


@asynccontextmanager
async def publishes(box: Appliance, channel: str, **more: Any) -> AsyncIterator[Camera]:
    """A page publishes from when the edge lists picture and sound until the block ends."""
    if not (SCRIPT.parent / "node_modules" / "playwright-core").is_dir():
        lacks("program", "playwright-core is not installed; `make test` does it")
    made = box.command("channel", "create", channel)["publish"]
    job = {"executable": chromium(), "url": made["whip"], "key": made["key"], "width": 640, "height": 360}
    process = await asyncio.create_subprocess_exec(
        program("node"),
        str(SCRIPT.with_name("publish.mjs")),
        json.dumps(job | {"within_s": 240} | more),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    camera = Camera()
    try:
        await _listed(f"{box.url['edge']}/live/{channel}/multivariant.m3u8", process)
        yield camera
    finally:
        out, _ = await process.communicate(b"end\n")
        camera.said = json.loads(out)
        assert made["key"] not in box.logs(10_000), "the stream key is in a log"


async def _listed(url: str, process: asyncio.subprocess.Process) -> None:
    import aiohttp

    async with asyncio.timeout(60), aiohttp.ClientSession() as client:
        while process.returncode is None:
            async with client.get(url) as answer:
                text = await answer.text()
            if all(word in text for word in ("avc1", "opus", "mp4a")):
                return
            await asyncio.sleep(0.2)
    out, _ = await process.communicate()
    raise AssertionError(f"the page ended: {out.decode()[-2000:]}")


@pytest.mark.rule("RFC 8216bis 4.4.6.2", "each variant names the codecs of its own group of sound")
async def test_a_browser_publishes_and_browsers_play(box: Appliance) -> None:
    async with publishes(box, "camera") as camera:
        for player in ("hls", "shaka", "dash"):
            visit = await watches(f"{box.url['control']}/watch/live/camera", player, media_s=8)
            assert visit.frames > 8 * 10, player
            assert (visit.last["width"], visit.last["height"]) == (640, 360)
        for form in ("multivariant.m3u8", "manifest.mpd"):
            report = await _probed(f"{box.url['edge']}/live/camera/{form}")
            assert {row["codec"].partition(".")[0].lower() for row in report["renditions"]} >= {"avc1", "opus", "mp4a"}
    assert (camera.said["state"], camera.said["deleted"]) == ("connected", 200), camera.said
    video = camera.row("outbound-rtp", kind="video")
    assert video["pliCount"] > 10, "keyframes were asked for"
    path = next(row for row in camera.said["stats"] if "availableOutgoingBitrate" in row)
    assert path["availableOutgoingBitrate"] > 1_000_000, "the page was told what its path carries"


async def test_a_narrower_picture_goes_on_behind_a_discontinuity(box: Appliance) -> None:
    async with publishes(box, "narrow", narrow=25) as camera:
        visit = await watches(f"{box.url['control']}/watch/live/narrow", "hls", media_s=20, within_s=60)
        sizes = {state["width"] for state in visit.states if state["decodedFrames"] > 0}
        assert sizes == {640, 320}, sizes
        await _probed(f"{box.url['edge']}/live/narrow/multivariant.m3u8")
    assert camera.said["deleted"] == 200


async def _probed(url: str) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        str(COMMAND), "probe", url, "--json", "--seconds", "12", stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    report: dict[str, Any] = json.loads(out)
    broken = [(f["rule"], f["url"], f["seen"]) for f in report["findings"] if f["level"] == "MUST"]
    assert [found for found in broken if found[0] not in CAMERA] == []
    return report
