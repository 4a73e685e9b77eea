"""A further worker of the origin: it answers what is computed from files alone, and hands on everything else.

It maps the same files as worker 0, and has an express lane and printed playlists of its own. What needs state that only
one process may hold (live channels, keys, what is being received, pictures) stays worker 0's.
"""

from __future__ import annotations

from aiohttp import web

from base.names import PICTURES, SECRET, Kind, Name, parse
from node import web as rim
from node.process import Context
from node.settings import Settings
from origin.forward import Forward
from origin.vod import Vod

_NAME = web.RequestKey("headwater_name", Name)


def own(method: str, name: Name | None, settings: Settings) -> bool:
    """True if a further worker may answer: a clear object of a film, that is made of its files."""
    return (
        name is not None
        and method in ("GET", "HEAD")
        and name.kind is Kind.VOD
        and name.public
        and not name.protection
        and name.leaf not in PICTURES | SECRET
        and settings.flag("origin.clear")
    )


def make_app(ctx: Context, vod: Vod, forward: Forward) -> web.Application:
    app = rim.make_app(ctx)

    async def handle(request: web.Request) -> web.StreamResponse:
        name = parse(request.path)
        if name is None or not own(request.method, name, ctx.settings):
            return await forward.answer(request)
        request[_NAME] = name
        return await vod.get(request, name)

    async def prepared(request: web.Request, response: web.StreamResponse) -> None:
        if request.method == "GET" and _NAME in request and response.status < 300:
            counter = ctx.metrics.counter("origin_bytes", leaf=request[_NAME].leaf.value)
            counter.inc(response.content_length or 0)

    app.on_response_prepare.append(prepared)
    app.router.add_route("*", "/{tail:.*}", handle)
    return app


async def serve(ctx: Context, vod: Vod, listen: tuple[str, int]) -> None:
    """Until told to stop."""
    forward = Forward(ctx, ctx.home.socket("origin", door="media"))
    try:
        async with rim.serving(ctx, make_app(ctx, vod, forward), [listen], express=vod.lane.answer, reuse_port=True):
            await ctx.stopping.wait()
    finally:
        await forward.close()
