"""Marks of assets in the admin API: what is sent goes through to the origin, which checks and keeps it.

GET    assets/{asset}/marks     the list, [] where there are none
PUT    assets/{asset}/marks     a list instead of what was there -> 200, the list as it is kept
DELETE assets/{asset}/marks     204
"""

from __future__ import annotations

import structlog

from base.names import Leaf
from base.problems import Problem
from control.origin import Origin
from control.rows import AssetState
from control.store import Catalog

log = structlog.get_logger("marks")

LARGEST = 256 << 10  # octets; the origin has the same limit


class Marks:
    def __init__(self, catalog: Catalog, origin: Origin) -> None:
        self._catalog = catalog
        self._origin = origin

    async def get(self, asset: str) -> bytes:
        """JSON. Raises Refused (the origin's 4xx), Problem unknown, conflict, upstream, late."""
        await self._ready(asset)
        return await self._origin.beside(asset, Leaf.MARKS, "GET")

    async def put(self, asset: str, body: bytes, request_id: str) -> bytes:
        """JSON as the origin keeps it. Raises as `get`; Refused says what is wrong with the marks, and where."""
        await self._ready(asset)
        kept = await self._origin.beside(asset, Leaf.MARKS, "PUT", body, request_id)
        log.info("marks.put", asset=asset)
        return kept

    async def remove(self, asset: str) -> None:
        """Raises as `get`."""
        await self._ready(asset)
        await self._origin.beside(asset, Leaf.MARKS, "DELETE")
        log.info("marks.removed", asset=asset)

    async def _ready(self, asset: str) -> None:
        row = await self._catalog.asset(asset)
        if row.state is not AssetState.READY:
            raise Problem("conflict", f"asset {asset} is {row.state}: it can be marked when it is ready")
