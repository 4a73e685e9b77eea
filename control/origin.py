"""What control asks of the origin: put a file, remove a name, report. HTTP, over a unix socket on one box.

PUT    /vod/{asset}/mezzanine.mp4     the file           -> 201 AssetReport
PUT    /vod/{asset}/upload-...        several files      -> base/arrival.py
PUT    /vod/{asset}/harvest.json      Harvest            -> 201 AssetReport
PUT    /vod/{asset}/text/{track}      subtitles          -> 201 AssetReport
DELETE /vod/{asset}/text/{track}                         -> 204, 404
PUT    /vod/{asset}/captions.json                        -> 200, 404
GET, PUT, DELETE /vod/{asset}/marks.json                 -> 200, 204, 400, 404
GET, PUT, DELETE /vod/{asset}/tracks.json                -> 200, 204, 400, 404
GET    /{kind}/{title}/status.json                       -> 200 AssetReport or ChannelReport, 404
DELETE /{kind}/{title}/status.json                       -> 204, 404
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, TypeVar

import aiohttp
import msgspec

from base.arrival import Completion, Harvest
from base.content_types import CONTENT_TYPE
from base.names import Kind, Leaf, Name
from base.problems import KINDS, Problem
from base.reports import AssetReport, ChannelReport
from node.web import REQUEST_ID_FIELD

R = TypeVar("R", AssetReport, ChannelReport)

_LARGEST_ANSWER = 4 << 20
# The origin indexes a file before it answers: reading the whole of it again may take a while on a slow disk.
_PUT_ANSWER_SECONDS = 600


class Refused(Exception):
    """The origin's own 4xx answer, to be relayed as it is."""

    def __init__(self, status: int, body: bytes, content_type: str) -> None:
        super().__init__(f"origin answered {status}")
        self.status = status
        self.body = body
        self.content_type = content_type


