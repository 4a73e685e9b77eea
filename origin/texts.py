"""Subtitles and captions of assets over HTTP: a file comes in by PUT, segments and playlists go out by GET.

    PUT    /vod/{title}/text/s1?language=de&label=&kind=subtitles|captions&forced=1&default=1   the file -> 201, 200
    DELETE /vod/{title}/text/s1                                                                        -> 204

PUT answers with the AssetReport. `If-None-Match: *` (RFC 9110 13.1.2) refuses to replace what is there. The media's
edition never changes by it: a text has an edition of its own.
"""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import structlog
from aiohttp import web

from base.names import Leaf, Name
from base.problems import Problem
from node.process import Context
from origin import bodies, refusals, text_files
from origin.asset import Asset
from origin.assets import Assets
from packager import languages
from packager.text import hls
from packager.text.cues import Text
from packager.text.plan import Sidecar, TextPlan
from packager.text.reading import LARGEST, read
from packager.text.tracks import (
    WEBVTT,
    WEBVTT_TS,
    fmp4_segment,
    generations,
    inits,
    is_name,
    split,
    webvtt_segment,
)

log = structlog.get_logger("texts")

ROLES = ("subtitles", "captions")
# What a manifest lists, by the setting origin.dash_text: docs/decisions/0011-subtitles-in-dash.md
FORMS: dict[str, tuple[str, ...]] = {"wvtt": ("wvtt",), "stpp": ("stpp",), "both": ("wvtt", "stpp")}
_LONGEST_LABEL = 100
# RFC 5646 2.1, without its irregular tags: a language, then subtags of at most eight letters and digits.
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,6}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """How a text is offered to viewers. `language`: empty if the text is to say it."""

    language: str = ""
    role: str = "subtitles"
    label: str = ""
    forced: bool = False
    default: bool = False


class Texts:
    """Requests for sidecars of assets."""

    def __init__(self, ctx: Context, assets: Assets) -> None:
        self._ctx = ctx
        self._assets = assets
        self._reading = asyncio.Semaphore(1)  # reading is work of this process: one file at a time

    async def put(self, request: web.Request, name: Name) -> web.Response:
        """Raises Problem: malformed, unknown, conflict, too-large; unplayable with the line that cannot be read."""
        if not is_name(name.track):
            raise Problem("malformed", "texts are called s1, s2 ... s99")
        offered = fields(request.query)
        alone = request.headers.get("If-None-Match", "").strip() == "*"
        asset = await asyncio.to_thread(self._assets.get, name.title)
        _refuse(asset, name.track, alone)
        body = await bodies.whole(request, LARGEST, f"a file of subtitles has at most {LARGEST >> 20} MB")
        with refusals.counted(self._ctx, name.title, "the text"):
            async with self._reading:
                text = await asyncio.to_thread(read, body)
            made = sidecar(text, offered)
            there = any(plan.name == name.track for plan in asset.texts)
            changed = await asyncio.to_thread(self._store, name, made, alone)
        log.info("text.stored", asset=name.title, track=name.track, format=text.format, cues=len(text.cues))
        return web.Response(
            status=200 if there else 201,
            body=msgspec.json.encode(changed.report()),
            content_type="application/json",
        )

    async def delete(self, name: Name) -> web.Response:
        """Raises Problem unknown."""

        def drop(folder: Path, _: Asset) -> None:
            text_files.drop(folder, name.track)

        await asyncio.to_thread(self._assets.change, name.title, drop)
        log.info("text.removed", asset=name.title, track=name.track)
        return web.Response(status=204)

    def _store(self, name: Name, made: Sidecar, alone: bool) -> Asset:
        def store(folder: Path, asset: Asset) -> None:
            _refuse(asset, name.track, alone)
            text_files.store(folder, asset.plan, name.track, made)

        return self._assets.change(name.title, store)


