"""Start-over and what was sent earlier, by the address: over HTTP, from a channel that is being published."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path
from typing import Any

import m3u8
import pytest
from lxml import etree

from node.clock import SteppedClock
from origin.channel import Channel
from origin.runs import Run
from packager import dash_low_latency
from packager.live import LivePart
from tests.kit.live_media import Studio
from tests.origin.conftest import Origin, running_origin

BEGIN = 1_700_000_000
TOP, MPD = "/live/studio/multivariant.m3u8", "/live/studio/manifest.mpd"


@pytest.fixture
async def studio(origin: Origin) -> Studio:
    """Segments of a second: ten are whole, of the eleventh there is a part at least."""
    made = Studio()
    await origin.announce(made)
    await origin.publish(made.run(10_600))
    return made


async def test_starting_over_goes_on_live(origin: Origin, studio: Studio) -> None:
    top = await origin.get(f"{TOP}?start={BEGIN + 3.5}")
    assert f'URI="e1/a1/media.m3u8?start={BEGIN + 3.5}"' in top.text
    assert f"\ne1/v1/media.m3u8?start={BEGIN + 3.5}\n" in top.text
    answer = await origin.playlist("v1", f"?start={BEGIN + 3.5}")
    assert f"MEDIA-SEQUENCE:{BEGIN + 3}\n" in answer.text and "TIME-OFFSET=0.5,PRECISE=YES" in answer.text
    number = BEGIN + 11
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(origin.playlist("v1", f"?_HLS_msn={number}&start={BEGIN + 3.5}&_HLS_skip=YES"))
        await origin.until(lambda: origin.metric("origin_held") == 1)
        await origin.publish(studio.run(2000))
        told = await asking
    assert told.status == 200 and f"\n{number}.m4s" in told.text and f"MEDIA-SEQUENCE:{BEGIN + 3}\n" in told.text


async def test_what_was_sent_earlier_is_a_film(origin: Origin, studio: Studio) -> None:
    query = "start=2023-11-14T22:13:22Z&end=2023-11-14T22:13:25Z"
    top = await origin.get(f"{TOP}?{query}")
    assert top.headers["Cache-Control"] == "public, max-age=51" and f"?start={BEGIN + 2}&end={BEGIN + 5}" in top.text
    for track in ("v1", "a1"):
        answer = await origin.playlist(track, f"?{query}")
        found = m3u8.loads(answer.text)
        assert found.is_endlist and [s.uri for s in found.segments] == [f"{BEGIN + n}.m4s" for n in (2, 3, 4)]
        again = await origin.playlist(track, f"?{query}&_HLS_msn={BEGIN + 99}")  # it is over: nothing to wait for
        assert again.body == answer.body and again.headers["ETag"] == answer.headers["ETag"]
    mpd = etree.fromstring((await origin.get(f"{MPD}?{query}")).body)
    assert mpd.get("type") == "static" and len(mpd.findall("{*}Period/{*}AdaptationSet")) == 2


async def test_a_stretch_is_over_when_nothing_came_though_the_channel_is_as_it_was(home: Path) -> None:
    studio, clock = Studio(), SteppedClock(BEGIN * 1000)
    async with running_origin(home, clock) as origin:
        await origin.announce(studio)
        await origin.publish(studio.run(10_000) + studio.finish())
        clock.advance(30_000)
        query = f"?start={BEGIN + 2}&end={BEGIN + 20}"
        for seconds, over in ((0, False), (60, True)):
            clock.advance(seconds * 1000)
            answer = await origin.playlist("v1", query)
            assert ("#EXT-X-ENDLIST" in answer.text) is over
            mpd = await origin.get(MPD + query)
            assert ('type="static"' in mpd.text) is over


async def test_seconds_before_now_become_times(origin: Origin, studio: Studio) -> None:
    top = await origin.get(f"{TOP}?start=-4")
    (said,) = set(re.findall(r"media.m3u8\?start=([0-9]+)", top.text))
    assert int(said) == BEGIN + 6
    mpd = etree.fromstring((await origin.get(f"{MPD}?start=-4")).body)
    assert mpd.findtext("{*}Location") == f"manifest.mpd?start={said}"


async def test_a_film_of_some_seconds_ago_is_another_one_soon(origin: Origin, studio: Studio) -> None:
    for path in (TOP, MPD, "/live/studio/e1/v1/media.m3u8"):
        answer = await origin.get(f"{path}?start=-6&end=-2")
        assert (
            answer.status == 200
            and answer.headers["Cache-Control"] == (await origin.get(path)).headers["Cache-Control"]
        )
    assert "#EXT-X-ENDLIST" in answer.text


async def test_the_low_latency_manifest_is_printed_once_for_all(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    print_it, printed = dash_low_latency.manifest, []

    def counted(*what: Any, **how: Any) -> str:
        printed.append(print_it(*what, **how))
        return printed[-1]

    monkeypatch.setattr(dash_low_latency, "manifest", counted)
    async with running_origin(home, SteppedClock()) as origin:
        studio = Studio()
        await origin.announce(studio)
        await origin.publish(studio.run(3500))
        assert len({(await origin.get("/live/studio/manifest-ll.mpd")).body for _ in range(5)}) == len(printed) == 1


async def test_what_is_not_there_is_refused_with_the_reason(origin: Origin, studio: Studio) -> None:
    for query, status, control in (
        (f"start={BEGIN - 60}", 410, "public, max-age=1"),
        (f"start={BEGIN - 60}&end={BEGIN - 50}", 410, "public, max-age=1"),
        (f"start={BEGIN + 3600}", 425, "no-store"),
        ("start=yesterday", 400, "no-store"),
        (f"start={BEGIN + 8}&end=-9", 400, "no-store"),
    ):
        answer = await origin.get(f"{TOP}?{query}")
        assert (answer.status, answer.headers["Cache-Control"]) == (status, control), query
    # who plays on from a beginning that has left meanwhile gets what is left
    assert (await origin.playlist("v1", f"?start={BEGIN - 60}")).status == 200
    assert (await origin.playlist("v1", f"?start={BEGIN - 60}&end={BEGIN + 4}")).status == 410


def days(channel: Channel, segments: int) -> None:
    """A window as if it had been published: segments of 2 s in two parts, and sound whose frames do not fit them."""
    run = Run(BEGIN, 0)
    channel.runs.begin(run)
    for name, track in channel.tracks.items():
        window, scale = track.window, track.window.scale
        start = 2 * BEGIN * scale
        for number in range(BEGIN, BEGIN + segments):
            frames = -(-2 * (number + 1) * scale // 1024) * 1024 if name == "a1" else 2 * (number + 1) * scale
            window.open(number=number, start=start, init=next(iter(track.inits)), run=run)
            for at in range(2):
                window.grow(LivePart((frames - start) // 2, 50_000, at * 50_000, at == 0, 25))
            window.close()
            start = frames
    channel._touch()


@pytest.mark.parametrize("hours", [3, pytest.param(72, marks=pytest.mark.slow)])
async def test_a_long_window_does_not_hold_up_others(home: Path, hours: int) -> None:
    """A playlist of days is printed beside the loop, once; then it is put together from what is known."""
    studio = Studio(grid_ms=2000, window_s=hours * 3600, start_ms=2 * BEGIN * 1000)
    async with running_origin(home, SteppedClock()) as origin:
        await origin.announce(studio)
        channel = _channel(origin)
        days(channel, hours * 1800)
        longest = 0.0

        async def beat() -> None:
            nonlocal longest
            while True:
                began = time.monotonic()
                await asyncio.sleep(0.005)
                longest = max(longest, time.monotonic() - began)

        async with asyncio.TaskGroup() as group:
            beating = group.create_task(beat())
            took = {}
            for what, path in (
                ("cold", "/live/studio/e1/v1/media.m3u8"),
                ("delta", "/live/studio/e1/v1/media.m3u8?_HLS_skip=YES"),
                ("warm", "/live/studio/e1/v1/media.m3u8?start=-99999999"),
                ("start-over", f"/live/studio/e1/v1/media.m3u8?start={2 * BEGIN + 3600}"),
                ("film", f"/live/studio/e1/v1/media.m3u8?start={2 * BEGIN + 3600}&end={2 * BEGIN + 7200}"),
                ("manifest", MPD),
            ):
                began = time.monotonic()
                answer = await origin.get(path)
                took[what] = time.monotonic() - began
                assert answer.status == 200, answer.text
                print(f"{what}: {took[what] * 1000:.0f} ms, {len(answer.body) / 1e6:.2f} MB")
            beating.cancel()
        print(f"the loop stood still for {longest * 1000:.0f} ms at most")
        assert took["delta"] < took["cold"]


def _channel(origin: Origin) -> Channel:
    """The one of the process's own tables; there is no other way to have a window of days in a second."""
    import gc

    (found,) = [
        thing for thing in gc.get_objects() if isinstance(thing, Channel) and thing.folder.is_relative_to(origin.data)
    ]
    return found
