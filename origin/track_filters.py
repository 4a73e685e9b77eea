"""Filters of tracks over HTTP: which tracks of an asset viewers get.

    PUT    /vod/{title}/tracks.json    {"tracks": "audio:de"} -> 200, the filter as it holds
    GET    /vod/{title}/tracks.json    -> 200
    DELETE /vod/{title}/tracks.json    -> 204; the node's default holds again (setting origin.tracks)

An answer has `own` (false: the node's default), and names of tracks, those that are `kept` and those `left_out`. The
media's edition never changes by it.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import structlog
from aiohttp import web

from base import lifetimes
from base.content_types import CONTENT_TYPE
from base.names import Leaf, Name
from base.problems import Problem
from base.select import Term
from node.process import Context
from origin import bodies, refusals, track_filter
from origin.asset import Asset
from origin.assets import Assets

log = structlog.get_logger("tracks")


class TrackFiltersDoor:
    """Requests for the filters of assets."""

    def __init__(self, ctx: Context, assets: Assets) -> None:
        self._ctx = ctx
        self._assets = assets

    def get(self, asset: Asset) -> web.Response:
        return _answer(asset)

    async def put(self, request: web.Request, name: Name) -> web.Response:
        """Raises Problem malformed (it leaves nothing to play, too), too-large, unknown, busy."""
        most = track_filter.LARGEST
        body = await bodies.whole(request, most, f"a filter of tracks has at most {most} octets")
        changed = await self._change(name.title, track_filter.parse(body))
        log.info("tracks.filtered", asset=name.title, tracks=str(changed.filter))
        return _answer(changed)

    async def delete(self, name: Name) -> web.Response:
        """Raises Problem unknown if there is no such asset."""
        await self._change(name.title, None)
        log.info("tracks.filter_removed", asset=name.title)
        return web.Response(status=204)

    async def _change(self, title: str, terms: tuple[Term, ...] | None) -> Asset:
        def store(folder: Path, asset: Asset) -> None:
            if not track_filter.playable(track_filter.of(terms, self._assets.usual, asset.tracks), asset.tracks):
                which = "that" if terms is not None else "the node's filter (setting origin.tracks)"
                has = track_filter.listed(asset.tracks)
                raise Problem("malformed", f"tracks: {which} leaves nothing to play, the asset has {has}")
            track_filter.store(folder, terms)

        with refusals.counted(self._ctx, title, "the filter"):
            return await asyncio.to_thread(self._assets.change, title, store)


def _answer(asset: Asset) -> web.Response:
    names = [report.track for report in (*asset.tracks, *asset.text_reports)]
    left_out = asset.filter.left_out
    found = {
        "tracks": str(asset.filter),
        "own": asset.filter.own,
        "kept": [name for name in names if name not in left_out],
        "left_out": [name for name in names if name in left_out],
    }
    return web.Response(
        body=msgspec.json.encode(found),
        headers={"Content-Type": CONTENT_TYPE[Leaf.TRACK_FILTER], "Cache-Control": lifetimes.NO_STORE},
    )
