"""Assets on their way in: one file by one PUT, or several files by a PUT each and one more that completes the asset.

    PUT    /vod/{title}/mezzanine.mp4?target_ms=&last=&bootstrap=      the file                  -> 201 AssetReport
    PUT    /vod/{title}/upload-{token}/{number}.mp4                    a file, numbers from 1    -> 201
    PUT    /vod/{title}/upload-{token}/asset.json                      Completion                -> 201 AssetReport
    DELETE /vod/{title}/upload-{token}/asset.json                      what came is dropped      -> 204
    PUT    /vod/{title}/harvest.json                                   origin.harvest            -> 201 AssetReport

Each file is indexed as soon as it is there, so what cannot be played is refused before the next one is sent. Nothing of
an upload can be seen until it is completed; one that nothing is added to for an hour is dropped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import aiofiles
import msgspec
import structlog
from aiohttp import web

from base.arrival import Completion, Harvest
from base.names import Leaf, Name
from base.problems import Problem
from node.process import Context
from origin.asset import Asset
from origin.assets import MEZZANINE, Assets, file_name
from origin.bodies import whole
from origin.harvest import Gathered, link
from packager.join import MOST_FILES
from packager.policy import Policy, bootstrap_of, last_of, parse

Harvester = Callable[[Harvest], Gathered]

log = structlog.get_logger("arrivals")

_BLOCK = 1 << 20
_IDLE_S = 3600.0
_MOST_UPLOADS = 64
_LARGEST_NOTE = 64 << 10


@dataclass(slots=True, kw_only=True)
class _Upload:
    folder: Path
    files: set[int] = field(default_factory=set)
    coming: set[int] = field(default_factory=set)  # files that are being received
    completing: bool = False
    touched: float = 0.0

    @property
    def busy(self) -> bool:
        return bool(self.coming) or self.completing


class Arrivals:
    """Requests that bring an asset. One at a time for a title; `adding` are those that are coming now."""

    def __init__(self, ctx: Context, assets: Assets) -> None:
        self.adding: set[str] = set()
        self.harvest: Harvester | None = None
        self._ctx = ctx
        self._assets = assets
        self._uploads: dict[tuple[str, str], _Upload] = {}
        # syncing a large file takes long; the threads that live parts are written in must not all do that
        self._indexing = asyncio.Semaphore(2)

    async def put(self, request: web.Request, name: Name) -> web.Response:
        match name.leaf:
            case Leaf.MEZZANINE:
                return _report(await self._alone(request, name, self._policy(request)))
            case Leaf.UPLOAD_FILE:
                return await self._file(request, name)
            case Leaf.UPLOAD:
                return _report(await self._complete(request, name))
            case Leaf.HARVEST if self.harvest is not None:
                return _report(await self._harvest(request, name, self.harvest))
            case _:
                raise Problem("method", "only the mezzanine can be put", allow="GET, HEAD")

    async def drop(self, name: Name) -> None:
        """What came of an upload goes. Raises Problem unknown."""
        upload = self._uploads.get((name.title, name.upload))
        if upload is None:
            raise _unknown_upload()
        if upload.busy:
            raise Problem("conflict", "the upload is still going on: end it first")
        await self._drop(name.title, name.upload)

    async def sweep(self) -> None:
        """Drop uploads that nobody goes on with."""
        now = self._ctx.clock.monotonic()
        for (title, token), upload in list(self._uploads.items()):
            if not upload.busy and now - upload.touched > _IDLE_S:
                log.info("upload.abandoned", asset=title, files=len(upload.files))
                await self._drop(title, token)

    async def _drop(self, title: str, token: str) -> None:
        upload = self._uploads.pop((title, token))
        await asyncio.to_thread(self._assets.drop, upload.folder)

    # One file by one PUT

    async def _alone(self, request: web.Request, name: Name, policy: Policy) -> Asset:
        if name.title in self.adding:
            raise Problem("conflict", f"asset {name.title} is being added by another request")
        self.adding.add(name.title)
        incoming = await asyncio.to_thread(self._assets.incoming)
        try:
            with _Refusals(self._ctx, name.title):
                await asyncio.to_thread(self._assets.refuse_taken, name.title)
                await _receive(request, incoming / MEZZANINE)
                async with self._indexing:
                    return await asyncio.to_thread(self._assets.add, name.title, incoming, policy)
        finally:
            self.adding.discard(name.title)
            await asyncio.to_thread(self._assets.drop, incoming)

    # A channel's segments

    async def _harvest(self, request: web.Request, name: Name, harvest: Harvester) -> Asset:
        if name.title in self.adding:
            raise Problem("conflict", f"asset {name.title} is being added by another request")
        try:
            wanted = msgspec.json.decode(await whole(request, _LARGEST_NOTE, "a harvest is short"), type=Harvest)
        except msgspec.DecodeError as fault:
            raise Problem("malformed", f"not a harvest: {fault}") from fault
        self.adding.add(name.title)
        incoming = await asyncio.to_thread(self._assets.incoming)
        try:
            with _Refusals(self._ctx, name.title):
                gathered = harvest(wanted)
                await asyncio.to_thread(self._assets.refuse_taken, name.title)
                async with self._indexing:
                    return await asyncio.to_thread(self._linked, name.title, incoming, gathered)
        finally:
            self.adding.discard(name.title)
            await asyncio.to_thread(self._assets.drop, incoming)

    def _linked(self, title: str, incoming: Path, gathered: Gathered) -> Asset:
        stems = [Path(file_name(at)).stem for at in range(len(gathered.names))]
        link(gathered, incoming, stems)
        return self._assets.add(title, incoming, self._usual(), gathered.names, gathered.notes)

    # Several files

    async def _file(self, request: web.Request, name: Name) -> web.Response:
        upload = await self._upload(name)
        if name.number in upload.files | upload.coming:
            raise Problem("conflict", f"file {name.number} of this upload is here already")
        if len(upload.files | upload.coming) >= MOST_FILES:
            raise Problem(
                "too-large", f"an asset has at most {MOST_FILES} files, each track of a film that is no MP4 is one"
            )
        upload.coming.add(name.number)
        path = upload.folder / _received(name.number)
        try:
            with _Refusals(self._ctx, name.title):
                received = await _receive(request, path)
                async with self._indexing:
                    await asyncio.to_thread(self._assets.make_index, path)
            upload.files.add(name.number)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        finally:
            upload.coming.discard(name.number)
            upload.touched = self._ctx.clock.monotonic()
        return web.json_response({"number": name.number, "bytes": received}, status=201)

    async def _upload(self, name: Name) -> _Upload:
        found = self._uploads.get((name.title, name.upload))
        if found is None:
            if len(self._uploads) >= _MOST_UPLOADS:
                raise Problem("busy", f"{_MOST_UPLOADS} uploads are going on: try again later")
            await asyncio.to_thread(self._assets.refuse_taken, name.title)
            made = _Upload(folder=await asyncio.to_thread(self._assets.incoming))
            found = self._uploads.setdefault((name.title, name.upload), made)
            if found is not made:
                await asyncio.to_thread(self._assets.drop, made.folder)
        if found.completing:
            raise Problem("conflict", "the upload is being completed")
        return found

    async def _complete(self, request: web.Request, name: Name) -> Asset:
        upload = self._uploads.get((name.title, name.upload))
        if upload is None:
            raise _unknown_upload()
        if upload.busy:
            raise Problem("conflict", "files of this upload are still coming")
        upload.completing = True
        try:
            wanted = await _completion(request)
            policy = parse(wanted.target_ms, wanted.last, wanted.bootstrap, self._usual())
            numbers = [file.number for file in wanted.files]
            if sorted(numbers) != sorted(upload.files):
                raise Problem(
                    "precondition", f"files {sorted(upload.files)} are here, not {sorted(numbers)}: send again"
                )
            with _Refusals(self._ctx, name.title):
                async with self._indexing:
                    made = await asyncio.to_thread(self._place, name.title, upload.folder, wanted, policy)
            await self._drop(name.title, name.upload)
            return made
        finally:
            upload.completing = False
            upload.touched = self._ctx.clock.monotonic()

    def _place(self, title: str, folder: Path, wanted: Completion, policy: Policy) -> Asset:
        for at, file in enumerate(wanted.files):
            for suffix in (".mp4", ".idx"):
                received = (folder / _received(file.number)).with_suffix(suffix)
                placed = (folder / file_name(at)).with_suffix(suffix)
                if received.exists():  # not if a refused completion has moved it already
                    received.rename(placed)
        return self._assets.add(title, folder, policy, tuple(file.name for file in wanted.files), wanted.notes)

    def _usual(self) -> Policy:
        settings = self._ctx.settings
        bootstrap = settings.text("origin.segment_bootstrap")
        return Policy(
            target_ms=settings.number("origin.segment_target"),
            last=last_of(settings.text("origin.segment_last")),
            bootstrap_ms=bootstrap_of(bootstrap) if bootstrap else (),
        )

    def _policy(self, request: web.Request) -> Policy:
        query = request.query
        return parse(query.get("target_ms", ""), query.get("last", ""), query.get("bootstrap", ""), self._usual())


class _Refusals:
    """Counts what is refused; a disk that cannot take the file is a Problem of ours."""

    def __init__(self, ctx: Context, title: str) -> None:
        self._ctx, self._title = ctx, title

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: object, fault: BaseException | None, __: object) -> None:
        if isinstance(fault, Problem):
            self._ctx.metrics.counter("origin_refused", kind=fault.kind.name).inc()
        elif isinstance(fault, OSError) and not isinstance(fault, ConnectionError):
            log.error("asset.not_stored", asset=self._title, fault=str(fault))
            self._ctx.metrics.counter("origin_refused", kind="busy").inc()
            raise Problem("busy", f"the origin cannot store the file: {fault.strerror}") from fault


async def _receive(request: web.Request, path: Path) -> int:
    """The body into a new file. Raises Problem malformed if it is cut short."""
    received = 0
    async with aiofiles.open(path, "wb") as file:
        async for block in request.content.iter_chunked(_BLOCK):
            await file.write(block)
            received += len(block)
    if request.content_length is not None and received != request.content_length:
        raise Problem("malformed", f"{received} of {request.content_length} octets came: send it again")
    return received


async def _completion(request: web.Request) -> Completion:
    body = await request.content.read(_LARGEST_NOTE)
    while more := await request.content.read(_LARGEST_NOTE):
        body += more
        if len(body) > _LARGEST_NOTE:
            raise Problem("too-large", f"a completion has at most {_LARGEST_NOTE} octets")
    try:
        return msgspec.json.decode(body, type=Completion)
    except msgspec.DecodeError as fault:
        raise Problem("malformed", f"not a completion: {fault}") from fault


def _received(number: int) -> str:
    """What a file is called until its asset is completed: never as a file of an asset."""
    return f"file-{number}.mp4"


def _unknown_upload() -> Problem:
    return Problem("unknown", "there is no such upload, or nobody went on with it for an hour: send all files again")


def _report(asset: Asset) -> web.Response:
    return web.Response(status=201, body=msgspec.json.encode(asset.report()), content_type="application/json")
