"""Subtitles of assets in the admin API: a file goes through to the origin, and the asset's report is written anew.

    POST   assets/{asset}/subtitles?language=&label=&kind=&forced=&default=   the file as the body -> 201, the asset
    DELETE assets/{asset}/subtitles/{track}                                   204
    POST   assets/{asset}/captions?language=                                  200, the asset

The origin keeps the text and is the one that knows: what the catalog holds of it is a copy of the origin's report.
"""

from __future__ import annotations

import structlog

from base.names import Kind, Leaf, Name, parse
from base.problems import Problem
from base.reports import AssetReport
from control.origin import Origin, Refused
from control.rows import Asset, AssetState
from control.store import Catalog

log = structlog.get_logger("subtitles")

LARGEST = 8 << 20  # octets; the origin has the same limit
FIELDS = ("language", "label", "kind", "forced", "default")
_LAST = 99


class Subtitles:
    def __init__(self, catalog: Catalog, origin: Origin) -> None:
        self._catalog = catalog
        self._origin = origin

    async def add(self, asset: str, body: bytes, offer: dict[str, str], request_id: str) -> tuple[str, Asset]:
        """The new track's name, and the asset.

        Raises Refused (the origin's 4xx), Problem unknown, conflict or upstream.
        """
        await self._ready(asset)
        tried: set[str] = set()
        while True:
            track = _free(await self._known(asset), tried)
            try:
                await self._origin.put_text(asset, track, body, offer, request_id)
                break
            except Refused as refused:
                # somebody else took the name meanwhile: the next one, else it was refused for another reason
                if refused.status != 409 or track not in _texts(await self._known(asset)):
                    raise
                tried.add(track)
        log.info("subtitles.added", asset=asset, track=track)
        return track, await self.refresh(asset)

    async def remove(self, asset: str, track: str) -> Asset:
        """Raises Problem unknown, upstream, late."""
        await self._ready(asset)
        path = Name(kind=Kind.VOD, title=asset, leaf=Leaf.SIDECAR, track=track).path
        if parse(path) is None or track not in _texts(await self._known(asset)):
            raise Problem("unknown", f"asset {asset} has no subtitles {track}")
        await self._origin.delete_text(asset, track)
        log.info("subtitles.removed", asset=asset, track=track)
        return await self.refresh(asset)

    async def extract(self, asset: str, language: str) -> Asset:
        """Captions in the picture as texts. Raises Refused (there are none), Problem unknown, conflict, upstream."""
        await self._ready(asset)
        await self._origin.find_captions(asset, language)
        return await self.refresh(asset)

    async def refresh(self, asset: str) -> Asset:
        """Write what the origin reports into the catalog, whoever else does the same at this moment."""
        while True:
            row = await self._ready(asset)
            report = await self._known(asset)
            try:
                return await self._catalog.asset_is(asset, AssetState.READY, report=report, revs=frozenset({row.rev}))
            except Problem as problem:
                if problem.kind.name != "precondition":
                    raise

    async def _ready(self, asset: str) -> Asset:
        row = await self._catalog.asset(asset)
        if row.state is not AssetState.READY:
            raise Problem("conflict", f"asset {asset} is {row.state}: subtitles can be added when it is ready")
        return row

    async def _known(self, asset: str) -> AssetReport:
        report = await self._origin.asset(asset)
        if report is None:
            raise Problem("unknown", f"the origin has no asset {asset}")
        return report


def _texts(report: AssetReport) -> set[str]:
    return {track.track for track in report.tracks if track.kind == "text"}


def _free(report: AssetReport, tried: set[str]) -> str:
    taken = _texts(report) | tried
    for number in range(1, _LAST + 1):
        if f"s{number}" not in taken:
            return f"s{number}"
    raise Problem("conflict", f"asset {report.asset} has too many subtitles: remove one first")
