"""On demand over HTTP: a mezzanine comes in by PUT, everything else is computed per GET."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace

import msgspec
import structlog
from aiohttp import web

from base import lifetimes, select
from base.content_types import CONTENT_TYPE
from base.names import PICTURES, Leaf, Name
from base.problems import Problem
from node.process import Context
from origin import selection, texts, views
from origin.arrivals import Arrivals
from origin.asset import Asset
from origin.assets import Assets
from origin.captions import Captions
from origin.lane import Lane
from origin.licence import key_answer
from origin.marks import MarksDoor
from origin.offered_pictures import OfferedPictures
from origin.pictures import Pictures, owner
from origin.printed import Printed, Shelf
from origin.protected import Protector
from origin.streams import Streams
from origin.track_filters import TrackFiltersDoor
from origin.whole import Wholes
from packager import iframes, ts
from packager.index import StaleIndex
from packager.methods import Method
from packager.plan import TrackPlan
from packager.segment import Body, segment
from packager.text.tracks import split

log = structlog.get_logger("vod")

_JOINED = 128 << 10
_VECTOR = 512  # ranges a write; IOV_MAX is 1024


class Vod:
    """Requests for names of kind `vod`."""

    def __init__(self, ctx: Context, assets: Assets, protector: Protector | None, pictures: OfferedPictures) -> None:
        """Without a protector, and where pictures are offered but not made here: for clear media alone."""
        self._ctx = ctx
        self._assets = assets
        self._protector = protector
        self._pictures = pictures
        self._shelf = Shelf()
        self.lane = Lane(assets, self._shelf, ctx.clock, ctx.metrics)
        self._wholes = Wholes()
        self._streams = Streams()
        self.arrivals = Arrivals(ctx, assets)
        self._texts = texts.Texts(ctx, assets)
        self._captions = Captions(ctx, assets)
        self._marks = MarksDoor(ctx, assets)
        self._filters = TrackFiltersDoor(ctx, assets)

    async def get(self, request: web.Request, name: Name) -> web.StreamResponse:
        if name.leaf is Leaf.STATUS and name.title in self.arrivals.adding:
            raise Problem("early", f"asset {name.title} is being added")
        asset = await self._open(name.title)
        if name.leaf is Leaf.STATUS:
            return web.Response(body=msgspec.json.encode(asset.report()), content_type="application/json")
        if name.leaf is Leaf.MARKS:
            return self._marks.get(asset)
        if name.leaf is Leaf.TRACK_FILTER:
            return self._filters.get(asset)
        for track in (name.track, *name.tracks):
            if (split(track)[0] or track) in asset.filter.left_out:
                raise views.unknown(f"the asset has no track {track}")
        if (text := texts.find(name, asset)) is not None:  # below an edition of its own, and clear whatever the prefix
            body, tag = await asyncio.to_thread(texts.octets, name, text, asset.plan.target_duration)
            chosen = select.parse(name.leaf, request.query_string, signed=True)
            if chosen.clips or chosen.marks:
                return _text(name, selection.text_playlist(body, text, asset, chosen), chosen, asset)
            return _whole(name, body, tag)
        if name.leaf is Leaf.POSTER:
            name = replace(name, track=self._made_here().poster_track(asset))
        asset = await self._checked(name, asset)
        if name.protection:
            asset = await self._protected(name, asset)
        if name.edition and name.edition != asset.plan.edition:
            raise Problem("gone", "the asset was planned anew: read its playlist again", cache_control="no-store")
        if name.leaf in PICTURES:
            return await self._made_here().of_asset(name, asset)
        match name.leaf:
            case Leaf.KEY:
                assert asset.protection is not None
                return key_answer(self._ctx, asset.protection, name.kid)
            case Leaf.INIT:
                return self._init(name, asset)
            case Leaf.SEGMENT if asset.protection:
                return await self._protected_segment(request, name, asset)
            case Leaf.SEGMENT | Leaf.IFRAME_SEGMENT:
                return await self._segment(request, name, asset)
            case Leaf.TS_SEGMENT:
                return await self._ts_segment(name, asset)
            case Leaf.TRACK_FILE | Leaf.DOWNLOAD:
                return await self._wholes.answer(request, name, asset, self._ctx.clock.now_ms())
            case _:
                return await self._printed(request, name, asset)

    async def put(self, request: web.Request, name: Name) -> web.Response:
        """Receive an asset, or one of its files, or a text of it."""
        if name.leaf is Leaf.SIDECAR:
            return await self._texts.put(request, name)
        if name.leaf is Leaf.CAPTIONS:
            return await self._captions.put(request, name)
        if name.leaf is Leaf.MARKS:
            return await self._marks.put(request, name)
        if name.leaf is Leaf.TRACK_FILTER:
            return await self._filters.put(request, name)
        answer = await self.arrivals.put(request, name)
        if name.leaf is not Leaf.UPLOAD_FILE and (found := await self._captions.arrived(name.title)) is not None:
            report = msgspec.json.encode(found.report())
            answer = web.Response(status=answer.status, body=report, content_type="application/json")
        self._ctx.metrics.gauge("origin_assets").set(len(self._assets))
        return answer

    async def delete(self, name: Name) -> web.Response:
        if name.leaf is Leaf.UPLOAD:
            await self.arrivals.drop(name)
            return web.Response(status=204)
        if name.leaf is Leaf.SIDECAR:
            return await self._texts.delete(name)
        if name.leaf is Leaf.MARKS:
            return await self._marks.delete(name)
        if name.leaf is Leaf.TRACK_FILTER:
            return await self._filters.delete(name)
        if name.leaf is not Leaf.STATUS:
            raise Problem("method", "an asset is removed as a whole: DELETE its status.json", allow="GET, HEAD")
        await asyncio.to_thread(self._assets.remove, name.title)
        await asyncio.to_thread(self._keyed().forget, name.title)
        await self._made_here().orders.forget(owner(name))
        return web.Response(status=204)

    def _made_here(self) -> Pictures:
        assert isinstance(self._pictures, Pictures), "pictures are another worker's"
        return self._pictures

    def _keyed(self) -> Protector:
        assert self._protector is not None, "keys are another worker's"
        return self._protector

    async def _open(self, title: str) -> Asset:
        asset = self._assets.at_hand(title)
        if asset is None:
            asset = await asyncio.to_thread(self._assets.get, title)
        self._ctx.metrics.gauge("origin_assets").set(len(self._assets))
        return asset

    async def _checked(self, name: Name, asset: Asset) -> Asset:
        """The tables of a track are looked at when a name first needs them; if they are damaged, they are made anew."""
        for track in (name.track, *name.tracks):
            if track in asset.unchecked:
                try:
                    await asyncio.to_thread(asset.check, track)
                except StaleIndex as stale:
                    await asyncio.to_thread(self._assets.forget, asset, stale)
                    return await asyncio.to_thread(self._assets.get, name.title)
        return asset

    async def _printed(self, request: web.Request, name: Name, asset: Asset) -> web.Response:
        """A playlist or manifest, as it was printed before if it was."""
        chosen = select.parse(name.leaf, request.query_string, signed=True)
        key = f"{name.path}?{chosen.query}" if chosen.query else name.path
        held = self._assets.at_hand(name.title)
        found = self._shelf.find(key, held)
        if found is None:
            forms = texts.FORMS[self._ctx.settings.text("origin.dash_text")]
            sheets = self._pictures.sheets(name, asset)
            body = (await asyncio.to_thread(selection.text, name, asset, chosen, forms, sheets)).encode()
            found = Printed(asset=held or asset, body=body, fields=_text_fields(name, body, chosen, asset))
            if held is not None and self._assets.at_hand(name.title) is held:
                self._shelf.keep(key, found)
        return web.Response(body=found.body, headers=found.fields)

    def _init(self, name: Name, asset: Asset) -> web.Response:
        init = asset.inits.get(name.track)
        if init is None or asset.generations[name.track] != name.generation:
            raise views.unknown("there is no such init segment")
        return _whole(name, init, asset.generations[name.track])

    async def _segment(self, request: web.Request, name: Name, asset: Asset) -> web.StreamResponse:
        track = _segment_track(name, asset)
        if name.leaf is Leaf.SEGMENT:
            body = segment(track, name.number)
        elif track.track.format.kind == "video":
            body = iframes.picture(track, name.number)
        else:
            raise views.unknown("only video has I-frames")
        pages = self.lane.learn(name, asset)
        if not pages.resident(body.ranges):
            await asyncio.to_thread(pages.bring_in, body.ranges)
        response = web.StreamResponse(headers=_headers(name, f"{name.edition}-{name.track}-{name.file}"))
        response.content_length = body.length
        await response.prepare(request)
        if request.method != "HEAD":
            await send(request, response, body, asset.media_of(name.track))
        await response.write_eof()
        return response

    async def _protected(self, name: Name, asset: Asset) -> Asset:
        """The view of the asset under the name's method."""
        try:
            return await asyncio.to_thread(self._keyed().view, asset, Method(name.protection))
        except OSError as fault:
            log.error("keys.not_stored", asset=name.title, fault=str(fault))
            raise Problem("busy", f"the origin cannot store keys: {fault.strerror}") from fault

    async def _protected_segment(self, request: web.Request, name: Name, asset: Asset) -> web.StreamResponse:
        _segment_track(name, asset)
        made = await asyncio.to_thread(self._keyed().segment, asset, name.track, name.number)
        response = web.StreamResponse(headers=_headers(name, f"{name.edition}-{name.track}-{name.number}"))
        response.content_length = made.length
        await response.prepare(request)
        if request.method != "HEAD":
            if made.head:
                await response.write(made.head)
            await response.write(made.media)
        await response.write_eof()
        return response

    async def _ts_segment(self, name: Name, asset: Asset) -> web.Response:
        track = _segment_track(name, asset)

        def make() -> bytearray | memoryview:
            stream = self._streams.of(name, asset)
            if asset.protection:
                return self._keyed().ts_segment(asset, stream, name.track, name.number)
            return ts.segment(stream, track, name.number, asset.media_of(name.track))

        return _whole(name, await asyncio.to_thread(make), f"{name.edition}-{name.track}-{name.number}-ts")


