"""Assets on their way in and out: a file goes through to the origin, and the catalog learns how it went.

An asset's row is written before the first byte goes to the origin, and what came of it is written when the origin has
answered. Whatever dies in between leaves a row in `adding` or `removing`; the origin knows the truth, and `keep`
asks it, at start and whenever something was left, until every such row is settled:

    row        origin says     then
    adding     200 report      ready
    adding     404             the row goes
    adding     422             failed, with the origin's reason
    removing   204, 404        the row goes
    either     nothing         ask again later
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import structlog

from base.names import Kind
from base.problems import Problem
from base.reports import AssetReport
from control.bodies import names_for
from control.delivery import USUAL, Delivery, Wish
from control.incoming import Described, Incoming
from control.origin import Origin, Refused
from control.rows import Asset, AssetState, Revs
from control.store import Catalog

log = structlog.get_logger("uploads")

_LONGEST_PAUSE = 30.0


class Uploads:
    def __init__(self, catalog: Catalog, origin: Origin, delivery: Delivery) -> None:
        self._catalog = catalog
        self._origin = origin
        self._delivery = delivery
        self._busy: set[str] = set()  # assets that a request of this process is about to settle itself
        self._left = asyncio.Event()

    async def add(
        self,
        wanted: str,
        title: str,
        body: AsyncIterator[bytes],
        files: Sequence[Described],
        request_id: str,
        wish: Wish = USUAL,
    ) -> Asset:
        """Stream files to the origin; the asset when it is ready.

        Raises Refused (the origin's 4xx; nothing changed), Problem upstream (settled later), and what `body` raises.
        """
        return await self.made(
            wanted, title, lambda asset: self._delivery.deliver(asset, files, Incoming(body), request_id, wish)
        )

    async def made(self, wanted: str, title: str, make: Callable[[str], Awaitable[AssetReport]]) -> Asset:
        """The asset that `make` brings to the origin under the name that it is given. Raises as `add`."""
        row = await self._reserve(wanted, title)
        settled = False
        try:
            report = await make(row.asset)
            row = await self._catalog.asset_is(row.asset, AssetState.READY, report=report)
            settled = True
            log.info("asset.ready", asset=row.asset, bytes=row.bytes)
            return row
        except Refused as refused:
            await self._catalog.drop_asset(row.asset)
            settled = True
            log.info("asset.refused", asset=row.asset, status=refused.status)
            raise
        finally:
            self._busy.discard(row.asset)
            if not settled:
                self._left.set()

    async def remove(self, name: str, revs: Revs = None) -> bool:
        """True if it is gone everywhere, False if the origin has yet to hear of it. Raises as Catalog.asset_is."""
        row = await self._catalog.asset(name)
        if name in self._busy:
            raise Problem("conflict", f"asset {name} is still being added: end that upload first")
        row = await self._catalog.asset_is(name, AssetState.REMOVING, revs=revs)
        gone = await self._settle(row)
        if not gone:
            self._left.set()
        return gone

    async def keep(self) -> None:
        """Settle what was left, now and for ever."""
        pause = 1.0
        while True:
            self._left.clear()
            try:
                left = await self.settle_all()
            except Exception:  # a full disk, say: the rows stay, and so does this loop
                log.exception("uploads.keep")
                left = 1
            pause = min(_LONGEST_PAUSE, pause * 2) if left else 1.0
            try:
                async with asyncio.timeout(pause if left else None):
                    await self._left.wait()
            except TimeoutError:
                pass

    async def settle_all(self) -> int:
        """How many rows are still open."""
        rows = await self._catalog.assets_in(AssetState.ADDING, AssetState.REMOVING)
        open_rows = [row for row in rows if row.asset not in self._busy]
        return sum([not await self._settle(row) for row in open_rows])

    async def _reserve(self, wanted: str, title: str) -> Asset:
        """A row for the first name that neither catalog nor origin knows: the origin may hold what a lost catalog
        forgot, and that would be found out only after the whole file was sent."""
        for name in names_for(wanted):
            if await self._catalog.has_asset(name) or await self._occupied(name) or name in self._busy:
                continue
            self._busy.add(name)  # no await since it was looked up: two uploads cannot both get here
            try:
                return await self._catalog.add_asset(name, title)
            except Problem as problem:
                self._busy.discard(name)
                if problem.kind.name != "conflict":
                    raise
            except BaseException:
                self._busy.discard(name)
                raise
        raise AssertionError("names_for ends never")

    async def _occupied(self, name: str) -> bool:
        try:
            return await self._origin.asset(name) is not None
        except Problem as problem:
            if problem.kind.name == "unplayable":
                return True
            raise

    async def _settle(self, row: Asset) -> bool:
        try:
            if row.state is AssetState.REMOVING:
                await self._origin.delete(Kind.VOD, row.asset)
                await self._catalog.drop_asset(row.asset)
            elif (report := await self._origin.asset(row.asset)) is None:
                await self._catalog.drop_asset(row.asset)
            else:
                await self._catalog.asset_is(row.asset, AssetState.READY, report=report)
        except Problem as problem:
            if problem.kind.name == "unplayable" and row.state is AssetState.ADDING:
                await self._catalog.asset_is(row.asset, AssetState.FAILED, reason=problem.detail)
            elif problem.kind.name != "unknown":
                return False
        log.info("asset.settled", asset=row.asset, was=str(row.state))
        return True
