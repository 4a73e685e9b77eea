from __future__ import annotations

import asyncio

import msgspec
import pytest
from aiohttp import web

from base.desired import DESIRED_PATH, ChannelSpec, Desired
from ingest.session import STALL_S
from node.clock import SteppedClock, SystemClock
from tests.kit.ingesting import STUDIO, Publisher, ingesting
from tests.kit.rtmp import statuses


async def test_a_stalled_publisher_gives_way_to_the_next() -> None:
    clock = SteppedClock(SystemClock().now_ms())
    async with ingesting(clock=clock) as role:
        first = Publisher(role.port)
        await first.opens()
        first.sends(0, 1200)
        await role.until_state("live")
        before = (await role.status())["sessions"][0]["session"]
        clock.advance(round(STALL_S * 1000))
        await role.until_state("stalled")
        second = Publisher(role.port)
        await second.opens()
        assert [code for code, _ in statuses(bytes(second.heard))] == ["NetStream.Publish.Start"]
        await first.closed()
        second.sends(0, 1200)
        session = await role.until_state("live")
        assert session["session"] != before


async def test_a_stalled_publisher_may_go_on() -> None:
    clock = SteppedClock(SystemClock().now_ms())
    async with ingesting(clock=clock) as role:
        publisher = Publisher(role.port)
        await publisher.opens()
        publisher.sends(0, 1200)
        await role.until_state("live")
        clock.advance(round(STALL_S * 1000))
        await role.until_state("stalled")
        publisher.sends(1200, 1240)
        await role.until_state("live")


@pytest.mark.parametrize("channels", [(msgspec.structs.replace(STUDIO, key_hashes=()),), ()])
async def test_a_revoked_key_ends_its_session(channels: tuple[ChannelSpec, ...]) -> None:
    async with ingesting() as role:
        publisher = Publisher(role.port)
        await publisher.opens()
        publisher.sends(0, 1200)
        await role.until_state("live")
        await role.origin.until(lambda: bool(role.origin.parts))
        role.origin.refuse = lambda path: None if channels else 404
        revoked = Desired(seq=2, channels=channels)

        async def answer(_: web.Request) -> web.Response:
            return web.Response(body=msgspec.json.encode(revoked))

        app = web.Application()
        app.router.add_get(DESIRED_PATH, answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.UnixSite(runner, str(role.ctx.home.socket("control", door="node"))).start()
            await publisher.closed()
            await role.until_state("none")
            sending = [task for task in asyncio.all_tasks() if task.get_name().startswith("publish studio")]
            assert bool(sending) == bool(channels), "nothing asks for a channel that is gone"
        finally:
            await runner.cleanup()


async def test_sessions_are_counted_by_state() -> None:
    async with ingesting() as role:
        publisher = Publisher(role.port)
        await publisher.opens()
        async with asyncio.timeout(10):
            while not role.ctx.metrics.value("ingest_sessions", state="admitted"):
                await asyncio.sleep(0.05)
        publisher.goes()
        async with asyncio.timeout(10):
            while role.ctx.metrics.value("ingest_sessions", state="admitted"):
                await asyncio.sleep(0.05)
