"""Limits by the admin API: what a channel's stream key allows its encoder to send.

    GET    /api/v1/channels/{channel}/limits     Limits
    PUT    /api/v1/channels/{channel}/limits     Limits -> 200; what is left out is no limit
    DELETE /api/v1/channels/{channel}/limits     204; no limits

They hold for a session that is live, too, as soon as its node hears of them.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import structlog
from aiohttp import web
from msgspec import Meta

from base import desired
from control import bodies
from control.store import Catalog

log = structlog.get_logger("limits")

_LONGEST_BODY = 1024


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """PUT, and what is shown. As base.desired.Limits has them; 0 is none."""

    kbps: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    lines: Annotated[int, Meta(ge=0, le=16_384)] = 0
    seconds: Annotated[int, Meta(ge=0, le=366 * 86_400)] = 0


class KeyLimits:
    """The handlers. They raise Problem unknown for a channel that is not there."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def get(self, request: web.Request) -> web.Response:
        row = await self._catalog.channel(request.match_info["channel"])
        return web.json_response(_shown(row.limits))

    async def put(self, request: web.Request) -> web.Response:
        channel = request.match_info["channel"]
        wanted = bodies.decode(await request.content.read(_LONGEST_BODY), Limits)
        limits = desired.Limits(kbps=wanted.kbps, lines=wanted.lines, seconds=wanted.seconds)
        row = await self._catalog.set_limits(channel, limits)
        log.info("limits.set", channel=channel, **_shown(row.limits))
        return web.json_response(_shown(row.limits))

    async def delete(self, request: web.Request) -> web.Response:
        await self._catalog.set_limits(request.match_info["channel"], desired.Limits())
        return web.Response(status=204)


def _shown(limits: desired.Limits) -> dict[str, Any]:
    return {"kbps": limits.kbps, "lines": limits.lines, "seconds": limits.seconds}
