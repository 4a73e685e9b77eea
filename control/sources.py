"""Sources by the admin API: a channel whose media the node fetches itself, and needs no encoder.

    GET    /api/v1/channels/{channel}/source     {"url": ...}, empty if encoders publish
    PUT    /api/v1/channels/{channel}/source     Source -> 200
    DELETE /api/v1/channels/{channel}/source     204; encoders publish again

An address may hold a secret: it is shown to operators alone, and never logged.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
import structlog
from aiohttp import web
from msgspec import Meta

from base import sources
from control import bodies
from control.store import Catalog

log = structlog.get_logger("sources")

_LONGEST_BODY = 8192
MOST = 2048


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """PUT. `url`: as base.sources has it."""

    url: Annotated[str, Meta(min_length=1, max_length=MOST)]


class Sources:
    """The handlers. They raise Problem unknown for a channel that is not there."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def get(self, request: web.Request) -> web.Response:
        row = await self._catalog.channel(request.match_info["channel"])
        return web.json_response({"url": row.source})

    async def put(self, request: web.Request) -> web.Response:
        channel = request.match_info["channel"]
        wanted = bodies.decode(await request.content.read(_LONGEST_BODY), Source)
        found = sources.parse(wanted.url)
        row = await self._catalog.set_source(channel, wanted.url)
        log.info("source.taken", channel=channel, source=found.shown)
        return web.json_response({"url": row.source})

    async def delete(self, request: web.Request) -> web.Response:
        await self._catalog.set_source(request.match_info["channel"], "")
        return web.Response(status=204)