def _refuse(asset: Asset, track: str, alone: bool) -> None:
    taken = any(plan.name == track for plan in asset.texts)
    if taken and alone:
        raise Problem("conflict", f"asset {asset.asset} has a text {track} already")
    if not taken and len(asset.texts) >= text_files.MOST:
        raise Problem("conflict", f"an asset has at most {text_files.MOST} texts: remove one first")


def find(name: Name, asset: Asset) -> TextPlan | None:
    """The text below whose edition a name lies."""
    track, _ = split(name.track)
    return next((plan for plan in asset.texts if (plan.edition, plan.name) == (name.edition, track)), None)


def octets(name: Name, plan: TextPlan, target_duration: int) -> tuple[bytes, str]:
    """What a name below a text's edition stands for, and its entity tag. Raises Problem unknown."""
    _, form = split(name.track)
    tag = f"{name.edition}-{name.track}-{name.number}"
    match name.leaf:
        case Leaf.MEDIA_PLAYLIST if form == WEBVTT:
            return hls.media_playlist(plan, target_duration).encode(), f"{tag}-m3u8"
        case Leaf.MEDIA_PLAYLIST_TS if form == WEBVTT_TS:
            return hls.media_playlist(plan, target_duration).encode(), f"{tag}-m3u8"
        case Leaf.TEXT_SEGMENT if form in (WEBVTT, WEBVTT_TS) and name.number < plan.count:
            return webvtt_segment(plan, name.number, form), tag
        case Leaf.INIT if generations(plan).get(name.track) == name.generation:
            return inits(plan)[name.track], name.generation
        case Leaf.SEGMENT if form not in (WEBVTT, WEBVTT_TS) and name.number < plan.count:
            return fmp4_segment(plan, name.number, form), tag
        case _:
            raise Problem("unknown", "the text has no such object", cache_control="public, max-age=2")


def fields(given: Mapping[str, str]) -> Offer:
    """How a text is offered, from a request's query. Raises Problem malformed that names the field."""
    language = given.get("language", "")
    if language and not _LANGUAGE.fullmatch(language):
        raise Problem("malformed", "language: give a tag of BCP 47 such as de, en-GB or zh-Hant", field="language")
    role = given.get("kind", "subtitles")
    if role not in ROLES:
        raise Problem("malformed", f"kind: give {' or '.join(ROLES)}", field="kind")
    label = " ".join(unicodedata.normalize("NFC", given.get("label", "")).split())
    if len(label) > _LONGEST_LABEL or any(unicodedata.category(c) in ("Cc", "Cs") for c in label):
        raise Problem("malformed", f"label: give at most {_LONGEST_LABEL} printable characters", field="label")
    flags: dict[str, bool] = {}
    for name in ("forced", "default"):
        if given.get(name, "0") not in ("0", "1"):
            raise Problem("malformed", f"{name}: give 0 or 1", field=name)
        flags[name] = given.get(name) == "1"
    if flags["forced"] and role == "captions":
        raise Problem("malformed", "forced: captions are whole, only subtitles can be forced", field="forced")
    return Offer(language=language, role=role, label=label, forced=flags["forced"], default=flags["default"])


def sidecar(text: Text, offer: Offer) -> Sidecar:
    """Without a language that of the text itself. Raises Problem malformed if neither is there."""
    spoken = offer.language or (text.language if _LANGUAGE.fullmatch(text.language) else "")
    if not spoken:
        raise Problem("malformed", "language: give it, such as de: the file does not say it", field="language")
    return Sidecar(
        language=canonical(spoken), role=offer.role, label=offer.label, forced=offer.forced, default=offer.default,
        format=text.format, notes=text.notes, cues=text.cues,
    )  # fmt: skip


def canonical(language: str) -> str:
    """Letters as RFC 5646 2.1.1 has them, and the shortest code (2.2.1): zh-Hant-TW, de for deu."""
    first, *rest = language.split("-")
    shaped = [part.title() if len(part) == 4 else part.upper() if len(part) == 2 else part.lower() for part in rest]
    return "-".join([languages.tag(first.lower()), *shaped])
