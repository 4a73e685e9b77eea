"""Marks of an asset over HTTP and on disk: `marks.json` in the asset's folder, written whole or not at all.

    PUT    /vod/{title}/marks.json    a list of marks (packager.marks) -> 200, the marks as they are kept
    GET    /vod/{title}/marks.json    -> 200; [] where there are none
    DELETE /vod/{title}/marks.json    -> 204

A PUT replaces all of them. The media's edition never changes by it.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import structlog
from aiohttp import web

from base import lifetimes
from base.content_types import CONTENT_TYPE
from base.names import Leaf, Name
from node.process import Context
from origin import bodies, mark_files, refusals
from origin.asset import Asset
from origin.assets import Assets
from packager import marks
from packager.marks import Marks

log = structlog.get_logger("marks")


class MarksDoor:
    """Requests for the marks of assets."""

    def __init__(self, ctx: Context, assets: Assets) -> None:
        self._ctx = ctx
        self._assets = assets

    def get(self, asset: Asset) -> web.Response:
        return _answer(asset.marks)

    async def put(self, request: web.Request, name: Name) -> web.Response:
        """Raises Problem malformed with the place in the JSON, too-large, unknown, busy."""
        body = await bodies.whole(request, marks.LARGEST, f"marks have at most {marks.LARGEST >> 10} KiB")
        changed = await self._change(name.title, body)
        log.info("marks.stored", asset=name.title, marks=len(changed.marks.marks))
        return _answer(changed.marks)

    async def delete(self, name: Name) -> web.Response:
        """Raises Problem unknown if there is no such asset."""
        await self._change(name.title, None)
        log.info("marks.removed", asset=name.title)
        return web.Response(status=204)

    async def _change(self, title: str, body: bytes | None) -> Asset:
        def store(folder: Path, asset: Asset) -> None:
            mark_files.store(folder, Marks() if body is None else marks.parse(body, asset.plan.duration))

        with refusals.counted(self._ctx, title, "the marks"):
            return await asyncio.to_thread(self._assets.change, title, store)


def _answer(found: Marks) -> web.Response:
    return web.Response(
        body=found.to_bytes(),
        headers={"Content-Type": CONTENT_TYPE[Leaf.MARKS], "Cache-Control": lifetimes.NO_STORE},
    )
