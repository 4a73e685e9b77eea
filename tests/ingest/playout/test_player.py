"""Linear channels on the air: a real origin that has the films and gets the channel."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from base.desired import ChannelSpec, Desired, PlayoutItem, PlayoutSpec
from ingest.playout.film import Films
from ingest.playout.player import Onward, Players
from ingest.publisher import origin_client
from ingest.registry import Registry
from ingest.session import Happening
from node.clock import Clock, SteppedClock, SystemClock
from node.process import Context
from tests.origin.conftest import Origin

MEDIA = "/live/linear/e1/v1/media.m3u8"


def channel(*assets: str, **playout: Any) -> ChannelSpec:
    spec = PlayoutSpec(items=tuple(PlayoutItem(asset=asset) for asset in assets), **playout)
    return ChannelSpec(
        channel="linear", title="Linear", edition="e1", key_hashes=(), segment_ms=1000, part_ms=500, playout=spec
    )


class SetClock(SystemClock):
    """The machine's clock, and how far somebody set it on."""

    def __init__(self, by_ms: int) -> None:
        self.by_ms = by_ms

    def now_ms(self) -> int:
        return super().now_ms() + self.by_ms


class Station:
    """The registry and the players of an ingest role."""

    def __init__(self, ctx: Context, registry: Registry, players: Players) -> None:
        self.ctx, self.registry, self.players = ctx, registry, players

    def follow(self, *channels: ChannelSpec) -> None:
        self.registry.follow(Desired(seq=1, channels=channels))
        self.players.follow(channels)


@asynccontextmanager
async def station(origin: Origin, clock: Clock | None = None) -> AsyncIterator[Station]:
    client, base = origin_client(f"unix:{origin.ctx.home.socket('origin', door='media')}")
    ctx = Context(role="ingest", home=origin.ctx.home, clock=clock or SystemClock())
    async with client:
        registry = Registry(ctx, client, base)
        yield Station(ctx, registry, Players(ctx, registry, Films(client, base)))
        ctx.stopping.set()
        for live in list(registry.living.values()):
            live.cancel(Happening.DRAIN)
        await ctx.tasks.close()


async def listed(origin: Origin, pattern: str, seconds: float = 30) -> str:
    """The channel's playlist once it matches."""
    async with asyncio.timeout(seconds):
        while True:
            answer = await origin.get(MEDIA)
            if answer.status == 200 and re.search(pattern, answer.text, re.S):
                return answer.text
            await asyncio.sleep(0.05)


@pytest.mark.slow
async def test_two_films_over_and_over(origin: Origin) -> None:
    async with station(origin) as on_air:
        on_air.follow(channel("one", "two", loop=True))
        text = await listed(origin, r"#EXT-X-DISCONTINUITY\n.*#EXT-X-DISCONTINUITY\n.*#EXTINF")
        inits = re.findall(r'EXT-X-MAP:URI="([^"]+)"', text)
        assert len(set(inits)) == 2 and inits[0] == inits[2], "each film has its own header"
        assert "EXT-X-GAP" not in text
        dates = re.findall(r"PROGRAM-DATE-TIME:(\S+)", text)
        assert dates == sorted(dates)


@pytest.mark.slow
async def test_a_restart_goes_on_at_the_right_place(origin: Origin) -> None:
    """What is on after it is what would have been on without it: numbers and dates go on with the wall clock."""
    async with station(origin) as on_air:
        on_air.follow(channel("one", loop=True))
        before = await listed(origin, r"(#EXTINF.*){2}")
    async with station(origin) as on_air:
        on_air.follow(channel("one", loop=True))
        last = re.findall(r"^(\d+)\.m4s$", before, re.M)[-1]
        text = await listed(origin, rf"{last}\.m4s.*#EXT-X-DISCONTINUITY.*#EXTINF")
    numbers = [int(number) for number in re.findall(r"^(\d+)\.m4s$", text, re.M)]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


async def test_a_film_that_is_not_there_is_the_slate(origin: Origin) -> None:
    async with station(origin) as on_air:
        on_air.follow(channel("missing", loop=True, slate="two"))
        await listed(origin, r"#EXTINF")
        (live,) = on_air.registry.living.values()
        assert live.software == "playout"


async def test_a_schedule_that_is_taken_back_ends(origin: Origin, tmp_path: Path) -> None:
    async with station(origin) as on_air:
        spec = channel("one", loop=True)
        on_air.follow(spec)
        await listed(origin, r"#EXTINF")
        on_air.follow(msgspec.structs.replace(spec, playout=None))
        async with asyncio.timeout(10):
            while on_air.registry.living:
                await asyncio.sleep(0.02)


@pytest.mark.slow
async def test_a_single_showing_ends(origin: Origin) -> None:
    async with station(origin) as on_air:
        now = on_air.ctx.clock.now_ms()
        on_air.follow(channel("one", start_ms=now + 300))
        await listed(origin, r"#EXT-X-ENDLIST|#EXTINF")
        async with asyncio.timeout(20):
            while on_air.registry.living:
                await asyncio.sleep(0.02)


def test_time_never_goes_back() -> None:
    class Moved(SteppedClock):
        by_ms = 0

        def now_ms(self) -> int:
            return super().now_ms() + self.by_ms

    clock = Moved()
    onward, began = Onward(clock), clock.now_ms()
    clock.advance(1000)
    assert onward.now_ms() == began + 1000
    clock.by_ms = -2000
    assert onward.now_ms() == began + 1000
    clock.advance(1000)
    assert onward.now_ms() == began + 1995, "it goes on, a little slower"
    clock.advance(400_000)
    assert onward.now_ms() == clock.now_ms(), "until it is UTC again"
    clock.by_ms = 3_600_000
    assert onward.now_ms() == clock.now_ms()


@pytest.mark.slow
async def test_a_clock_that_is_set_on_an_hour_skips_an_hour(origin: Origin) -> None:
    """Nothing of that hour is sent in a hurry; what is on now follows."""
    clock = SetClock(-3_600_000)
    async with station(origin, clock) as on_air:
        on_air.follow(channel("one", "two", loop=True))
        async with asyncio.timeout(30):
            while not [live for live in on_air.registry.living.values() if live.intake.ends_ms]:
                await asyncio.sleep(0.02)
            before = next(iter(on_air.registry.living.values()))
            clock.by_ms = 0
            while before.id in {live.id for live in on_air.registry.living.values()}:
                await asyncio.sleep(0.02)
            assert before.intake.ends_ms < clock.now_ms() - 3_000_000
        text = await listed(origin, r"#EXTINF")
        assert re.search(r"PROGRAM-DATE-TIME:(\S+)", text)
