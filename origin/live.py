"""Live over HTTP: sessions, inits and parts come in by PUT; playlists, segments and parts go out, held if need be.

Holding (RFC 8216bis 6.2.5.2, 6.2.6): a blocking reload waits for its msn and part; the part that is hinted, and a
segment that is open or next, wait for their media. Nobody waits longer than three target durations.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import structlog
from aiohttp import web

from base import lifetimes, reload
from base.names import CONTENT_TYPE, Leaf, Name, init_file, segment_file
from base.problems import Problem
from base.push import PART_FIELD, SessionNote, parse_part_note
from node.process import Context
from origin.channel import Channel, read_at
from origin.journal import ChannelRow, Journal
from origin.restore import folder_of, restore
from packager import dash, hls, hls_live
from packager.live import answers, too_far

log = structlog.get_logger("live")

MOST_PART_OCTETS = 64 << 20


class Live:
    """Requests for names of kind `live`."""

    def __init__(self, ctx: Context, root: Path, journal: Journal) -> None:
        self._ctx = ctx
        self._root = root
        self._journal = journal
        self._printed: dict[tuple[str, str, bool], tuple[int, bool, bytes]] = {}
        root.mkdir(parents=True, exist_ok=True)
        self.channels: dict[str, Channel] = {
            row.channel: restore(root, row, journal, ctx.clock) for row in journal.channels()
        }

    async def put(self, request: web.Request, name: Name) -> web.Response:
        try:
            return await self._put(request, name)
        except Problem as problem:
            self._ctx.metrics.counter("origin_refused", kind=problem.kind.name).inc()
            raise

    async def _put(self, request: web.Request, name: Name) -> web.Response:
        body = await request.read()
        if name.leaf is Leaf.SESSION:
            return await self._put_session(name, body)
        channel = self._channel(name)
        match name.leaf:
            case Leaf.INIT:
                new = await channel.put_init(name.track, name.generation, body)
            case Leaf.PART:
                note = parse_part_note(request.headers.get(PART_FIELD, ""))
                new = await channel.put_part(name.track, name.number, name.part, body, note)
                self._ctx.metrics.counter("origin_parts").inc(new)
                self._ctx.metrics.counter("origin_segments").inc(new and note.last)
            case _:
                raise Problem("method", "this name is computed, it cannot be put", allow="GET, HEAD")
        return web.Response(status=201 if new else 200)

    async def _put_session(self, name: Name, body: bytes) -> web.Response:
        try:
            session = msgspec.json.decode(body, type=SessionNote)
        except msgspec.DecodeError as fault:
            raise Problem("malformed", f"session.json: {fault}") from fault
        if session.grid_ms <= 0 or not 0 < session.part_ms <= session.grid_ms or not session.tracks:
            raise Problem("malformed", "session.json: grid_ms, part_ms (at most grid_ms) and tracks are needed")
        channel = self.channels.get(name.title)
        if channel is not None and channel.row.edition != name.edition:
            log.info("channel.replaced", channel=name.title)  # it was removed and made anew
            await self._remove(channel)
            channel = None
        if channel is None:
            row = ChannelRow(channel=name.title, edition=name.edition, session=session, target=1)
            channel = Channel(folder_of(self._root, row), row, self._journal, self._ctx.clock)
            self.channels[name.title] = channel
        grant = await channel.begin(session)
        return web.Response(body=msgspec.json.encode(grant), content_type="application/json")

    async def delete(self, name: Name) -> web.Response:
        channel = self.channels.get(name.title)
        if channel is None:
            raise Problem("unknown", f"there is no channel {name.title}")
        await self._remove(channel)
        return web.Response(status=204)

    async def _remove(self, channel: Channel) -> None:
        self.channels.pop(channel.row.channel, None)
        await self._journal.remove(channel.row.channel)
        await asyncio.to_thread(shutil.rmtree, channel.folder, ignore_errors=True)

    async def get(self, request: web.Request, name: Name) -> web.StreamResponse:
        channel = self._channel(name)
        match name.leaf:
            case Leaf.STATUS:
                return web.Response(body=msgspec.json.encode(channel.report()), content_type="application/json")
            case Leaf.MULTIVARIANT | Leaf.MANIFEST:
                return self._top(channel, name)
            case Leaf.MEDIA_PLAYLIST:
                return await self._media_playlist(request, channel, name)
            case Leaf.INIT:
                return self._init(channel, name)
            case Leaf.SEGMENT:
                return await self._segment(channel, name)
            case Leaf.PART:
                return await self._part(channel, name)
            case _:
                raise Problem("method", "this name can only be put", allow="PUT")

    def _channel(self, name: Name) -> Channel:
        channel = self.channels.get(name.title)
        if channel is None:
            raise Problem(
                "unknown", f"channel {name.title} has not been published yet", cache_control="public, max-age=1"
            )
        if name.edition and name.edition != channel.row.edition:
            raise Problem("gone", "the channel was made anew: read its multivariant playlist again")
        return channel

    def _top(self, channel: Channel, name: Name) -> web.Response:
        window, reports = channel.window(), channel.reports()
        if not reports:
            raise Problem("unknown", f"channel {name.title} has no media yet", cache_control="no-store")
        if name.leaf is Leaf.MULTIVARIANT:
            text = hls.multivariant(name.title, name.kind, window.edition, reports)
        else:
            text = dash.live_manifest(window, reports)
        return _text(name, text.encode(), lifetimes.live_manifest(window.target), f"{window.edition}-{channel.version}")

    async def _media_playlist(self, request: web.Request, channel: Channel, name: Name) -> web.Response:
        ask = reload.parse(request.query_string)
        window = channel.window()
        track = window.tracks.get(name.track)
        if track is None:
            raise Problem("unknown", f"the channel has no track {name.track}", cache_control="no-store")
        if ask.blocking:
            if too_far(window, track, ask):
                raise Problem("malformed", "_HLS_msn or _HLS_part is too far ahead (RFC 8216bis 6.2.5.2)")

            def there() -> bool:
                now = channel.window().tracks.get(name.track)
                return now is not None and answers(now, ask)

            if not await self._hold(channel, there):
                raise Problem("busy", "the stream does not go on at present", cache_control="no-store")
        window = channel.window()
        body = self._print(channel, name.track, ask.skip)
        lifetime = lifetimes.live_playlist(window.target, blocking=ask.blocking)
        return _text(name, body, lifetime, f"{window.edition}-{channel.version}-{int(ask.skip)}")

    def _print(self, channel: Channel, track: str, skip: bool) -> bytes:
        """One printing for all who ask for the same snapshot."""
        key = (channel.row.channel, track, skip)
        known = self._printed.get(key)
        if known is None or known[:2] != (channel.version, channel.live):
            text = hls_live.media_playlist(channel.window(), track, skip=skip).encode()
            known = self._printed[key] = (channel.version, channel.live, text)
        return known[2]

    def _init(self, channel: Channel, name: Name) -> web.StreamResponse:
        track = channel.tracks.get(name.track)
        if track is None or name.generation not in track.inits:
            raise Problem("unknown", "there is no such init segment", cache_control="no-store")
        return web.FileResponse(track.folder / init_file(name.generation), headers=_immutable(name))

    async def _segment(self, channel: Channel, name: Name) -> web.StreamResponse:
        track = channel.tracks.get(name.track)
        if track is None or track.window.last is None:
            raise Problem("unknown", "there is no such segment", cache_control="no-store")
        path = track.folder / segment_file(name.number)

        def there() -> bool:
            last = track.window.last
            return last is not None and (last.number > name.number or (last.number == name.number and last.closed))

        if not there():
            if name.number > track.window.last.number + 1:
                raise Problem("early", f"segment {name.number} is ahead of the live edge")
            if not await self._hold(channel, there):
                raise Problem("early", f"segment {name.number} has not come in time")
        if not path.exists():
            gap = name.number >= track.window.segments[0].number
            raise Problem(
                "unknown" if gap else "gone",
                f"segment {name.number} " + ("is a gap: it never came" if gap else "has left the window"),
                cache_control=lifetimes.not_found(channel.row.target),
            )
        return web.FileResponse(path, headers=_immutable(name))

    async def _part(self, channel: Channel, name: Name) -> web.Response:
        def place() -> tuple[Path, int, int] | None:
            return channel.part_place(name.track, name.number, name.part)

        found = place()
        if found is None:
            track = channel.window().tracks.get(name.track)
            if track is None or (name.number, name.part) != hls_live.next_part(track) or not channel.live:
                raise Problem("unknown", "there is no such part", cache_control="no-store")

            def over() -> bool:
                last = channel.tracks[name.track].window.last
                passed = last is not None and (
                    last.number > name.number or (last.number == name.number and last.closed)
                )
                return place() is not None or passed

            await self._hold(channel, over)
            found = place()
        if found is None:
            raise Problem("unknown", "the part was hinted but did not come", cache_control="no-store")
        body = await asyncio.to_thread(read_at, *found)
        return web.Response(body=body, headers=_immutable(name))

    async def _hold(self, channel: Channel, there: Callable[[], bool]) -> bool:
        """Wait until `there()`, at most three target durations (6.2.5.2). False if it did not come."""
        if there():
            return True
        held = self._ctx.metrics.gauge("origin_held")
        held.inc()
        try:
            async with asyncio.timeout(3 * channel.row.target):
                while not there():
                    if self._ctx.stopping.is_set():
                        raise Problem("busy", "this node is going down: ask again")
                    await channel.changed()
            return True
        except TimeoutError:
            return there()
        finally:
            held.dec()

    async def sweep(self) -> None:
        """Now and then: close what has stalled; remove files that no playlist has listed for a window's length."""
        for channel in list(self.channels.values()):
            await channel.close_stalled()
            firsts = [t.window.segments[0].number for t in channel.tracks.values() if t.window.segments]
            if not firsts:
                continue
            session = channel.row.session
            kept = min(firsts) - session.window_s * 1000 // session.grid_ms - 30
            removed = await asyncio.to_thread(_remove_before, channel.folder, kept)
            if removed:
                await self._journal.forget(channel.row.channel, channel.row.edition, kept)


def _remove_before(folder: Path, number: int) -> int:
    count = 0
    for path in folder.glob("*/*.m4s"):
        if path.stem.isdecimal() and int(path.stem) < number:
            path.unlink(missing_ok=True)
            count += 1
    return count


def _immutable(name: Name) -> dict[str, str]:
    return {"Content-Type": CONTENT_TYPE[name.leaf], "Cache-Control": lifetimes.IMMUTABLE}


def _text(name: Name, body: bytes, cache_control: str, tag: str) -> web.Response:
    return web.Response(
        body=body,
        headers={"Content-Type": CONTENT_TYPE[name.leaf], "Cache-Control": cache_control, "ETag": f'"{tag}"'},
    )
