"""Pictures over HTTP: which one a name stands for, what has to be decoded for it, and the lists that name them.

A picture is that of a keyframe, so all times between two keyframes share one decode: what is kept is kept under the
keyframe. Widths and layouts are those of the settings and no others, so a viewer cannot have a film decoded in sizes
without end.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from fractions import Fraction
from pathlib import Path

from aiohttp import web

from base import lifetimes, pictures
from base.content_types import CONTENT_TYPE
from base.media import Format
from base.names import Leaf, Name
from base.pictures import Layout, PictureOrder, Tiles, bundle
from base.problems import Problem
from node.process import Context
from origin.asset import Asset
from origin.channel import Channel
from origin.offered_pictures import OfferedPictures, best, unknown
from origin.picture_orders import PictureOrders
from origin.track import Track, read_part
from packager import stills, thumbnails, waveform
from packager.init import init_segment
from packager.live import LiveSegment, LiveTrack, LiveWindow
from packager.plan import TrackPlan
from packager.thumbnails import Run, Sheets

Hold = Callable[[Callable[[], bool]], Awaitable[bool]]

# A poster is tried at these shares of a film. A picture of less than this many octets a pixel is about one colour.
_POSTER_AT = (Fraction(1, 10), Fraction(1, 4), Fraction(1, 2))
_POSTER_WIDTH = 640
_PLAIN = 0.022


class Pictures(OfferedPictures):
    """All names of `names.PICTURES`."""

    def __init__(self, ctx: Context, folder: Path) -> None:
        super().__init__(ctx.settings)
        self.orders = PictureOrders(ctx, folder, ctx.home.socket("pictures"))

    # on demand

    async def of_asset(self, name: Name, asset: Asset) -> web.Response:
        if name.leaf is Leaf.POSTER:
            return await self._poster(name, asset)
        track = asset.plan.track(name.track)
        if track is None:
            raise unknown(f"the asset has no track {name.track}")
        if name.leaf is Leaf.WAVEFORM:
            return await self._waveform(name, asset, track)
        if track.track.format.kind != "video":
            raise unknown("only video has pictures")
        sheets = thumbnails.of_asset(name.track, track.track.format, asset.plan.duration, self._wish)
        match name.leaf:
            case Leaf.THUMBNAILS:
                return _text(name, await asyncio.to_thread(thumbnails.vtt, sheets, asset.plan.duration))
            case Leaf.IMAGE_PLAYLIST:
                return _text(name, await asyncio.to_thread(thumbnails.image_playlist, sheets, asset.plan.duration))
            case Leaf.TILES:
                tiles = pictures.read_tiles(name.made)
                self._check_layout(tiles.layout, sheets)
                if tiles.number >= thumbnails.count(tiles.layout, asset.plan.duration):
                    raise unknown("the film has no such sheet of thumbnails")
                times = thumbnails.times(tiles.layout, tiles.number, asset.plan.duration)
                return _made(name, await self._asset_sheet(name, asset, track, sheets, times))
            case _:
                wanted = pictures.read_picture(name.made)
                self._check_width(wanted.width)
                if wanted.ms > asset.plan.duration * 1000:
                    raise unknown("the film is shorter than that")
                return _made(
                    name, await self._asset_picture(name, asset, track, wanted.ms, wanted.width, wanted.format)
                )

    def poster_track(self, asset: Asset) -> str:
        """The track that a poster is taken from, empty if there is no picture."""
        found = best(asset, self._poster_width())
        return found[0] if found else ""

    async def _asset_picture(
        self, name: Name, asset: Asset, track: TrackPlan, ms: int, width: int, ending: str
    ) -> bytes:
        def order() -> bytes:
            w, h = thumbnails.cell_size(track.track.format, width)
            film = stills.of_asset(track, sample, asset.media_of(track.track.name))
            return bundle(PictureOrder(width=w, height=h, format=ending), [film])

        sample = int((await asyncio.to_thread(stills.keyframes, asset.plan, track, [ms]))[0])
        key = f"{asset.plan.edition}/{track.track.name}/{sample}-{width}.{ending}"
        return await self.orders.made(owner(name), key, "/picture", lambda: asyncio.to_thread(order))

    async def _asset_sheet(self, name: Name, asset: Asset, track: TrackPlan, sheets: Sheets, times: list[int]) -> bytes:
        def order() -> bytes:
            samples = stills.keyframes(asset.plan, track, times).tolist()
            used = sorted(set(samples))
            place = {sample: at for at, sample in enumerate(used)}
            media = asset.media_of(track.track.name)
            return _sheet_order(
                sheets, [place[sample] for sample in samples], [stills.of_asset(track, s, media) for s in used]
            )

        key = f"{asset.plan.edition}/{name.track}/{name.made}"
        return await self.orders.made(owner(name), key, "/picture", lambda: asyncio.to_thread(order))

    async def _poster(self, name: Name, asset: Asset) -> web.Response:
        width = self._poster_width()
        track = asset.plan.track(name.track)
        if track is None:
            raise unknown("the asset has no picture")
        w, h = thumbnails.cell_size(track.track.format, width)
        best = b""
        for share in _POSTER_AT:
            ms = int(asset.plan.duration * share * 1000)
            body = await self._asset_picture(name, asset, track, ms, width, "jpg")
            best = max(best, body, key=len)
            if len(body) >= _PLAIN * w * h:
                break
        return _made(name, best, lifetimes.VOD_MANIFEST)

    async def _waveform(self, name: Name, asset: Asset, track: TrackPlan) -> web.Response:
        number, ending = pictures.read_waveform(name.made)
        try:
            wanted = waveform.order(asset.plan, track, number)
        except Problem as problem:
            raise unknown(problem.detail) from problem

        def order() -> bytes:
            film = waveform.sound(asset.plan, track, number, asset.media_of(track.track.name))
            return bundle(wanted, [film])

        key = f"{asset.plan.edition}/{name.track}/{pictures.waveform_file(number, 'dat')}"
        body = await self.orders.made(owner(name), key, "/waveform", lambda: asyncio.to_thread(order))
        return _made(name, waveform.as_json(body) if ending == "json" else body)

    # live

    def live_sheets(self, window: LiveWindow) -> Sheets | None:
        """The thumbnails that the manifest of a channel speaks of."""
        if not self.on:
            return None
        found = thumbnails.best([(t.name, t.format) for t in window.tracks.values()], self._wish.width)
        return thumbnails.singles(found[0], found[1], window.grid_ms, self._wish) if found else None

    async def of_channel(self, name: Name, channel: Channel, hold: Hold) -> web.Response:
        """`hold` waits until a condition holds and says whether it does, as segments are waited for."""
        window = channel.window()
        if name.leaf is Leaf.POSTER:
            return await self._live_poster(name, channel, window)
        track = window.tracks.get(name.track)
        if track is not None and name.leaf is Leaf.WAVEFORM:
            return await self._live_waveform(name, channel, track)
        if track is None or track.format.kind != "video":
            raise Problem("unknown", f"the channel has no picture {name.track}", cache_control="no-store")
        if name.leaf is Leaf.THUMBNAILS:
            sheets = thumbnails.of_channel(name.track, track.format, window.grid_ms, self._wish)
            text = await asyncio.to_thread(thumbnails.live_vtt, sheets, track, window)
            return _text(name, text, lifetimes.live_manifest(window.target))
        runs = thumbnails.runs(track, window)
        begin, end = (runs[0].listed_ms, runs[-1].end_ms) if runs else (0, 0)
        if name.leaf is Leaf.TILES:
            return _made(name, await self._live_sheet(name, channel, track.format, hold))
        wanted = pictures.read_picture(name.made)
        self._check_width(wanted.width)
        if wanted.ms >= end:
            raise Problem("early", "the channel is not there yet")
        segment = thumbnails.segment_at(track, wanted.ms) if wanted.ms >= begin else None
        if segment is None:
            raise Problem("gone", "this has left the window", cache_control=lifetimes.not_found(window.target))
        return _made(name, await self._live_picture(name, channel, segment, wanted.width, wanted.format))

    async def _live_picture(self, name: Name, channel: Channel, segment: LiveSegment, width: int, ending: str) -> bytes:
        track = channel.tracks[name.track]
        fmt = track.inits[segment.init]

        async def order() -> bytes:
            w, h = thumbnails.cell_size(fmt, width)
            film = await asyncio.to_thread(_live_still, track, segment, fmt)
            return bundle(PictureOrder(width=w, height=h, format=ending), [film])

        key = f"{channel.row.edition}/{name.track}/{segment.number}-{width}.{ending}"
        return await self.orders.made(owner(name), key, "/picture", order)

    async def _live_sheet(self, name: Name, channel: Channel, fmt: Format, hold: Hold) -> bytes:
        """By DASH's clock a sheet is there as soon as its span is over; its last segment is a little later."""
        tiles = pictures.read_tiles(name.made)
        grid_ms = channel.row.session.grid_ms
        sheets = thumbnails.of_channel(name.track, fmt, grid_ms, self._wish)
        if tiles.layout != sheets.layout:
            sheets = thumbnails.singles(name.track, fmt, grid_ms, self._wish)
        self._check_layout(tiles.layout, sheets)

        def there() -> bool:
            run, begin = _run_of(name.track, tiles, channel.window())
            return run.over or begin + tiles.layout.span_ms <= run.end_ms

        run, begin = _run_of(name.track, tiles, channel.window())
        missing = begin + tiles.layout.span_ms - run.end_ms
        if not there() and (missing > 3000 * channel.row.target or not await hold(there)):
            raise Problem("early", "the channel is not there yet")
        run, begin = _run_of(name.track, tiles, channel.window())
        if begin >= run.end_ms:
            raise Problem("unknown", "the channel broke off before that", cache_control="no-store")
        track = channel.window().tracks[name.track]
        times = [begin + cell * tiles.layout.interval_ms for cell in range(tiles.layout.cells)]
        found = [thumbnails.segment_at(track, ms) for ms in times if ms < run.end_ms]
        shown = [segment for segment in found if segment is not None]
        origin_track = channel.tracks[name.track]

        def order() -> bytes:
            used = {segment.number: segment for segment in shown}
            place = {number: at for at, number in enumerate(used)}
            films = [_live_still(origin_track, s, origin_track.inits[s.init]) for s in used.values()]
            return _sheet_order(sheets, [place[segment.number] for segment in shown], films)

        key = f"{channel.row.edition}/{name.track}/{name.made}"
        return await self.orders.made(owner(name), key, "/picture", lambda: asyncio.to_thread(order))

    async def _live_waveform(self, name: Name, channel: Channel, track: LiveTrack) -> web.Response:
        """Of the segment of that number."""
        number, ending = pictures.read_waveform(name.made)
        segment = track.find(number)
        if segment is None or not segment.closed:
            if number >= track.segments[0].number:
                raise Problem("early", f"segment {number} is not whole yet")
            gone = lifetimes.not_found(channel.row.target)
            raise Problem("gone", "this has left the window", cache_control=gone)
        if segment.gap:
            raise Problem("unknown", "nothing was sent then", cache_control=lifetimes.not_found(channel.row.target))
        before, files = track.find(number - 1), channel.tracks[name.track]
        fmt = files.inits[segment.init]
        wanted = waveform.of_segment(fmt, segment)
        heard = [s for s in (before, segment) if s is not None and s.closed and s.init == segment.init and not s.gap]

        def order() -> bytes:
            try:
                bodies = [read_part(files.path(s), 0, s.size) for s in heard]
            except FileNotFoundError:
                raise Problem("gone", "this has left the window") from None
            return bundle(wanted, [b"".join((init_segment(fmt), *bodies))])

        key = f"{channel.row.edition}/{name.track}/{pictures.waveform_file(number, 'dat')}"
        body = await self.orders.made(owner(name), key, "/waveform", lambda: asyncio.to_thread(order))
        return _made(name, waveform.as_json(body) if ending == "json" else body)

    async def _live_poster(self, name: Name, channel: Channel, window: LiveWindow) -> web.Response:
        """The beginning of the newest whole segment."""
        width = self._poster_width()
        found = thumbnails.best([(t.name, t.format) for t in window.tracks.values()], width)
        segments = window.tracks[found[0]].segments if found else ()
        newest = next((s for s in reversed(segments) if s.closed and not s.gap), None)
        if found is None or newest is None:
            raise Problem("unknown", f"channel {name.title} has no picture yet", cache_control="no-store")
        there = Name(kind=name.kind, title=name.title, leaf=Leaf.PICTURE, edition=window.edition, track=found[0])
        body = await self._live_picture(there, channel, newest, width, "jpg")
        return _made(name, body, lifetimes.live_manifest(window.target))

    # both

    def _poster_width(self) -> int:
        return next((width for width in self._widths if width >= _POSTER_WIDTH), self._widths[-1])

    def _check_width(self, width: int) -> None:
        if width not in self._widths:
            raise unknown(f"pictures are {' '.join(map(str, self._widths))} pixels wide (setting pictures.widths)")

    def _check_layout(self, layout: Layout, sheets: Sheets) -> None:
        if layout != sheets.layout:
            raise Problem("gone", f"thumbnails are laid out as {sheets.layout}: read the playlist again")


