"""The origin's process: one door for roles (and for edges of other boxes), names in, objects out."""

from __future__ import annotations

import asyncio
import errno
from dataclasses import fields
from pathlib import Path

from aiohttp import web

from base import lifetimes, select
from base.names import CLEARKEY_PATH, PICTURES, PROTECTIONS, Kind, Name, parse
from base.problems import Problem
from node import web as rim
from node.process import Context
from node.settings import Settings, listen_address, workers
from origin import on_demand_worker
from origin.assets import Assets
from origin.harvest import gather
from origin.journal import Journal
from origin.key_server import KeyServer, contract
from origin.keys import KeySource, LocalKeys
from origin.licence import handle as handle_licence
from origin.live import MOST_PART_OCTETS, Live
from origin.offered_pictures import OfferedPictures
from origin.pictures import Pictures
from origin.protected import Protector
from origin.vod import Vod
from packager.crypto_periods import Policy
from packager.limits import SETTING, Limits

_SWEEP_S = 2
_NAME = web.RequestKey("headwater_name", Name)


async def run(ctx: Context) -> None:
    """Worker 0 is the whole origin; further workers share its TCP address (origin.on_demand_worker)."""
    data = ctx.home.data / "origin"
    data.mkdir(parents=True, exist_ok=True)
    if ctx.worker:
        return await _run_further(ctx, data)
    journal = await asyncio.to_thread(Journal, data / "journal.db")
    try:
        pictures = await asyncio.to_thread(Pictures, ctx, data / "pictures")
        live = Live(ctx, data / "live", journal, pictures)
        keys = await asyncio.to_thread(make_keys, ctx, data / "keys")
        assets = await asyncio.to_thread(_assets, ctx.settings, data / "vod")
        vod = Vod(ctx, assets, make_protector(ctx, keys), pictures)
        vod.arrivals.harvest = lambda wanted: gather(live.channels, wanted, ctx.clock)
        app = make_app(ctx, live, vod, keys, pictures)
        sweeping = ctx.tasks.start(_sweep(live, vod), "sweep")
        listen: list[Path | tuple[str, int]] = [ctx.home.socket("origin", door="media")]
        if (address := _listen(ctx.settings)) is not None:
            listen.append(address)
        shared = workers(ctx.settings, "origin.workers") > 1
        async with rim.serving(ctx, app, listen, express=vod.lane.answer, reuse_port=shared):
            await ctx.stopping.wait()
            live.let_go()
        sweeping.cancel()
        await pictures.orders.close()
    finally:
        await asyncio.to_thread(journal.close)


async def _run_further(ctx: Context, data: Path) -> None:
    address = _listen(ctx.settings)
    if not isinstance(address, tuple):
        raise OSError("several workers share origin.listen: give it as HOST:PORT")
    assets = await asyncio.to_thread(_assets, ctx.settings, data / "vod", reader=True)
    await on_demand_worker.serve(ctx, Vod(ctx, assets, None, OfferedPictures(ctx.settings)), address)


def _assets(settings: Settings, folder: Path, *, reader: bool = False) -> Assets:
    words = settings.text("origin.tracks")
    return Assets(folder, limits=limits_of(settings), usual=select.terms(words) if words else (), reader=reader)


def _listen(settings: Settings) -> tuple[str, int] | Path | None:
    """The address besides the box's socket, None if there is none."""
    text = settings.text("origin.listen")
    found = listen_address(text) if text else None
    return Path(found) if isinstance(found, str) else found


def limits_of(settings: Settings) -> Limits:
    """What a file may have that comes in: a setting for each."""
    return Limits(**{limit.name: settings.number(SETTING.format(limit.name)) for limit in fields(Limits)})


def make_keys(ctx: Context, folder: Path) -> LocalKeys:
    """The store of keys; new ones are made here, or asked of a key server. Raises OSError: settings cannot be used."""
    try:
        found = contract(ctx.settings)
    except ValueError as fault:
        raise OSError(errno.EINVAL, str(fault)) from fault
    return LocalKeys(folder, KeyServer(found, ctx.clock, ctx.metrics).make) if found else LocalKeys(folder)


def make_protector(ctx: Context, keys: KeySource) -> Protector:
    """Licences are asked for at the edge, whose address is known here only if it is set."""
    edge = ctx.settings.text("edge.public_url").rstrip("/")
    clearkey = ctx.settings.flag("origin.clearkey")
    policy = Policy(
        rotate_s=ctx.settings.number("origin.key_period"), clear_lead_s=ctx.settings.number("origin.clear_lead")
    )
    return Protector(keys, policy, clearkey=clearkey, licence_url=edge + CLEARKEY_PATH if edge else "")


def make_app(ctx: Context, live: Live, vod: Vod, keys: KeySource, pictures: Pictures) -> web.Application:
    app = rim.make_app(ctx, client_max_size=MOST_PART_OCTETS)

    async def handle(request: web.Request) -> web.StreamResponse:
        name = parse(request.path)
        if name is None:
            raise Problem("unknown", "no media object has such a name", cache_control="public, max-age=60")
        request[_NAME] = name
        if name.protection and name.kind is Kind.LIVE:
            raise Problem(
                "unknown",
                "live channels cannot be protected yet: leave out the prefix",
                cache_control="public, max-age=60",
            )
        if name.protection and request.method not in ("GET", "HEAD"):
            raise Problem("method", "protected objects are made, not stored", allow="GET, HEAD")
        if name.leaf in PICTURES:
            pictures.check(name)
        elif name.kind is Kind.VOD and name.public and not name.protection and not ctx.settings.flag("origin.clear"):
            raise Problem("forbidden", "films are served protected only: put /~cbcs or /~cenc in front of the path")
        kind = live if name.kind is Kind.LIVE else vod
        match request.method:
            case "GET" | "HEAD":
                return await kind.get(request, name)
            case "PUT":
                return await kind.put(request, name)
            case "DELETE":
                return await kind.delete(name)
            case _:
                raise Problem("method", "names take GET, HEAD, PUT and DELETE", allow="GET, HEAD, PUT, DELETE")

    async def prepared(request: web.Request, response: web.StreamResponse) -> None:
        if response.status >= 400 and isinstance(response, web.FileResponse):
            # its fields speak of the file: that it has just left must not be kept for a year
            response.headers["Cache-Control"] = lifetimes.NO_STORE
        elif request.method == "GET" and _NAME in request and response.status < 300:
            counter = ctx.metrics.counter("origin_bytes", leaf=request[_NAME].leaf.value)
            counter.inc(response.content_length or 0)

    app.on_response_prepare.append(prepared)

    async def licence(request: web.Request) -> web.Response:
        return await handle_licence(ctx, keys, request)

    app.router.add_post(CLEARKEY_PATH, licence)
    firsts = "|".join((*Kind, *(f"~{protection}" for protection in PROTECTIONS)))
    app.router.add_route("*", f"/{{kind:{firsts}}}/{{tail:.*}}", handle)
    return app


async def _sweep(live: Live, vod: Vod) -> None:
    while True:
        await asyncio.sleep(_SWEEP_S)
        await live.sweep()
        await vod.arrivals.sweep()
