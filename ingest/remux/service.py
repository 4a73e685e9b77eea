"""The remuxer's process: one socket, on which control asks; a file comes in, its tracks go to the origin."""

from __future__ import annotations

import asyncio
import mmap
import re
import secrets
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiofiles
import aiohttp
import msgspec
import structlog
from aiohttp import web

from base.arrival import MOST_TRACKS_OF_A_FILE, REMUX_PATH, Piece, Remuxed
from base.content_types import CONTENT_TYPE
from base.names import Kind, Leaf, Name, is_title
from base.problems import Problem
from ingest.publisher import origin_client
from node import web as rim
from node.process import Context
from node.web import REQUEST_ID, REQUEST_ID_FIELD
from packager.layout import Run
from packager.track_file import TrackFile

log = structlog.get_logger("remux")

_BLOCK = 1 << 20
# The origin indexes each file before it answers.
_ANSWER = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=600)


async def run(ctx: Context) -> None:
    folder = ctx.home.data / "remux"
    # what a crash left is nobody's any more: who sent it was told
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    await asyncio.to_thread(folder.mkdir, parents=True)
    client, base = origin_client(ctx.upstream("control.origin", ctx.home.socket("origin", door="media")))
    try:
        app = make_app(ctx, Remuxing(ctx, folder, client, base))
        async with rim.serving(ctx, app, [ctx.home.socket("remux", door="jobs")]):
            await ctx.stopping.wait()
    finally:
        await client.close()


def make_app(ctx: Context, remuxing: Remuxing) -> web.Application:
    app = rim.make_app(ctx)
    app.router.add_post(REMUX_PATH, remuxing.post)
    return app


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    asset: str
    upload: str
    first: int
    filename: str
    request_id: str


class Remuxing:
    """Files that are being worked on, in folders of their own under `folder`."""

    def __init__(self, ctx: Context, folder: Path, client: aiohttp.ClientSession, base: str) -> None:
        self._ctx = ctx
        self._folder = folder
        self._client = client
        self._base = base
        self._places = asyncio.Semaphore(ctx.settings.number("remux.jobs"))

    async def post(self, request: web.Request) -> web.Response:
        order = _order(request)
        folder = self._folder / secrets.token_hex(8)
        await asyncio.to_thread(folder.mkdir)
        try:
            await self._receive(request, folder / "source")
            async with self._places:
                made = await self._remux(folder, order)
        except Problem as problem:
            self._ctx.metrics.counter("remux_refused", kind=problem.kind.name).inc()
            log.info("remux.refused", asset=order.asset, why=problem.detail)
            raise
        except OSError as fault:
            if isinstance(fault, ConnectionError):
                raise
            log.error("remux.not_stored", asset=order.asset, fault=str(fault))
            raise Problem("busy", f"the remuxer cannot store the file: {fault.strerror}") from fault
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        return web.Response(body=msgspec.json.encode(made), content_type="application/json")

    async def _receive(self, request: web.Request, path: Path) -> None:
        received = 0
        async with aiofiles.open(path, "wb") as file:
            async for block in request.content.iter_chunked(_BLOCK):
                await file.write(block)
                received += len(block)
        if request.content_length is not None and received != request.content_length:
            raise Problem("malformed", f"{received} of {request.content_length} octets came: send it again")

    async def _remux(self, folder: Path, order: _Order) -> Remuxed:
        from ingest.remux import demux  # FFmpeg is loaded with the first file: a start does not wait for it
        from packager.mezzanine import mezzanine

        clock = self._ctx.clock
        began = clock.monotonic()
        source = folder / "source"
        film = await asyncio.to_thread(demux.read, source, folder, self._ctx.stopping.is_set)
        await asyncio.to_thread(source.unlink)  # from here on the samples are enough
        tracks = await asyncio.to_thread(mezzanine, film.index)
        if len(tracks) > MOST_TRACKS_OF_A_FILE:
            raise Problem("unplayable", f"it has more than {MOST_TRACKS_OF_A_FILE} tracks: leave some out")
        pieces = []
        for at, track in enumerate(tracks):
            await self._put(track, film.files[track.plan.track.name], order, order.first + at)
            pieces.append(Piece(number=order.first + at, bytes=track.length, name=order.filename))
        seconds = clock.monotonic() - began
        self._ctx.metrics.counter("remux_files").inc()
        self._ctx.metrics.histogram("remux_seconds").observe(seconds)
        log.info("remux.done", asset=order.asset, tracks=len(tracks), seconds=round(seconds, 3))
        return Remuxed(files=tuple(pieces), notes=film.notes)

    async def _put(self, track: TrackFile, samples: Path, order: _Order, number: int) -> None:
        """One track's file to the origin, made as it goes. Raises its refusal as a Problem."""
        name = Name(kind=Kind.VOD, title=order.asset, leaf=Leaf.UPLOAD_FILE, upload=order.upload, number=number)
        fields = {
            "Content-Type": CONTENT_TYPE[name.leaf],
            "Content-Length": str(track.length),
            REQUEST_ID_FIELD: order.request_id,
        }
        try:
            async with self._client.put(
                self._base + name.path, data=_octets(track, samples), headers=fields, timeout=_ANSWER
            ) as answer:
                text = await answer.read()
        except (aiohttp.ClientError, TimeoutError) as fault:
            raise Problem("upstream", "the origin did not take a track: is it running?") from fault
        if answer.status != 201:
            raise _refusal(answer.status, text)


async def _octets(track: TrackFile, samples: Path) -> AsyncIterator[bytes]:
    """The file in blocks of some size."""
    with await asyncio.to_thread(_mapped, samples) as media:
        for start in range(0, track.length, _BLOCK):
            yield await asyncio.to_thread(_block, track, media, start)


def _mapped(path: Path) -> mmap.mmap:
    with open(path, "rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _block(track: TrackFile, media: mmap.mmap, start: int) -> bytes:
    made = []
    for piece in track.pieces(start, min(start + _BLOCK, track.length)):
        if isinstance(piece, Run):
            made += [media[at : at + size] for at, size in piece.ranges]
        else:
            made.append(bytes(piece))
    return b"".join(made)


def _refusal(status: int, text: bytes) -> Problem:
    try:
        detail = str(msgspec.json.decode(text, type=dict[str, object]).get("detail", ""))
    except msgspec.DecodeError:
        detail = ""
    kind = {409: "conflict", 412: "precondition", 413: "too-large", 422: "unplayable", 503: "busy"}.get(
        status, "upstream"
    )
    return Problem(kind, detail or f"the origin answered {status}")


def _order(request: web.Request) -> _Order:
    query = request.query
    asset, upload, first = (query.get(name, "") for name in ("asset", "upload", "first"))
    if (
        not is_title(asset)
        or not re.fullmatch(r"[0-9a-f]{8,32}", upload)
        or not re.fullmatch(r"[1-9][0-9]{0,3}", first)
    ):
        raise Problem("malformed", "give asset, upload and first as base/arrival.py says")
    return _Order(
        asset=asset,
        upload=upload,
        first=int(first),
        filename=query.get("filename", "")[:255],
        request_id=request[REQUEST_ID],
    )