def _run_of(name: str, tiles: Tiles, window: LiveWindow) -> tuple[Run, int]:
    """The run that a sheet of track `name` belongs to, and when the sheet begins (ms since 1970).

    Raises Problem gone if it, or its first cell, is not listed any more.
    """
    track = window.tracks.get(name)
    for run in thumbnails.runs(track, window) if track else ():
        begin = run.start_ms + tiles.number * tiles.layout.span_ms
        if run.run == tiles.run and begin >= run.listed_ms:
            return run, begin
    raise Problem("gone", "this has left the window", cache_control=lifetimes.not_found(window.target))


def owner(name: Name) -> str:
    return f"{name.kind}/{name.title}"


def _live_still(track: Track, segment: LiveSegment, fmt: Format) -> bytes:
    """Raises Problem gone if it has just left the window."""
    try:
        chunk = read_part(track.path(segment), 0, segment.parts[0].size)
    except (FileNotFoundError, IndexError):
        raise Problem("gone", "this has left the window") from None
    return stills.of_chunk(fmt, memoryview(chunk))


def _sheet_order(sheets: Sheets, cells: list[int], films: list[bytes]) -> bytes:
    order = PictureOrder(
        width=sheets.width,
        height=sheets.height,
        columns=sheets.layout.columns,
        rows=sheets.layout.rows,
        cells=tuple(cells),
    )
    return bundle(order, films)


def _made(name: Name, body: bytes, lifetime: str = lifetimes.IMMUTABLE) -> web.Response:
    kind = pictures.content_type(name.made) if name.made else CONTENT_TYPE[name.leaf]
    tag = hashlib.sha256(body).hexdigest()[:16]
    return web.Response(body=body, headers={"Content-Type": kind, "Cache-Control": lifetime, "ETag": f'"{tag}"'})


def _text(name: Name, text: str, lifetime: str = lifetimes.VOD_MANIFEST) -> web.Response:
    """Lists change with the settings, so they are kept for a short time only."""
    return _made(name, text.encode(), lifetime)
