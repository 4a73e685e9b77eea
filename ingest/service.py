"""The ingest role: the RTMP port, the desired state, the rim, and the drain."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import structlog
from aiohttp import web

from ingest.listener import RtmpListener
from ingest.playout.film import Films
from ingest.playout.player import Players
from ingest.publisher import origin_client
from ingest.pull.puller import Pullers
from ingest.registry import Registry
from node import web as rim
from node.process import Context
from node.sync import DesiredState

log = structlog.get_logger("ingest")


async def run(ctx: Context) -> None:
    """Serve publishers until told to stop, then give what is open to the origin within the drain time."""
    client, base = origin_client(ctx.upstream("ingest.origin", ctx.home.socket("origin", door="media")))
    async with client:
        registry = Registry(ctx, client, base)
        desired = DesiredState(ctx, ctx.upstream("ingest.control", ctx.home.socket("control", door="node")))
        desired.on_change(registry.follow)
        players = Players(ctx, registry, Films(client, base))
        desired.on_change(lambda found: players.follow(found.channels))
        pullers = Pullers(ctx, registry)
        desired.on_change(lambda found: pullers.follow(found.channels))
        listener = RtmpListener(ctx, registry, ctx.listen("ingest.rtmp_listen", "rtmp"))

        async def status(_: web.Request) -> web.Response:
            sessions = [live.status() for live in registry.living.values()]
            return web.json_response({"desired_seq": desired.current.seq, "sessions": sessions})

        app = rim.make_app(ctx)
        app.router.add_get("/status", status)
        async with rim.serving(ctx, app, []), _further_doors(ctx, registry):
            await listener.start()
            ctx.tasks.start(desired.run(), "desired state")
            counting = ctx.tasks.start(_count(registry), "session gauges")
            await ctx.stopping.wait()
            counting.cancel()
            living = list(registry.living.values())
            await listener.close()
            for live in living:  # those of other doors end in tasks of their own
                await live.ended.wait()
            seconds = ctx.settings.number("drain.seconds")
            flushed = await asyncio.gather(*(publisher.flush(seconds) for publisher in registry.publishers()))
            log.info("ingest.drained", channels=len(flushed), all_acknowledged=all(flushed))


@asynccontextmanager
async def _further_doors(ctx: Context, registry: Registry) -> AsyncIterator[None]:
    """The doors of protocols that a setting switches off; what is closed is not even imported."""
    async with AsyncExitStack() as doors:
        if ctx.settings.flag("ingest.push"):
            from ingest.cmaf.listener import PushListener

            push = PushListener(ctx, registry, ctx.listen("ingest.push_listen", "push"))
            await push.start()
            doors.push_async_callback(push.close)
        if ctx.settings.text("ingest.rtmps_certificate"):
            from ingest import rtmps

            await doors.enter_async_context(rtmps.listening(ctx, registry, ctx.listen("ingest.rtmps_listen", "rtmps")))
        if ctx.settings.flag("ingest.srt"):
            from ingest.srt.listener import SrtListener

            srt = SrtListener(ctx, registry, ctx.listen("ingest.srt_listen", "srt"))
            await srt.start()
            doors.push_async_callback(srt.close)
        if ctx.settings.flag("ingest.whip"):
            from ingest.whip.service import listening

            await doors.enter_async_context(listening(ctx, registry))
        yield


async def _count(registry: Registry) -> None:
    while True:
        registry.count()
        await asyncio.sleep(1)
