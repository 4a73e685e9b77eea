"""The ingest role: the RTMP port, the desired state, the rim, and the drain."""

from __future__ import annotations

import asyncio

import structlog
from aiohttp import web

from ingest.listener import RtmpListener
from ingest.publisher import origin_client
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
        listener = RtmpListener(ctx, registry, ctx.listen("ingest.rtmp_listen", "rtmp"))

        async def status(_: web.Request) -> web.Response:
            sessions = [live.status() for live in registry.living.values()]
            return web.json_response({"desired_seq": desired.current.seq, "sessions": sessions})

        app = rim.make_app(ctx)
        app.router.add_get("/status", status)
        async with rim.serving(ctx, app, []):
            await listener.start()
            ctx.tasks.start(desired.run(), "desired state")
            counting = ctx.tasks.start(_count(registry), "session gauges")
            await ctx.stopping.wait()
            counting.cancel()
            await listener.close()
            seconds = ctx.settings.number("drain.seconds")
            flushed = await asyncio.gather(*(publisher.flush(seconds) for publisher in registry.publishers()))
            log.info("ingest.drained", channels=len(flushed), all_acknowledged=all(flushed))


async def _count(registry: Registry) -> None:
    while True:
        registry.count()
        await asyncio.sleep(1)
