"""The admin API, `/api/v1/...`: channels, assets and this node, for whoever shows the admin token.

    GET    channels                  {channels: [...]}
    POST   channels                  NewChannel -> 201 with the key, once
    GET    channels/{channel}
    DELETE channels/{channel}        204
    POST   channels/{channel}/keys   201 with the new key, once; the old one stops working
    *      channels/{channel}/cues   splices: see cues.py
    POST   channels/{channel}/harvest   what it sent becomes an asset: see harvests.py
    *      channels/{channel}/schedule   what a linear channel plays: see schedules.py
    *      channels/{channel}/limits     what its encoder may send: see limits.py
    *      channels/{channel}/source     where a channel's media is fetched: see sources.py
    GET    assets?limit=&cursor=     {assets: [...], next}
    POST   assets?title=&filename=   the file as the body -> 201 when it is playable
           ...&file=OCTETS:NAME      several files, one behind the other, instead of filename; best picture anywhere
           ...&target_ms=&last=&bootstrap=&cmaf=1    how it is cut; remux MP4 files too
    GET    assets/{asset}
    DELETE assets/{asset}            204; 202 if the origin is away and will be told later
    POST   assets/{asset}/subtitles?language=&label=&kind=&forced=&default=   the file as the body -> 201
    DELETE assets/{asset}/subtitles/{track}                                   204
    POST   assets/{asset}/captions?language=   captions in the picture become subtitles
    GET, PUT, DELETE assets/{asset}/marks      chapters, breaks: a list, as a whole
    GET, PUT, DELETE assets/{asset}/tracks     which tracks viewers get
    GET    node                      the processes of this box

Answers about one thing carry ETag; DELETE and key rotation take If-Match.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import msgspec
import structlog
from aiohttp import hdrs, web

from base.desired import key_hash
from base.names import Kind
from base.problems import Problem
from control import bodies, cues, harvests, limits, marks, schedules, sources, track_filters
from control.access import Access
from control.addresses import Addresses, addresses
from control.incoming import described
from control.keys import KeyFile, new_key
from control.node_status import processes
from control.origin import Origin, Refused
from control.reports import Reports
from control.rows import Channel, check_revs
from control.store import Catalog
from control.subtitles import FIELDS, LARGEST, Subtitles
from control.uploads import Uploads
from node.process import Context
from node.web import REQUEST_ID

log = structlog.get_logger("api")

# An uploader that sends nothing for so long is gone, whatever its connection says.
_IDLE_S = 60.0
_LARGEST_BODY = 64 << 10


class Api:
    def __init__(
        self,
        ctx: Context,
        access: Access,
        catalog: Catalog,
        origin: Origin,
        reports: Reports,
        uploads: Uploads,
        key_file: KeyFile,
    ) -> None:
        self._ctx = ctx
        self._access = access
        self._catalog = catalog
        self._origin = origin
        self._reports = reports
        self._uploads = uploads
        self._key_file = key_file
        self._keys_lock = asyncio.Lock()
        self._subtitles = Subtitles(catalog, origin)
        self._marks = marks.Marks(catalog, origin)
        self._cues = cues.Cues(catalog)
        self._schedules = schedules.Schedules(catalog)
        self._sources = sources.Sources(catalog)
        self._limits = limits.KeyLimits(catalog)
        self._filters = track_filters.TrackFilters(catalog, origin, self._subtitles)

    def add_to(self, app: web.Application) -> None:
        for method, path, handler in (
            ("GET", "/channels", self.list_channels),
            ("POST", "/channels", self.post_channel),
            ("GET", "/channels/{channel}", self.get_channel),
            ("DELETE", "/channels/{channel}", self.delete_channel),
            ("POST", "/channels/{channel}/keys", self.post_key),
            ("GET", "/channels/{channel}/cues", self._cues.list),
            ("POST", "/channels/{channel}/cues", self._cues.post),
            ("DELETE", "/channels/{channel}/cues/{event}", self._cues.delete),
            ("GET", "/channels/{channel}/schedule", self._schedules.get),
            ("PUT", "/channels/{channel}/schedule", self._schedules.put),
            ("DELETE", "/channels/{channel}/schedule", self._schedules.delete),
            ("GET", "/channels/{channel}/source", self._sources.get),
            ("PUT", "/channels/{channel}/source", self._sources.put),
            ("DELETE", "/channels/{channel}/source", self._sources.delete),
            ("GET", "/channels/{channel}/limits", self._limits.get),
            ("PUT", "/channels/{channel}/limits", self._limits.put),
            ("DELETE", "/channels/{channel}/limits", self._limits.delete),
            ("POST", "/channels/{channel}/harvest", self.post_harvest),
            ("GET", "/assets", self.list_assets),
            ("POST", "/assets", self.post_asset),
            ("GET", "/assets/{asset}", self.get_asset),
            ("DELETE", "/assets/{asset}", self.delete_asset),
            ("POST", "/assets/{asset}/subtitles", self.post_subtitles),
            ("DELETE", "/assets/{asset}/subtitles/{track}", self.delete_subtitles),
            ("POST", "/assets/{asset}/captions", self.post_captions),
            ("GET", "/assets/{asset}/marks", self.get_marks),
            ("PUT", "/assets/{asset}/marks", self.put_marks),
            ("DELETE", "/assets/{asset}/marks", self.delete_marks),
            ("GET", "/assets/{asset}/tracks", self.get_tracks),
            ("PUT", "/assets/{asset}/tracks", self.put_tracks),
            ("DELETE", "/assets/{asset}/tracks", self.delete_tracks),
            ("GET", "/node", self.get_node),
        ):
            app.router.add_route(method, f"/api/v1{path}", self._guarded(handler), expect_handler=self._expect)

    def _guarded(self, handler: Any) -> Any:
        async def guarded(request: web.Request) -> web.StreamResponse:
            self._access.check(request.headers.get(hdrs.AUTHORIZATION, ""))
            try:
                response: web.StreamResponse = await handler(request)
            except Refused as refused:  # the origin's refusal, as it is
                response = web.Response(status=refused.status, body=refused.body, content_type=refused.content_type)
            response.headers.setdefault("Cache-Control", "no-store")
            return response

        return guarded

    async def _expect(self, request: web.Request) -> web.StreamResponse | None:
        """`Expect: 100-continue` (RFC 9110 10.1.1) is asked before a large file is sent: look at the token first."""
        if request.headers.get(hdrs.EXPECT, "").lower() != "100-continue":
            raise web.HTTPExpectationFailed
        if self._access.allows(request.headers.get(hdrs.AUTHORIZATION, "")):
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            request.writer.output_size = 0  # the interim answer is no part of the answer that the writer counts
        return None  # without a 100 the handler refuses, with a problem document

    # Channels

    async def list_channels(self, request: web.Request) -> web.Response:
        rows = await self._catalog.channels()
        found = await self._reports.channels(row.channel for row in rows)
        at = self._at(request)
        return _json({"channels": [bodies.channel_json(row, at, found[row.channel]) for row in rows]})

    async def post_channel(self, request: web.Request) -> web.Response:
        wanted = bodies.new_channel(await _body(request))
        title = bodies.clean_title(wanted.title) if wanted.title is not None else wanted.channel
        row, key = await self.add_channel(
            wanted.channel,
            title,
            segment_ms=wanted.segment_ms,
            part_ms=wanted.part_ms,
            window_s=wanted.window_s,
            splices=wanted.splices,
            interstitials=wanted.interstitials,
            source=wanted.source,
        )
        shown = self._with_key(row, key, self._at(request))
        return _json(shown, 201, row.rev, Location=f"/api/v1/channels/{row.channel}")

    async def add_channel(self, name: str, title: str, **values: Any) -> tuple[Channel, str]:
        """A channel and its key: in the catalog as a hash, in this box's key file as it is."""
        key = new_key()
        row = await self._with_keys({name: key}, self._catalog.add_channel(name, title, key_hash(key), **values))
        log.info("channel.added", channel=name)
        return row, key

    async def get_channel(self, request: web.Request) -> web.Response:
        row = await self._catalog.channel(request.match_info["channel"])
        check_revs(row.rev, _revs(request))
        report = await self._reports.channel(row.channel)
        return _json(bodies.channel_json(row, self._at(request), report), 200, row.rev)

    async def delete_channel(self, request: web.Request) -> web.Response:
        name = request.match_info["channel"]
        await self._with_keys({name: None}, self._catalog.remove_channel(name, _revs(request)))
        log.info("channel.removed", channel=name)
        try:
            await self._origin.delete(Kind.LIVE, name)
        except Problem as problem:
            # Nobody can publish or find it any more; what the origin still holds leaves with its window.
            log.warning("channel.origin_not_told", channel=name, why=problem.detail)
        return web.Response(status=204)

    async def post_key(self, request: web.Request) -> web.Response:
        name = request.match_info["channel"]
        key = new_key()
        change = self._catalog.replace_keys(name, key_hash(key), _revs(request))
        row = await self._with_keys({name: key}, change)
        log.info("channel.new_key", channel=name)
        return _json(self._with_key(row, key, self._at(request)), 201, row.rev)

    async def _with_keys(self, changes: dict[str, str | None], commit: Any) -> Channel:
        """Change the key file around a commit of the catalog (see control.keys), one change at a time.

        In a task of its own: a caller that goes away between the two steps must not leave them apart.
        """

        async def both() -> Channel | Problem:
            async with self._keys_lock:
                return await steps()

        async def steps() -> Channel | Problem:
            try:
                held = await asyncio.to_thread(self._key_file.read)
                kept = {name: key for name, key in (held | changes).items() if key is not None}
                await asyncio.to_thread(self._key_file.offer, kept)
            except BaseException:
                commit.close()
                raise
            try:
                row: Channel = await commit
            except Problem as problem:  # a refusal, no fault of the task: its caller raises it
                await asyncio.to_thread(self._key_file.withdraw)
                return problem
            await asyncio.to_thread(self._key_file.accept)
            return row

        done: Channel | Problem = await asyncio.shield(self._ctx.tasks.start(both(), "stream keys"))
        if isinstance(done, Problem):
            raise done
        return done

    def _with_key(self, row: Channel, key: str, at: Addresses) -> dict[str, Any]:
        return bodies.channel_json(row, at) | {"publish": at.publish(row.channel, key)}

    # Assets

    async def list_assets(self, request: web.Request) -> web.Response:
        most = bodies.limit(request.query.get("limit"))
        rows = await self._catalog.assets(after=bodies.after(request.query.get("cursor")), limit=most + 1)
        at = self._at(request)
        following = bodies.cursor(rows[most - 1]) if len(rows) > most else None
        return _json({"assets": [bodies.asset_json(row, at) for row in rows[:most]], "next": following})

    async def post_asset(self, request: web.Request) -> web.Response:
        query = request.query
        files = described(query.getall("file", []), query.get("filename", ""), request.content_length)
        wanted, title = bodies.asset_name_and_title(query.get("title", ""), files[0].name)
        if request.headers.get(hdrs.CONTENT_ENCODING) or request.content_type.startswith("multipart/"):
            raise Problem("malformed", "send the file itself as the body: no form, no Content-Encoding")
        length = request.content_length
        if length == 0 or not request.can_read_body:
            raise Problem("malformed", "send the file as the body: there is none")
        row = await self._uploads.add(wanted, title, _pieces(request), files, request[REQUEST_ID], bodies.wish(query))
        shown = bodies.asset_json(row, self._at(request))
        return _json(shown, 201, row.rev, Location=f"/api/v1/assets/{row.asset}")

    async def post_harvest(self, request: web.Request) -> web.Response:
        channel = await self._catalog.channel(request.match_info["channel"])
        wanted, name, title = harvests.read(await _body(request), channel)
        id_ = request[REQUEST_ID]
        row = await self._uploads.made(name, title, lambda asset: self._origin.harvest(asset, wanted, id_))
        log.info("channel.harvested", channel=channel.channel, asset=row.asset)
        shown = bodies.asset_json(row, self._at(request))
        return _json(shown, 201, row.rev, Location=f"/api/v1/assets/{row.asset}")

    async def get_asset(self, request: web.Request) -> web.Response:
        row = await self._catalog.asset(request.match_info["asset"])
        check_revs(row.rev, _revs(request))
        return _json(bodies.asset_json(row, self._at(request)), 200, row.rev)

    async def delete_asset(self, request: web.Request) -> web.Response:
        name = request.match_info["asset"]
        if await self._uploads.remove(name, _revs(request)):
            log.info("asset.removed", asset=name)
            return web.Response(status=204)
        return _json({"asset": name, "state": "removing"}, 202)

    async def post_subtitles(self, request: web.Request) -> web.Response:
        offer = {name: request.query[name] for name in FIELDS if name in request.query}
        body = await _body(request, LARGEST)
        track, row = await self._subtitles.add(request.match_info["asset"], body, offer, request[REQUEST_ID])
        where = f"/api/v1/assets/{row.asset}/subtitles/{track}"
        return _json({"track": track} | bodies.asset_json(row, self._at(request)), 201, row.rev, Location=where)

    async def post_captions(self, request: web.Request) -> web.Response:
        language = request.query.get("language", "")
        row = await self._subtitles.extract(request.match_info["asset"], language)
        return _json(bodies.asset_json(row, self._at(request)), 200, row.rev)

    async def delete_subtitles(self, request: web.Request) -> web.Response:
        await self._subtitles.remove(request.match_info["asset"], request.match_info["track"])
        return web.Response(status=204)

    async def get_marks(self, request: web.Request) -> web.Response:
        return await _relayed(self._marks.get(request.match_info["asset"]))

    async def put_marks(self, request: web.Request) -> web.Response:
        body = await _body(request, marks.LARGEST)
        return await _relayed(self._marks.put(request.match_info["asset"], body, request[REQUEST_ID]))

    async def delete_marks(self, request: web.Request) -> web.Response:
        await self._marks.remove(request.match_info["asset"])
        return web.Response(status=204)

    async def get_tracks(self, request: web.Request) -> web.Response:
        return await _relayed(self._filters.get(request.match_info["asset"]))

    async def put_tracks(self, request: web.Request) -> web.Response:
        body = await _body(request, track_filters.LARGEST)
        return await _relayed(self._filters.put(request.match_info["asset"], body, request[REQUEST_ID]))

    async def delete_tracks(self, request: web.Request) -> web.Response:
        await self._filters.remove(request.match_info["asset"])
        return web.Response(status=204)

    # This node

    async def get_node(self, _: web.Request) -> web.Response:
        found = await processes(self._ctx.home.run)
        return _json({"seq": self._catalog.changes.seq, "processes": found})

    def _at(self, request: web.Request) -> Addresses:
        return addresses(self._ctx, request.scheme, request.headers.get(hdrs.HOST, ""))


async def _pieces(request: web.Request) -> AsyncIterator[bytes]:
    """The body as it comes. The reader stops taking from the socket while nobody asks for more."""
    while True:
        async with asyncio.timeout(_IDLE_S):
            piece = await request.content.readany()
        if not piece:
            return
        yield piece


async def _body(request: web.Request, largest: int = _LARGEST_BODY) -> bytes:
    body = bytearray()
    async for piece in _pieces(request):
        body += piece
        if len(body) > largest:
            raise Problem("too-large", f"a body of this call has at most {largest} bytes")
    return bytes(body)


async def _relayed(answer: Awaitable[bytes]) -> web.Response:
    """The origin's JSON as it is."""
    return web.Response(body=await answer, content_type="application/json")


def _revs(request: web.Request) -> frozenset[int] | None:
    return bodies.if_match(request.headers.get(hdrs.IF_MATCH))


def _json(value: object, status: int = 200, rev: int | None = None, **fields: str) -> web.Response:
    if rev is not None:
        fields["ETag"] = bodies.etag(rev)
    body = msgspec.json.encode(value)
    return web.Response(body=body, status=status, content_type="application/json", headers=fields)
