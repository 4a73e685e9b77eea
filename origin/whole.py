"""Objects as long as a film: track files and downloads. Computed, sent by ranges, never whole in memory.

Before the first octet there is a layout to make, once: of a track file some octets a segment, of a download its `moov`
(4 to 20 octets a sample, and five times that while it is made). The last ones used stay at hand, up to MOST_OCTETS.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from aiohttp import web

from base import lifetimes
from base.conditions import shape
from base.content_types import CONTENT_TYPE
from base.names import Leaf, Name
from origin import views
from origin.asset import Asset
from origin.pages import Pages
from packager.layout import Run
from packager.progressive import Progressive, progressive
from packager.track_file import TrackFile, track_file

Whole = TrackFile | Progressive

# Each keeps its asset open, whose file is mapped.
MOST_OCTETS, _MOST_KEPT = 128 << 20, 256
# Part of every ETag: to be raised when other octets are made of the same asset.
LAYOUT = 1
_JOINED = 128 << 10
_VECTOR = 512  # ranges a write; IOV_MAX is 1024


class Wholes:
    """Layouts by name, the least recently used one leaves first."""

    def __init__(self, most_octets: int = MOST_OCTETS) -> None:
        self._most = most_octets
        self._kept: OrderedDict[tuple[str, str], tuple[Asset, Whole]] = OrderedDict()
        self._octets = 0
        self._making = asyncio.Lock()  # one at a time: it takes 0.15 s and 85 MB for a film of ten hours

    async def answer(self, request: web.Request, name: Name, asset: Asset, now_ms: int) -> web.StreamResponse:
        """GET or HEAD, conditions and ranges as RFC 9110 has them. Raises Problem unknown."""
        whole = await self.find(name, asset)
        headers = {
            "Content-Type": CONTENT_TYPE[name.leaf],
            "Cache-Control": lifetimes.IMMUTABLE,
            "Accept-Ranges": "bytes",
            "ETag": f'"{name.edition}-{name.track or "-".join(name.tracks)}-{name.leaf.name.lower()}-{LAYOUT}"',
        }
        if name.leaf is Leaf.DOWNLOAD:
            headers["Content-Disposition"] = f'attachment; filename="{name.title}-{"-".join(name.tracks)}.mp4"'
        form = shape(
            request.headers,
            status=200,
            etag=headers["ETag"],
            last_modified="",
            date="",
            length=whole.length,
            now_ms=now_ms,
            get=request.method == "GET",
        )
        assert form is not None
        if form.content_range:
            headers["Content-Range"] = form.content_range
        if form.status in (304, 416):
            del headers["Content-Type"]
        response = web.StreamResponse(status=form.status, headers=headers)
        stop = whole.length if form.stop < 0 else form.stop
        if form.status != 304:
            response.content_length = stop - form.start
        await response.prepare(request)
        if request.method == "GET" and form.status in (200, 206):
            for piece in whole.pieces(form.start, stop):
                if isinstance(piece, Run):
                    await _send(request, response, piece, asset.media_of(piece.track))
                else:
                    await response.write(piece)
        await response.write_eof()
        return response

    async def find(self, name: Name, asset: Asset) -> Whole:
        """The layout of a name, made if it is not at hand. Raises Problem unknown."""
        key = name.title, name.relative
        if (found := self._at_hand(key, asset)) is not None:
            return found
        async with self._making:
            if (found := self._at_hand(key, asset)) is not None:
                return found
            made = await asyncio.to_thread(layout, name, asset)
        self._drop(key)
        self._kept[key] = asset, made
        self._octets += made.cost
        while len(self._kept) > 1 and (self._octets > self._most or len(self._kept) > _MOST_KEPT):
            self._drop(next(iter(self._kept)))
        return made

    def _at_hand(self, key: tuple[str, str], asset: Asset) -> Whole | None:
        found = self._kept.get(key)
        if found is None or found[0] is not asset:  # removed, and added anew under the same name
            return None
        self._kept.move_to_end(key)
        return found[1]

    def _drop(self, key: tuple[str, str]) -> None:
        gone = self._kept.pop(key, None)
        if gone is not None:
            self._octets -= gone[1].cost


def layout(name: Name, asset: Asset) -> Whole:
    """What a name's octets are. Raises Problem unknown."""
    if name.leaf is Leaf.TRACK_FILE:
        track = asset.plan.track(name.track)
        if track is None:
            raise views.unknown(f"the asset has no track {name.track}")
        return track_file(track, asset.inits[name.track])
    known = [track.track.name for track in asset.plan.tracks]
    if missing := [track for track in name.tracks if track not in known]:
        raise views.unknown(f"the asset has no track {missing[0]}: it has {', '.join(known)}")
    usual = [track for track in known if track in name.tracks]
    if list(name.tracks) != usual:  # one object, one name
        raise views.unknown(f"name each track once, in this order: download-{'-'.join(usual)}.mp4")
    return progressive([track for track in asset.plan.tracks if track.track.name in name.tracks])


async def _send(request: web.Request, response: web.StreamResponse, run: Run, media: memoryview) -> None:
    """Ranges of the mapped file at the reader's pace, nothing copied but what is small."""
    pages = Pages(media)
    if not pages.resident(run.ranges):
        await asyncio.to_thread(pages.bring_in, run.ranges)
    found = [media[at : at + size] for at, size in run.ranges]
    if sum(map(len, found)) <= _JOINED:
        await response.write(b"".join(found))
        return
    await response.write(found[0])  # with the fields before it
    for begin in range(1, len(found), _VECTOR):
        transport = request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the reader is gone")
        transport.writelines(found[begin : begin + _VECTOR])
        await request.writer.drain()
