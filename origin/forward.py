"""What a worker of the origin does not do itself is handed on to worker 0, over its socket.

Both bodies are streamed at the pace of who takes them; fields and status go through unchanged, but for those of the one
connection (RFC 9110 7.6.1). There is no deadline here: worker 0 decides how long it holds a request. Nothing is tried
again: whether that is safe, who asked knows.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import aiohttp
import structlog
import yarl
from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from multidict import CIMultiDict, CIMultiDictProxy

from base.problems import Problem
from node import web as rim
from node.process import Context

log = structlog.get_logger("forward")

_OF_THE_CONNECTION = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)
_OF_ITS_OWN = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")  # fields that the client would add
_CONNECT_S = 2.0
_READ_OCTETS = 1 << 18


class Forward:
    """To the origin that answers at `socket`. Made in a running loop; `close` when nothing is open any more."""

    def __init__(self, ctx: Context, socket: Path) -> None:
        self._forwarded = ctx.metrics.counter("origin_forwarded")
        self._client = aiohttp.ClientSession(
            connector=aiohttp.UnixConnector(str(socket), limit=0),
            auto_decompress=False,
            skip_auto_headers=_OF_ITS_OWN,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S),
            read_bufsize=_READ_OCTETS,
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Raises Problem: busy where worker 0 is away, upstream where it broke off before it answered."""
        self._forwarded.inc()
        fields = passed_on(request.headers)
        fields.popall("Expect", None)  # answered here, before the body is read
        fields[rim.REQUEST_ID_FIELD] = request[rim.REQUEST_ID]
        if fields.popall("Content-Encoding", None):  # undone by the server while it reads
            fields.popall("Content-Length", None)
        try:
            answer = await self._client.request(
                request.method,
                yarl.URL(f"http://origin{request.rel_url.raw_path_qs}", encoded=True),
                headers=fields,
                data=_Once(request.content.iter_any()) if request.can_read_body else None,
                allow_redirects=False,
            )
        except aiohttp.ClientConnectorError as away:
            log.debug("forward.away", fault=str(away))
            raise Problem("busy", "the origin is being started: ask again") from away
        except TimeoutError as away:
            raise Problem("busy", "the origin takes no more connections now: ask again") from away
        except (aiohttp.ClientError, OSError) as broken:
            log.warning("forward.broken", request_id=request[rim.REQUEST_ID], fault=str(broken))
            raise Problem("upstream", "the origin broke off before it answered: ask again") from broken
        try:
            return await _relay(request, answer)
        finally:
            answer.close() if not answer.content.at_eof() else answer.release()

    async def close(self) -> None:
        await self._client.close()


def passed_on(fields: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    """The fields of a message that are not of its connection."""
    named = {name.strip().lower() for value in fields.getall("Connection", ()) for name in value.split(",")}
    dropped = _OF_THE_CONNECTION | named
    return CIMultiDict((name, value) for name, value in _pairs(fields) if name.lower() not in dropped)


def _pairs(fields: CIMultiDictProxy[str]) -> Iterable[tuple[str, str]]:
    return fields.items()


async def _relay(request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    """Without a stated length the body is sent in chunks. Raises ConnectionResetError where it breaks off."""
    response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=passed_on(answer.headers))
    await response.prepare(request)
    while True:
        try:
            part = await answer.content.readany()
        except (aiohttp.ClientError, OSError) as broken:
            log.warning("forward.cut_short", request_id=request[rim.REQUEST_ID], fault=str(broken))
            rim.abort(request)
            raise ConnectionResetError("the body was cut short") from broken
        if not part:
            break
        await response.write(part)
    await response.write_eof()
    return response


class _Once(aiohttp.AsyncIterablePayload):
    """A body that can be sent one time: what a reader has sent is gone. The client would try a PUT again."""

    _begun = False

    @property
    def consumed(self) -> bool:
        return self._begun

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        if self._begun:
            raise ConnectionResetError("the body was sent before")
        self._begun = True
        await super().write_with_length(writer, content_length)