class Origin:
    """A client with its own connections; `close` it. `where`: `http://host:port` or `unix:/path`."""

    def __init__(self, where: str) -> None:
        if where.startswith("unix:"):
            self._base = "http://origin"
            connector: aiohttp.BaseConnector = aiohttp.UnixConnector(where[5:], limit=64)
        else:
            self._base = where.rstrip("/")
            connector = aiohttp.TCPConnector(limit=64)
        self._session = aiohttp.ClientSession(connector=connector, auto_decompress=False)

    async def close(self) -> None:
        await self._session.close()

    async def put(
        self,
        asset: str,
        body: AsyncIterator[bytes],
        length: int | None,
        request_id: str,
        *,
        query: dict[str, str] | None = None,
    ) -> AssetReport:
        """Stream a file. Raises Refused (the origin said why), Problem upstream (nobody knows how it went).

        `query`: words of the segment policy. A fault of `body` ends the connection unclean, so that the origin keeps
        nothing, and surfaces as upstream.
        """
        name = Name(kind=Kind.VOD, title=asset, leaf=Leaf.MEZZANINE)
        return _report(await self._send(name, body, length, request_id, query), AssetReport)

    async def put_file(
        self, asset: str, upload: str, number: int, body: AsyncIterator[bytes], length: int | None, request_id: str
    ) -> int:
        """Stream one file of an upload; its octets. Raises as `put`."""
        name = Name(kind=Kind.VOD, title=asset, leaf=Leaf.UPLOAD_FILE, upload=upload, number=number)
        text = await self._send(name, body, length, request_id)
        try:
            return int(msgspec.json.decode(text, type=dict[str, int])["bytes"])
        except (msgspec.DecodeError, KeyError) as fault:
            raise Problem("upstream", f"the origin's answer cannot be read: {fault}") from fault

    async def complete(self, asset: str, upload: str, done: Completion, request_id: str) -> AssetReport:
        """The files that were put are the asset. Raises as `put`."""
        name = Name(kind=Kind.VOD, title=asset, leaf=Leaf.UPLOAD, upload=upload)
        body = msgspec.json.encode(done)
        return _report(await self._send(name, body, len(body), request_id), AssetReport)

    async def harvest(self, asset: str, wanted: Harvest, request_id: str) -> AssetReport:
        """A stretch of a channel is the asset. Raises as `put`."""
        body = msgspec.json.encode(wanted)
        name = Name(kind=Kind.VOD, title=asset, leaf=Leaf.HARVEST)
        return _report(await self._send(name, body, len(body), request_id), AssetReport)

    async def drop_upload(self, asset: str, upload: str, seconds: float = 10.0) -> None:
        """Raises Problem upstream or late."""
        await self._ask("DELETE", Name(kind=Kind.VOD, title=asset, leaf=Leaf.UPLOAD, upload=upload).path, seconds)

    async def _send(
        self,
        name: Name,
        body: AsyncIterator[bytes] | bytes,
        length: int | None,
        request_id: str,
        query: dict[str, str] | None = None,
    ) -> bytes:
        fields = {"Content-Type": CONTENT_TYPE[name.leaf], REQUEST_ID_FIELD: request_id}
        if length is not None:
            fields["Content-Length"] = str(length)
        patience = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=_PUT_ANSWER_SECONDS)
        try:
            async with self._session.put(
                self._base + name.path, params=query, data=body, headers=fields, timeout=patience
            ) as answer:
                text = await _body(answer)
                if 400 <= answer.status < 500:
                    raise Refused(answer.status, text, answer.content_type)
                if answer.status not in (200, 201):
                    raise Problem("upstream", f"the origin could not keep the file: {_why(text, answer.status)}")
        except (aiohttp.ClientError, TimeoutError, OSError) as fault:
            raise Problem("upstream", "the origin did not take the file: is it running?") from fault
        return text

    async def asset(self, asset: str, seconds: float = 5.0) -> AssetReport | None:
        """None if the origin has no such asset. Raises Problem: unplayable (it cannot open it), upstream, late."""
        return await self._status(Kind.VOD, asset, seconds, AssetReport)

    async def channel(self, channel: str, seconds: float = 5.0) -> ChannelReport | None:
        """None if the origin never heard of it. Raises Problem upstream or late."""
        return await self._status(Kind.LIVE, channel, seconds, ChannelReport)

    async def delete(self, kind: Kind, title: str, seconds: float = 10.0) -> None:
        """Gone, or never there. Raises Problem upstream or late."""
        path = Name(kind=kind, title=title, leaf=Leaf.STATUS).path
        status, text = await self._ask("DELETE", path, seconds)
        if status not in (200, 202, 204, 404, 410):
            raise Problem("upstream", f"the origin did not remove it: {_why(text, status)}")

    async def put_text(
        self, asset: str, track: str, body: bytes, offer: dict[str, str], request_id: str, seconds: float = 60.0
    ) -> AssetReport:
        """A file of subtitles as a track that is not there yet. Raises Refused, Problem upstream or late."""
        name = Name(kind=Kind.VOD, title=asset, leaf=Leaf.SIDECAR, track=track)
        fields = {"If-None-Match": "*", "Content-Type": CONTENT_TYPE[name.leaf], REQUEST_ID_FIELD: request_id}
        status, text = await self._ask("PUT", name.path, seconds, params=offer, data=body, headers=fields)
        if 400 <= status < 500:
            raise Refused(status, text, "application/problem+json")
        if status not in (200, 201):
            raise Problem("upstream", f"the origin could not keep the subtitles: {_why(text, status)}")
        return _report(text, AssetReport)

    async def find_captions(self, asset: str, language: str, seconds: float = 120.0) -> None:
        """Have the captions in a picture made to texts. Raises Refused (there are none), Problem upstream or late."""
        name = Name(kind=Kind.VOD, title=asset, leaf=Leaf.CAPTIONS)
        status, text = await self._ask("PUT", name.path, seconds, params={"language": language})
        if 400 <= status < 500:
            raise Refused(status, text, "application/problem+json")
        if status != 200:
            raise Problem("upstream", f"the origin could not find captions: {_why(text, status)}")

    async def delete_text(self, asset: str, track: str, seconds: float = 10.0) -> None:
        """Gone, or never there. Raises Problem upstream or late."""
        path = Name(kind=Kind.VOD, title=asset, leaf=Leaf.SIDECAR, track=track).path
        status, text = await self._ask("DELETE", path, seconds)
        if status not in (200, 204, 404, 410):
            raise Problem("upstream", f"the origin did not remove the subtitles: {_why(text, status)}")

    async def beside(
        self,
        asset: str,
        leaf: Leaf,
        method: str,
        body: bytes | None = None,
        request_id: str = "",
        seconds: float = 20.0,
    ) -> bytes:
        """What the origin keeps beside an asset (marks, the filter of its tracks) as JSON; PUT replaces it.

        Raises Refused, Problem upstream or late.
        """
        name = Name(kind=Kind.VOD, title=asset, leaf=leaf)
        fields = {"Content-Type": CONTENT_TYPE[name.leaf], **({REQUEST_ID_FIELD: request_id} if request_id else {})}
        status, text = await self._ask(method, name.path, seconds, data=body, headers=fields)
        if 400 <= status < 500:
            raise Refused(status, text, "application/problem+json")
        if status not in (200, 204):
            raise Problem("upstream", f"the origin cannot answer for {leaf.value}: {_why(text, status)}")
        return text

    async def _status(self, kind: Kind, title: str, seconds: float, sort: type[R]) -> R | None:
        path = Name(kind=kind, title=title, leaf=Leaf.STATUS).path
        status, text = await self._ask("GET", path, seconds)
        if status in (404, 410):
            return None
        if status == KINDS["unplayable"].status:
            raise Problem("unplayable", _why(text, status))
        if status != 200:
            raise Problem("upstream", f"the origin does not report: {_why(text, status)}")
        return _report(text, sort)

    async def _ask(self, method: str, path: str, seconds: float, **more: Any) -> tuple[int, bytes]:
        try:
            patience = aiohttp.ClientTimeout(total=seconds)
            async with self._session.request(method, self._base + path, timeout=patience, **more) as answer:
                return answer.status, await _body(answer)
        except TimeoutError as fault:
            raise Problem("late", "the origin took too long") from fault
        except (aiohttp.ClientError, OSError) as fault:
            raise Problem("upstream", "the origin does not answer: is it running?") from fault


async def _body(answer: aiohttp.ClientResponse) -> bytes:
    found = bytearray()
    async for piece in answer.content.iter_chunked(1 << 16):
        found += piece
        if len(found) > _LARGEST_ANSWER:
            raise Problem("upstream", "the origin's answer is too long to be a report")
    return bytes(found)


def _why(text: bytes, status: int) -> str:
    """The sentence of a problem document (RFC 9457 3.1.4), else the status."""
    try:
        found = msgspec.json.decode(text, type=dict[str, object]).get("detail")
    except msgspec.DecodeError:
        found = None
    return str(found) if found else f"status {status}"


def _report(text: bytes, sort: type[R]) -> R:
    try:
        return msgspec.json.decode(text, type=sort)
    except msgspec.DecodeError as fault:
        raise Problem("upstream", f"the origin's report cannot be read: {fault}") from fault
