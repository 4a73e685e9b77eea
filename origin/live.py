"""Live over HTTP: sessions, inits and parts come in by PUT; playlists, segments and parts go out, held if need be.

Holding (RFC 8216bis 6.2.5.2, 6.2.6): a blocking reload waits for its msn and part; the part that is hinted, and a
segment that is open or next, wait for their media. Nobody waits longer than three target durations.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import msgspec
import structlog
from aiohttp import web

from base import lifetimes
from base.content_types import CONTENT_TYPE
from base.names import PICTURES, Leaf, Name
from base.problems import Problem
from base.push import PART_FIELD, MarkNote, MarkNotes, SessionGrant, SessionNote, parse_part_note
from base.uris import init_file, segment_file
from node.process import Context
from origin import open_segment, refusals
from origin.channel import Channel
from origin.journal import ChannelRow, Journal
from origin.live_pages import LivePages
from origin.pictures import Pictures, owner
from origin.restore import folder_of, restore
from origin.track import read_part
from packager import hls_live

log = structlog.get_logger("live")

MOST_PART_OCTETS = 64 << 20
_DROP_FILES_S = 60


class Live:
    """Requests for names of kind `live`."""

    def __init__(self, ctx: Context, root: Path, journal: Journal, pictures: Pictures) -> None:
        self._ctx = ctx
        self._pictures = pictures
        self._pages = LivePages(ctx, pictures, self._hold)
        self._root = root
        self._journal = journal
        self._files_dropped = ctx.clock.monotonic()
        root.mkdir(parents=True, exist_ok=True)
        rows = journal.channels()
        for left in {path.name for path in root.iterdir()} - {folder_of(root, row).name for row in rows}:
            shutil.rmtree(root / left, ignore_errors=True)  # of a channel whose removal a crash cut short
        self.channels: dict[str, Channel] = {row.channel: restore(root, row, journal, ctx.clock) for row in rows}

    async def put(self, request: web.Request, name: Name) -> web.Response:
        body = await request.read()
        with refusals.counted(self._ctx, name.title, "media"):
            return await self._put(request, name, body)

    async def _put(self, request: web.Request, name: Name, body: bytes) -> web.Response:
        if name.leaf is Leaf.SESSION:
            return await self._put_session(name, body)
        channel = self._channel(name)
        match name.leaf:
            case Leaf.CUES:
                await channel.put_marks(_notes(body))
                new = False
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
        if session.window_s <= 0 or session.state not in ("live", "ended"):
            raise Problem("malformed", "session.json: window_s must be above 0, state live or ended")
        if len({note.track for note in session.tracks}) < len(session.tracks):
            raise Problem("malformed", "session.json: two tracks have one name")
        channel = self.channels.get(name.title)
        if channel is not None and channel.removed:
            raise Problem("busy", "the channel is being removed: ask again")
        if session.state == "ended" and (channel is None or channel.row.edition != name.edition):
            # the last word of a publisher whose channel was removed must not make it again
            return web.Response(body=msgspec.json.encode(SessionGrant(last_number=-1)), content_type="application/json")
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
        if name.leaf is not Leaf.STATUS:
            raise Problem("method", "a channel is removed as a whole: DELETE its status.json", allow="GET, HEAD, PUT")
        channel = self.channels.get(name.title)
        if channel is None or channel.removed:
            raise Problem("unknown", f"there is no channel {name.title}")
        await self._remove(channel)
        await self._pictures.orders.forget(owner(name))
        return web.Response(status=204)

    async def _remove(self, channel: Channel) -> None:
        await channel.remove()
        del self.channels[channel.row.channel]

    def let_go(self) -> None:
        """The process stops: who waits for media is told to ask again, elsewhere or later."""
        for channel in self.channels.values():
            channel.wake()

    async def get(self, request: web.Request, name: Name) -> web.StreamResponse:
        channel = self._channel(name)
        if name.leaf in PICTURES:
            return await self._pictures.of_channel(name, channel, partial(self._hold, channel))
        match name.leaf:
            case Leaf.STATUS:
                return web.Response(body=msgspec.json.encode(channel.report()), content_type="application/json")
            case Leaf.MULTIVARIANT | Leaf.MANIFEST | Leaf.MANIFEST_LOW_LATENCY:
                return await self._pages.top(channel, name, request.query_string)
            case Leaf.MEDIA_PLAYLIST:
                return await self._pages.media_playlist(channel, name, request.query_string)
            case Leaf.INIT:
                return self._init(channel, name)
            case Leaf.SEGMENT:
                return await self._segment(request, channel, name)
            case Leaf.PART:
                return await self._part(channel, name)
            case _:
                raise Problem("method", "this name can only be put", allow="PUT")

    def _channel(self, name: Name) -> Channel:
        channel = self.channels.get(name.title)
        if channel is None or channel.removed:
            raise Problem(
                "unknown", f"channel {name.title} has not been published yet", cache_control="public, max-age=1"
            )
        if name.edition and name.edition != channel.row.edition:
            raise Problem("gone", "the channel was made anew: read its multivariant playlist again")
        return channel

    def _init(self, channel: Channel, name: Name) -> web.StreamResponse:
        track = channel.tracks.get(name.track)
        if track is None or name.generation not in track.inits:
            raise Problem("unknown", "there is no such init segment", cache_control="no-store")
        return web.FileResponse(track.folder / init_file(name.generation), headers=_immutable(name))

    async def _segment(self, request: web.Request, channel: Channel, name: Name) -> web.StreamResponse:
        track = channel.tracks.get(name.track)
        if track is None or track.window.last is None:
            raise Problem("unknown", "there is no such segment", cache_control="no-store")
        path = track.folder / segment_file(name.number)

        def there() -> bool:
            last = track.window.last
            return last is not None and last.number >= name.number

        if not there():
            if name.number > track.window.last.number + 1:
                raise Problem("early", f"segment {name.number} is ahead of the live edge")
            if not await self._hold(channel, there):
                raise Problem("early", f"segment {name.number} has not come in time")
        if (opened := track.open) is not None and opened.number == name.number:
            return await open_segment.send(request, channel, track, name.number, _immutable(name), self._ctx.stopping)
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
            track = channel.tracks.get(name.track)
            return track.place(name.number, name.part) if track else None

        found = place()
        if found is None:
            track = channel.window().tracks.get(name.track)
            if track is not None and name.number < track.segments[0].number:
                raise Problem(
                    "gone",
                    f"segment {name.number} has left the window",
                    cache_control=lifetimes.not_found(channel.row.target),
                )
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
        try:
            body = await asyncio.to_thread(read_part, *found)
        except FileNotFoundError:  # it left, or the channel did, just now
            raise Problem("gone", f"segment {name.number} is no longer here") from None
        tag = f'"{name.edition}-{name.track}-{name.number}.{name.part}"'
        return web.Response(body=body, headers=_immutable(name) | {"ETag": tag})

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
                    if channel.removed:
                        raise Problem("gone", "the channel was removed")
                    await channel.changed()
            return True
        except TimeoutError:
            return there()
        finally:
            held.dec()

    async def sweep(self) -> None:
        """Now and then: close what has stalled and, less often, remove files that no player can know any more."""
        now = self._ctx.clock.monotonic()
        files_too = now - self._files_dropped >= _DROP_FILES_S
        if files_too:
            self._files_dropped = now
        for channel in list(self.channels.values()):
            try:
                await channel.close_stalled()
                if files_too and not channel.removed:
                    await channel.drop_files()
            except OSError as fault:  # the disk is full or gone; the next round tries again
                log.error("sweep.failed", channel=channel.row.channel, fault=str(fault))


def _immutable(name: Name) -> dict[str, str]:
    return {"Content-Type": CONTENT_TYPE[name.leaf], "Cache-Control": lifetimes.IMMUTABLE}


def _notes(body: bytes) -> Sequence[MarkNote]:
    try:
        return msgspec.json.decode(body, type=MarkNotes)
    except msgspec.DecodeError as fault:
        raise Problem("malformed", f"cues.json: {fault}") from fault
