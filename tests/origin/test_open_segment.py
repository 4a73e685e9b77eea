"""A segment that is being published goes out part by part, over a real socket."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest

from node.clock import SteppedClock
from tests.kit.live_media import Studio, segments
from tests.origin.conftest import Origin, live, running_origin
from tests.origin.stage import Stage


@pytest.fixture
async def stage(origin: Origin) -> Stage:
    made = Stage(origin, Studio())
    await made.has(4500)
    return made


async def _read(answer: aiohttp.ClientResponse, size: int) -> bytes:
    async with asyncio.timeout(10):
        return await answer.content.readexactly(size)


@pytest.mark.rule("ISO/IEC 23009-1 5.3.9.5.3", "a segment that is not complete is sent as it becomes available")
async def test_each_part_is_sent_when_it_is_there(stage: Stage) -> None:
    number, next_part = stage.hint
    there = b"".join(p.body for p in stage.parts if (p.track, p.number) == ("v1", number))
    assert next_part and there
    async with stage.origin.client.get("http://origin" + live(f"v1/{number}.m4s")) as answer:
        assert answer.status == 200 and answer.headers["Transfer-Encoding"] == "chunked"
        assert "immutable" in answer.headers["Cache-Control"]
        assert await _read(answer, len(there)) == there  # at once
        while True:
            part = await stage.goes_on()
            assert await _read(answer, len(part.body)) == part.body
            if part.note.last:
                break
        assert await answer.content.read() == b""
    whole = await stage.origin.get(live(f"v1/{number}.m4s"))
    assert whole.body == segments(stage.parts)["v1", number] and whole.headers["Content-Length"]


async def test_a_body_that_cannot_go_on_never_seems_whole(home: Path) -> None:
    async with running_origin(home, drain__seconds=1) as origin:
        stage = Stage(origin, Studio())
        await stage.has(4500)
        number, _ = stage.hint
        async with origin.client.get("http://origin" + live(f"v1/{number}.m4s")) as answer:
            await answer.content.readany()
            assert (await origin.ask("DELETE", "/live/studio/status.json")).status == 204
            with pytest.raises(aiohttp.ClientPayloadError):
                async with asyncio.timeout(10):
                    await answer.content.read()


async def test_who_waits_for_a_track_that_is_silent_is_told_so(home: Path) -> None:
    """The channel goes on, so nothing closes the segment."""
    async with running_origin(home, SteppedClock(), drain__seconds=1) as origin:
        stage = Stage(origin, Studio())
        await stage.has(4500)
        async with origin.client.get("http://origin" + live(f"v1/{stage.hint[0]}.m4s")) as answer:
            await answer.content.readany()
            await stage.goes_on("a1")
            with pytest.raises(aiohttp.ClientPayloadError):
                async with asyncio.timeout(60):
                    await answer.content.read()
        assert (await stage.goes_on()).number


async def test_the_low_latency_manifest_names_it(stage: Stage) -> None:
    number, _ = stage.hint
    answer = await stage.origin.get("/live/studio/manifest-ll.mpd")
    assert answer.status == 200 and answer.headers["Content-Type"] == "application/dash+xml"
    assert 'availabilityTimeOffset="0.75"' in answer.text and 'media="e1/v1/$Number$.m4s"' in answer.text
    assert (await stage.origin.get("/vod/studio/manifest-ll.mpd")).status == 404
    assert number > 0
