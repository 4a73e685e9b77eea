"""CEA-608 captions that a film's picture carries, offered as texts: found when it arrives, or when somebody asks.

    PUT /vod/{title}/captions.json?language=en      nothing as the body -> 200 AssetReport

A film that has just arrived is looked at in some places, which costs a few ms. If captions are seen there, all its
pictures' heads are read: 2 hours take a second or two, while the film can be played already. What was found before is
found again under the same name.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import structlog
from aiohttp import web

from base.names import Name
from base.problems import Problem
from node.process import Context
from origin import text_files
from origin.asset import Asset
from origin.assets import Assets
from origin.texts import canonical, fields
from packager.index import StaleIndex
from packager.text.cea608 import decode
from packager.text.cues import tidy
from packager.text.plan import Sidecar
from packager.text.sei import carries, pairs

log = structlog.get_logger("captions")

_FORMAT = "CEA-608"
_UNKNOWN = "und"


class Captions:
    def __init__(self, ctx: Context, assets: Assets) -> None:
        self._ctx = ctx
        self._assets = assets
        self._reading = asyncio.Semaphore(1)  # it is work of this process: one film at a time

    async def arrived(self, title: str) -> Asset | None:
        """Look for captions in a film that was just added; the asset with them, None if there are none.

        That it fails is no reason to refuse the film: it is logged.
        """
        try:
            async with self._reading:
                return await asyncio.to_thread(self._extract, title, "", True)
        except (Problem, StaleIndex, OSError, ValueError) as fault:
            log.warning("captions.not_found", asset=title, why=str(fault))
            return None

    async def put(self, request: web.Request, name: Name) -> web.Response:
        """Raises Problem unknown if the picture carries none."""
        language = fields({"language": request.query.get("language", "")}).language
        try:
            async with self._reading:
                found = await asyncio.to_thread(self._extract, name.title, language, False)
        except StaleIndex as stale:
            await asyncio.to_thread(self._assets.forget, await asyncio.to_thread(self._assets.get, name.title), stale)
            raise Problem("busy", "the film's index was damaged and is made anew: try again") from stale
        except OSError as fault:
            log.error("text.not_stored", asset=name.title, fault=str(fault))
            raise Problem("busy", f"the origin cannot store the captions: {fault.strerror}") from fault
        if found is None:
            raise Problem("unknown", f"the picture of {name.title} carries no CEA-608 captions")
        return web.Response(body=msgspec.json.encode(found.report()), content_type="application/json")

    def _extract(self, title: str, language: str, quick: bool) -> Asset | None:
        asset = self._assets.get(title)
        track = next((t.track for t in asset.plan.tracks if t.track.format.kind == "video"), None)
        if track is None:
            return None
        media = asset.media_of(track.name)
        if quick and not carries(track, media):
            return None
        end = asset.plan.origin + asset.plan.duration - asset.plan.lead
        found = decode(*pairs(track, media), int(end * 1000))
        spoken = next((t.language for t in asset.tracks if t.kind == "audio"), _UNKNOWN)
        made = []
        for channel, raw in found.items():
            cues, notes = tidy(raw)
            first = channel in ("CC1", "CC2")
            made.append(
                Sidecar(
                    language=canonical(language or (spoken if first else _UNKNOWN)),
                    role="captions",
                    label="" if channel == "CC1" else channel,
                    forced=False,
                    default=False,
                    format=f"{_FORMAT} {channel}",
                    notes=notes,
                    cues=cues,
                )
            )
        if not made:
            return None
        log.info("captions.found", asset=title, channels=[text.format for text in made])
        return self._assets.change(title, lambda folder, opened: _store(folder, opened, made))


def _store(folder: Path, asset: Asset, made: list[Sidecar]) -> None:
    """Each under the name that it had when it was found before, else under the first that is free."""
    names = {plan.text.format: plan.name for plan in asset.texts if plan.text.format.startswith(_FORMAT)}
    taken = {plan.name for plan in asset.texts}
    for text in made:
        name = names.get(text.format) or next(f"s{n}" for n in range(1, 100) if f"s{n}" not in taken)
        if name not in taken and len(taken) >= text_files.MOST:
            raise Problem("conflict", f"an asset has at most {text_files.MOST} texts: remove one first")
        taken.add(name)
        text_files.store(folder, asset.plan, name, text)
