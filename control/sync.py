"""The nodes' door: what a node should run, held until there is news. On the node socket only, not on any port.

GET /sync/v1/desired?have=SEQ   -> 200 Desired as soon as its sequence is higher, 304 after 25 s
"""

from __future__ import annotations

from pathlib import Path

import msgspec
from aiohttp import web

from base.desired import DESIRED_PATH
from base.problems import Problem
from control.desired import plan
from control.store import Catalog

HOLD_S = 25.0


class Sync:
    def __init__(self, catalog: Catalog, door: Path, hold_s: float = HOLD_S) -> None:
        self._catalog = catalog
        self._door = str(door)
        self._hold_s = hold_s

    def add_to(self, app: web.Application) -> None:
        app.router.add_get(DESIRED_PATH, self.desired)

    async def desired(self, request: web.Request) -> web.Response:
        # Key hashes and editions are for nodes: whoever did not come through the nodes' socket finds nothing here.
        if request.transport is None or request.transport.get_extra_info("sockname") != self._door:
            raise Problem("unknown", "there is nothing by this name")
        text = request.query.get("have", "-1")
        if not text.removeprefix("-").isdecimal() or len(text) > 18:
            raise Problem("malformed", "have: give the sequence that you run", field="have")
        no_store = {"Cache-Control": "no-store"}
        if not await self._catalog.changes.above(int(text), self._hold_s):
            return web.Response(status=304, headers=no_store)
        body = msgspec.json.encode(plan(*await self._catalog.desired()))
        return web.Response(body=body, content_type="application/json", headers=no_store)
