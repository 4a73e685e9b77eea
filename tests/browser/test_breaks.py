"""A break of a live channel in a real browser: hls.js tells of the range, and plays over its beginning."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.kit.appliance import Appliance
from tests.kit.browser import SCRIPT, drives
from tests.kit.encoder import Encoder
from tests.kit.optional import chromium

pytestmark = pytest.mark.slow


async def looks(url: str) -> dict[str, Any]:
    job = {"executable": chromium(), "url": url, "within_s": 60}
    said = await drives(SCRIPT.with_name("ranges.mjs"), job, within_s=120)
    assert "fault" not in said, said
    return said


def tracks(box: Appliance) -> list[Any]:
    """What has been published."""
    report = box.ask("control", "/api/v1/channels/news")["report"]
    return list(report["tracks"]) if report else []


async def test_hls_js_tells_of_a_break() -> None:
    with Appliance() as box:
        made = await asyncio.to_thread(box.command, "channel", "create", "news", "--splices")
        async with Encoder(f"{box.url['rtmp']}/live/{made['publish']['key']}", keyframe_s=1):
            looking = asyncio.create_task(looks(f"{box.url['control']}/watch/live/news?player=hls"))
            try:
                async with asyncio.timeout(60):
                    while not await asyncio.to_thread(tracks, box):
                        await asyncio.sleep(0.2)
                cue = await asyncio.to_thread(box.command, "channel", "cue", "news", "--out", "4", "--event", "7")
                said = await looking
            finally:
                looking.cancel()
    seen = said["seen"]
    assert not seen["state"].get("fatal"), said
    outs = [found for found in seen["cues"] if found["key"] == "SCTE35-OUT"]
    assert len(outs) == 1 and outs[0]["id"].startswith(f"insert-{cue['event']:x}-"), said
    assert seen["entered"] == [outs[0]["id"]] and seen["played"] >= outs[0]["start"]
