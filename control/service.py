"""The control role: opens the catalog, then the doors."""

from __future__ import annotations

import asyncio

import structlog

from control.access import Access, open_access
from control.api import Api
from control.delivery import Delivery
from control.keys import KeyFile
from control.origin import Origin
from control.pages import Pages
from control.remuxer import Remuxer
from control.reports import Reports
from control.store import Catalog
from control.sync import Sync
from control.uploads import Uploads
from node import web
from node.process import Context

log = structlog.get_logger("control")

DEMO = "demo"
FIRST = "studio"


async def run(ctx: Context) -> None:
    """Until `ctx.stopping`. Raises OSError: an address, the catalog or a secret's file is unusable."""
    ctx.home.make()
    access = open_access(ctx.home.admin_token_file)
    catalog = await Catalog.open(ctx.home.data / "control" / "catalog.db", ctx.clock)
    origin = Origin(ctx.upstream("control.origin", ctx.home.socket("origin", door="media")))
    remuxer = Remuxer(ctx.home.socket("remux", door="jobs"))
    try:
        await _serve(ctx, access, catalog, origin, remuxer)
    finally:
        await ctx.tasks.close()
        await remuxer.close()
        await origin.close()
        await catalog.close()


async def _serve(ctx: Context, access: Access, catalog: Catalog, origin: Origin, remuxer: Remuxer) -> None:
    key_file = KeyFile(ctx.home.secrets)
    reports = Reports(origin, ctx.clock, ctx.tasks)
    uploads = Uploads(catalog, origin, Delivery(origin, remuxer))
    api = Api(ctx, access, catalog, origin, reports, uploads, key_file)
    pages = Pages(ctx, catalog, reports)
    door = ctx.home.socket("control", door="node")

    await _settle_keys(catalog, key_file)
    await _first_channels(ctx, catalog, api)

    app = web.make_app(ctx)
    Sync(catalog, door).add_to(app)
    api.add_to(app)
    pages.add_to(app)
    async with web.serving(ctx, app, [door, ctx.listen("control.listen", "control")]):
        ctx.tasks.start(uploads.keep(), "settle assets")
        ctx.tasks.start(_count(ctx, catalog), "count the catalog")
        await asyncio.to_thread(pages.warm)
        await ctx.stopping.wait()
        catalog.changes.close()  # nodes that wait for news are let go, or they would hold up the drain


async def _settle_keys(catalog: Catalog, key_file: KeyFile) -> None:
    hashes = {row.channel: row.key_hashes for row in await catalog.channels()}
    for name in await asyncio.to_thread(key_file.settle, hashes):
        log.warning("channel.key_not_here", channel=name, todo="rotate its key to see one again")


async def _first_channels(ctx: Context, catalog: Catalog, api: Api) -> None:
    """A publish URL from the first start on; the demo channel as the setting wants it, its key and edition kept."""
    if await catalog.is_new():
        await api.add_channel(FIRST, "Studio")
    wanted = ctx.settings.flag("control.demo")
    names = {row.channel for row in await catalog.channels() if row.demo}
    if wanted and DEMO not in {row.channel for row in await catalog.channels()}:
        await api.add_channel(DEMO, "Demo", demo=True)
    for name in names:
        await catalog.enable_channel(name, wanted)


async def _count(ctx: Context, catalog: Catalog) -> None:
    """Gauges follow the catalog, change by change."""
    while True:
        seq = catalog.changes.seq
        ctx.metrics.gauge("desired_seq").set(seq)
        ctx.metrics.gauge("control_channels").set(len(await catalog.channels()))
        for state, count in (await catalog.count_assets()).items():
            ctx.metrics.gauge("control_assets", state=str(state)).set(count)
        while not await catalog.changes.above(seq, 3600) and not catalog.changes.closed:
            pass
        if catalog.changes.closed:
            return
