"""WHIP's two doors, HTTP for offers and UDP for media, open while the ingest role runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from ingest.registry import Registry
from ingest.whip.door import Door
from ingest.whip.endpoint import Endpoint
from node import web as rim
from node.process import Context


@asynccontextmanager
async def listening(ctx: Context, registry: Registry) -> AsyncIterator[None]:
    """Raises OSError that names the address that cannot be had."""
    where = ctx.listen("ingest.whip_media", "whip-media")
    if isinstance(where, Path):
        raise OSError(f"ingest.whip_media is {where}: media comes by UDP, give HOST:PORT")
    door = Door(ctx.clock)
    await door.open(*where)
    try:
        app = rim.make_app(ctx, bare=True)
        endpoint = Endpoint(ctx, registry, door)
        endpoint.add_routes(app)
        async with rim.serving(ctx, app, [ctx.listen("ingest.whip_listen", "whip")], own_socket=False):
            yield
            await endpoint.close()
    finally:
        door.close()