async def send(request: web.Request, response: web.StreamResponse, body: Body, media: memoryview) -> None:
    """Head, then the ranges of the mapped file as they lie, in one vectored write: no sample is touched here.

    What is small is joined instead: a copy of some kilobytes costs less than a vector of two hundred.
    """
    if body.length <= _JOINED:
        await response.write(b"".join((body.head, *(media[at : at + size] for at, size in body.ranges))))
        return
    await response.write(body.head)  # with the fields before it
    transport = request.transport
    for begin in range(0, len(body.ranges), _VECTOR):
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the reader is gone")
        transport.writelines([media[at : at + size] for at, size in body.ranges[begin : begin + _VECTOR]])
        await request.writer.drain()


def _segment_track(name: Name, asset: Asset) -> TrackPlan:
    """The track whose segment a name stands for. Raises Problem unknown if it has nothing there."""
    track = asset.plan.track(name.track)
    if track is None or name.number >= asset.plan.count or track.first[name.number + 1] == track.first[name.number]:
        raise views.unknown("there is no such segment")
    return track


def _headers(name: Name, tag: str) -> dict[str, str]:
    return {
        "Content-Type": CONTENT_TYPE[name.leaf],
        "Cache-Control": lifetimes.IMMUTABLE,
        "ETag": f'"{tag}"',
    }


def _whole(name: Name, body: bytes | bytearray | memoryview, tag: str) -> web.Response:
    return web.Response(body=body, headers=_headers(name, tag))


def _text(name: Name, text: str, chosen: select.Selection, asset: Asset) -> web.Response:
    body = text.encode()
    return web.Response(body=body, headers=_text_fields(name, body, chosen, asset))


def _text_fields(name: Name, body: bytes, chosen: select.Selection, asset: Asset) -> dict[str, str]:
    fields = _headers(name, hashlib.sha256(body).hexdigest()[:16])
    # below an edition a playlist never changes either, but for marks: then it is asked for by theirs, and whoever
    # comes with that of other marks gets these for a short time; the top names change when the asset is planned anew
    if not name.edition or chosen.marks not in ("", asset.marks.edition):
        fields["Cache-Control"] = lifetimes.VOD_MANIFEST
    return fields
