"""Which tracks of an asset viewers get, in the admin API: the origin checks and keeps it.

GET    assets/{asset}/tracks    {"tracks": "audio:de", "own": true, "kept": ["v1", "a2"], "left_out": ["a1"]}
PUT    assets/{asset}/tracks    {"tracks": "audio:de"} -> 200, as GET; "" is all of them
DELETE assets/{asset}/tracks    204: the node's default holds again
"""

from __future__ import annotations

import structlog

from base.names import Leaf
from base.problems import Problem
from control.origin import Origin
from control.rows import AssetState
from control.store import Catalog
from control.subtitles import Subtitles

log = structlog.get_logger("tracks")

LARGEST = 4096  # octets; the origin has the same limit


class TrackFilters:
    def __init__(self, catalog: Catalog, origin: Origin, reports: Subtitles) -> None:
        self._catalog = catalog
        self._origin = origin
        self._reports = reports

    async def get(self, asset: str) -> bytes:
        """JSON. Raises Refused (the origin's 4xx), Problem unknown, conflict, upstream, late."""
        await self._ready(asset)
        return await self._origin.beside(asset, Leaf.TRACK_FILTER, "GET")

    async def put(self, asset: str, body: bytes, request_id: str) -> bytes:
        """JSON as the origin keeps it. Raises as `get`; Refused says that it leaves nothing to play."""
        await self._ready(asset)
        kept = await self._origin.beside(asset, Leaf.TRACK_FILTER, "PUT", body, request_id)
        log.info("tracks.put", asset=asset)
        await self._reports.refresh(asset)
        return kept

    async def remove(self, asset: str) -> None:
        """Raises as `get`."""
        await self._ready(asset)
        await self._origin.beside(asset, Leaf.TRACK_FILTER, "DELETE")
        log.info("tracks.removed", asset=asset)
        await self._reports.refresh(asset)

    async def _ready(self, asset: str) -> None:
        row = await self._catalog.asset(asset)
        if row.state is not AssetState.READY:
            raise Problem("conflict", f"asset {asset} is {row.state}: its tracks can be chosen when it is ready")
