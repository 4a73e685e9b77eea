"""Schedules by the admin API: a channel plays films of the catalog, and needs no encoder.

    GET    /api/v1/channels/{channel}/schedule     what it plays; {"items": []} if nothing
    PUT    /api/v1/channels/{channel}/schedule     Schedule -> 200
    DELETE /api/v1/channels/{channel}/schedule     204; encoders publish again

What is on at a moment follows from the schedule and the clock alone (ingest/playout/schedule.py).
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import Annotated, Any

import msgspec
import structlog
from aiohttp import web
from msgspec import Meta

from base.desired import PlayoutItem, PlayoutSpec
from base.problems import Problem
from control import bodies
from control.bodies import Name
from control.store import Catalog

log = structlog.get_logger("schedules")

MOST_ITEMS = 1000
_LONGEST_BODY = 256 << 10
_YEARS = range(1971, 9999)


class Item(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A film. `at`: a time of RFC 3339, rising from item to item; left out: when the one before it ends."""

    asset: Name
    at: datetime | None = None


class Schedule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """PUT. `loop`: over and over, without times. `start`: of a first item without a time. `slate`: between items."""

    items: Annotated[tuple[Item, ...], Meta(min_length=1, max_length=MOST_ITEMS)]
    loop: bool = False
    start: datetime | None = None
    slate: Name | None = None


class Schedules:
    """The handlers. They raise Problem unknown for a channel that is not there."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def get(self, request: web.Request) -> web.Response:
        row = await self._catalog.channel(request.match_info["channel"])
        return web.json_response(shown(row.playout))

    async def put(self, request: web.Request) -> web.Response:
        channel = request.match_info["channel"]
        body = await request.content.read(_LONGEST_BODY + 1)
        while len(body) <= _LONGEST_BODY and (more := await request.content.read(_LONGEST_BODY)):
            body += more
        if len(body) > _LONGEST_BODY:
            raise Problem("too-large", f"a schedule has at most {_LONGEST_BODY >> 10} KiB")
        wanted = spec(bodies.decode(body, Schedule))
        await self._with_assets(wanted)
        row = await self._catalog.set_playout(channel, msgspec.json.encode(wanted).decode())
        log.info("schedule.taken", channel=channel, items=len(wanted.items))
        return web.json_response(shown(row.playout))

    async def delete(self, request: web.Request) -> web.Response:
        await self._catalog.set_playout(request.match_info["channel"], "")
        return web.Response(status=204)

    async def _with_assets(self, wanted: PlayoutSpec) -> None:
        """Raises Problem unknown for a film that is not in the catalog."""
        for asset in sorted({item.asset for item in wanted.items} | ({wanted.slate} if wanted.slate else set())):
            await self._catalog.asset(asset)


def spec(given: Schedule) -> PlayoutSpec:
    """Raises Problem malformed: times in a loop, or such as do not rise."""
    times = [item.at for item in given.items if item.at is not None]
    if given.loop and times:
        raise Problem("malformed", "loop: a loop has no times; give start, or leave loop out", field="loop")
    if any(at.tzinfo is None for at in [*times, *([given.start] if given.start else [])]):
        raise Problem("malformed", "at: say the time zone, as in 2026-11-22T20:15:00Z", field="at")
    if any(at.year not in _YEARS for at in [*times, *([given.start] if given.start else [])]):
        raise Problem("malformed", f"at: give times from {_YEARS[0]} on", field="at")
    if any(later <= earlier for earlier, later in pairwise(times)):
        raise Problem("malformed", "at: times must rise from item to item", field="at")
    if not given.loop and given.items[0].at is None and given.start is None:
        raise Problem("malformed", "start: say when the first item begins, or give loop", field="start")
    return PlayoutSpec(
        items=tuple(PlayoutItem(asset=item.asset, at_ms=_ms(item.at)) for item in given.items),
        loop=given.loop,
        start_ms=_ms(given.start),
        slate=given.slate or "",
    )


def shown(playout: str) -> dict[str, Any]:
    """A schedule as the API shows it."""
    if not playout:
        return {"items": []}
    found = msgspec.json.decode(playout, type=PlayoutSpec)
    items = [{"asset": item.asset} | ({"at": _text(item.at_ms)} if item.at_ms else {}) for item in found.items]
    return {
        "items": items,
        "loop": found.loop,
        "start": _text(found.start_ms) if found.start_ms else None,
        "slate": found.slate or None,
    }


def _ms(at: datetime | None) -> int:
    return 0 if at is None else round(at.timestamp() * 1000)


def _text(ms: int) -> str:
    at = datetime.fromtimestamp(ms / 1000, UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%S") + (f".{ms % 1000:03d}Z" if ms % 1000 else "Z")
