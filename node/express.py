"""An express lane: what is ready is answered inside `data_received`, before aiohttp parses anything.

Theory of operation. A connection's protocol is aiohttp's own, with one look in front: are these bytes exactly one
plain GET of something that the role has ready, on a connection where nothing is going on? If so, one write answers. If
not, the bytes go to aiohttp unchanged; nothing is parsed twice or half.

"Exactly one plain GET" is three checks. The request line is `GET <target> HTTP/1.1` with a target that the role knows
as bytes. The rest of the head matches PLAIN: well-formed fields, one Host, and none that could change the answer or the
framing (ranges, conditions, a body, Connection other than keep-alive, upgrades, credentials); a client sends the same
head again and again, so verdicts are remembered. And the head's end is the end of the bytes: no body, no second
request.

"Nothing is going on" is two. aiohttp's handler waits for a message (`_waiter`), so answers stay in order. And aiohttp's
parser is at a message's beginning: once it was given part of a request, the next bytes belong to it, even if they
look like a GET (that is how requests are smuggled). The parser does not tell, so `_tail` holds what it was given since
the last known beginning, until that is one whole bodyless head, or for ever if it never is.

A slow reader costs no copy: uvloop queues references to the buffers. Above its high-water mark the transport pauses
the protocol, and then the lane stands aside until aiohttp, which waits for the drain, is through.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler
from aiohttp.web_server import Server

# Writes the answer if the bytes are one plain GET of what is ready; False if aiohttp has to look at them.
Answer = Callable[[bytes, asyncio.WriteTransport], bool]

# A head is `other fields, one Host, other fields`. Names: RFC 9110 5.1; values: 5.5, without CR, LF and NUL.
_OTHER = (
    rb"(?:(?!host:|range:|if-|content-|transfer-|connection:(?![ \t]*keep-alive[ \t]*\r)|upgrade:|expect:|te:"
    rb"|trailer:|authorization:|proxy-|http2-|sec-websocket|cmcd-)"
    rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r\n)*"
)
PLAIN = re.compile(_OTHER + rb"host:[ \t]*[A-Za-z0-9.\-_:\[\]]+[ \t]*\r\n" + _OTHER + rb"\r\n", re.IGNORECASE)
# A whole head that has no body: the parser is at the beginning of a message after it.
_BODILESS = re.compile(
    rb"(?!.*[\r\n](?:content-length|transfer-encoding|upgrade)[ \t]*:)(?:GET|HEAD|OPTIONS) .*", re.I | re.S
)

LONGEST_HEAD = 8190  # aiohttp's own limit of a line
_REMEMBERED, _LONGEST_REMEMBERED = 1024, 2048
VERSION = b" HTTP/1.1\r\n"


class PlainHeads:
    """Which heads (what follows the request line) are plain; those that were seen lately are known at once."""

    def __init__(self) -> None:
        self._known: set[bytes] = set()

    def __contains__(self, head: bytes) -> bool:
        if head in self._known:
            return True
        if len(head) > LONGEST_HEAD or not PLAIN.fullmatch(head):
            return False
        if len(head) <= _LONGEST_REMEMBERED:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known.add(head)
        return True


class ExpressProtocol(RequestHandler):
    """aiohttp's protocol with the lane in front."""

    __slots__ = ("_answer", "_gone", "_tail")

    def __init__(self, answer: Answer, manager: Server, **kwargs: Any) -> None:
        super().__init__(manager, **kwargs)
        self._answer = answer
        self._gone: asyncio.Future[None] | None = None
        # What aiohttp's parser was given since it was last known to be at a beginning; None: not known any more.
        self._tail: bytes | None = b""

    def data_received(self, data: bytes) -> None:
        waiter = self._waiter
        if (
            self._tail == b""
            and waiter is not None
            and not waiter.done()
            and not self._paused
            and not self._close
            and not self._force_close
            and self.transport is not None
            and self._answer(data, self.transport)
        ):
            self._request_count += 1
            assert self._manager is not None
            self._manager.requests_count += 1
            # The timer reads this when it fires: an idle connection lives its whole time from here on.
            self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
            return
        if data and self._tail is not None:
            self._tail = after(self._tail + data if self._tail else data)
        super().data_received(data)

    async def drained(self) -> None:
        """Wait while the transport holds more than its high-water mark for a slow reader."""
        await self._drain_helper()

    def connection_lost(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(None)

    async def shutdown(self, timeout: float | None = 15.0) -> None:  # noqa: ASYNC109 (aiohttp's signature)
        """A body that a slow reader has not taken yet is an open response: it gets the drain's time as well."""
        transport = self.transport
        await super().shutdown(timeout)
        if transport is not None and transport.get_write_buffer_size():
            self._gone = self._loop.create_future()
            try:
                async with asyncio.timeout(timeout):
                    await self._gone
            except TimeoutError:
                transport.abort()  # the body must not seem to end


def after(tail: bytes) -> bytes | None:
    """What remains to be completed after `tail` came from a message's beginning: b"" if it is a beginning again.

    None once it cannot be told any more: a body, a second request behind the first, an endless head.
    """
    end = tail.find(b"\r\n\r\n")
    if end < 0:
        return tail if len(tail) <= LONGEST_HEAD else None
    return b"" if end + 4 == len(tail) and _BODILESS.fullmatch(tail) else None


class ExpressServer(Server):
    """Makes an ExpressProtocol for each connection."""

    def __init__(self, answer: Answer, plain: Server) -> None:
        super().__init__(
            plain.request_handler, request_factory=plain.request_factory, loop=plain._loop, **plain._kwargs
        )
        self._answer = answer

    def __call__(self) -> RequestHandler:
        return ExpressProtocol(self._answer, self, loop=self._loop, **self._kwargs)


class ExpressRunner(web.AppRunner):
    """An AppRunner whose server has the lane in front."""

    __slots__ = ("_answer",)

    def __init__(self, app: web.Application, answer: Answer, **kwargs: Any) -> None:
        super().__init__(app, **kwargs)
        self._answer = answer

    async def _make_server(self) -> Server:
        return ExpressServer(self._answer, await super()._make_server())
