"""The express lane: a hit is answered inside `data_received`, before aiohttp parses anything.

Theory of operation. A connection's protocol is aiohttp's own, with one look in front: are these bytes exactly one
plain GET of a hot object, on a connection where nothing is going on? If so, one write answers: prebuilt header
and the stored body. If not, the bytes go to aiohttp unchanged; nothing is parsed twice or half.

"Exactly one plain GET" is three checks. The request line is `GET <key> HTTP/1.1` with the key in the hot table as
bytes. The rest of the head matches PLAIN: well-formed fields, one Host, and none that could change the answer or the
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
import secrets
from collections.abc import Callable
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler
from aiohttp.web_server import Server

from base.records import Delivery
from edge.counts import Counts
from edge.request import CORS
from edge.store import MemoryTier, Stored
from node.clock import Clock

# A head is `other fields, one Host, other fields`. Names: RFC 9110 5.1; values: 5.5, without CR, LF and NUL.
_OTHER = (
    rb"(?:(?!host:|range:|if-|content-|transfer-|connection:(?![ \t]*keep-alive[ \t]*\r)|upgrade:|expect:|te:"
    rb"|trailer:|authorization:|proxy-|http2-|sec-websocket|cmcd-)"
    rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r\n)*"
)
PLAIN = re.compile(_OTHER + rb"host:[ \t]*[A-Za-z0-9.\-_:\[\]]+[ \t]*\r\n" + _OTHER + rb"\r\n", re.IGNORECASE)
# The same with CMCD in header fields, which differ from request to request: judged, but not remembered.
PLAIN_WITH_CMCD = re.compile(PLAIN.pattern.replace(rb"|cmcd-", b""), re.IGNORECASE)
_CMCD_FIELD = re.compile(rb"\r\ncmcd-(?:object|request|session|status):[ \t]*([^\r]*)", re.IGNORECASE)
# A whole head that has no body: the parser is at the beginning of a message after it.
_BODILESS = re.compile(
    rb"(?!.*[\r\n](?:content-length|transfer-encoding|upgrade)[ \t]*:)(?:GET|HEAD|OPTIONS) .*", re.I | re.S
)
_REPORT = re.compile(rb"[!-~]*")

LONGEST_HEAD = 8190  # aiohttp's own limit of a line
_REMEMBERED, _LONGEST_REMEMBERED = 1024, 2048
# Up to this length a body is joined with its header: one small copy each second saves a vector on each write.
_JOINED = 16 << 10
_VERSION = b" HTTP/1.1\r\n"


class Hot:
    """A stored object with its answer prebuilt. `until`: the monotonic time up to which `parts` are right."""

    __slots__ = ("_before_age", "parts", "path", "size", "stored", "until", "whole")

    def __init__(self, stored: Stored) -> None:
        self.stored = stored
        self.path = stored.key
        self.size = len(stored.body)
        self.until = -1.0
        self.whole = b""
        self.parts: tuple[bytes, bytes] = (b"", b"")
        lines = [f"{name}: {value}\r\n" for name, value in fields_of(stored, "Headwater; hit")]
        self._before_age = f"HTTP/1.1 200 OK\r\n{''.join(lines)}Content-Length: {self.size}\r\nAge: ".encode(
            "utf-8", "surrogateescape"
        )

    def renew(self, now: float) -> bool:
        """Put in the Age of this second (RFC 9111 5.1); False if the object is no longer fresh."""
        stored = self.stored
        if not stored.fresh(now):
            return False
        age = stored.age_s(now)
        self.until = min(stored.born + age + 1, stored.born + stored.fresh_s)
        head = b"%b%d\r\n\r\n" % (self._before_age, age)
        if self.size <= _JOINED:
            self.whole = head + stored.body
        else:
            self.parts = (head, stored.body)
        return True


def fields_of(stored: Stored, cache_status: str) -> list[tuple[str, str]]:
    """The fields of an answer from the store, without Age and Content-Length. Cache-Status is appended (RFC 9211 2)."""
    fields = [(name, value) for name, value in stored.fields if name.lower() != "cache-status"]
    before = [value for name, value in stored.fields if name.lower() == "cache-status"]
    fields.append(("Cache-Status", ", ".join([*before, cache_status])))
    fields += [("Accept-Ranges", "bytes"), ("Server", "Headwater"), *CORS]
    return fields


class Lane:
    """The hot table and what a hit needs; one per process."""

    def __init__(self, store: MemoryTier, clock: Clock, counts: Counts, sink: Callable[[Delivery], None]) -> None:
        self.hot: dict[bytes, Hot] = {}
        self.counts = counts
        self._store = store
        self._clock = clock
        self._sink = sink
        self._monotonic = clock.monotonic
        self._known: set[bytes] = set()
        self._run = secrets.token_hex(5)
        store.watch(self._put, self._drop)

    def _put(self, stored: Stored) -> None:
        if stored.status == 200:
            self.hot[stored.key.encode()] = Hot(stored)

    def _drop(self, key: str) -> None:
        self.hot.pop(key.encode(), None)

    def answer(self, data: bytes, transport: asyncio.WriteTransport) -> bool:
        """Write the answer if `data` is one plain GET of a fresh hot object; False if aiohttp has to look at it."""
        end = data.find(_VERSION)
        if end < 0 or not data.startswith(b"GET /"):
            return False
        target = data[4:end]
        report = b""
        found = self.hot.get(target)
        if found is None:
            # A CMCD report is no part of the key (CTA-5004-B 6): players append it as the last parameter.
            before, mark, report = target.partition(b"CMCD=")
            if not mark or before[-1:] not in (b"?", b"&") or b"&" in report or not _REPORT.fullmatch(report):
                return False
            found = self.hot.get(before[:-1])
            if found is None:
                return False
        head = data[end + 11 :]
        if head not in self._known:
            if (said := self._judge(head)) is None:
                return False
            report = said or report
        now = self._monotonic()
        if now >= found.until and not found.renew(now):
            return False
        if found.whole:
            transport.write(found.whole)
        else:
            transport.writelines(found.parts)
        counts = self.counts
        counts.express += 1
        counts.sent += found.size
        self._store.touch(found.path)
        self._sink(
            Delivery(
                time_ms=self._clock.now_ms(),
                request=f"{self._run}{counts.express:x}",
                method="GET",
                path=found.path,
                status=200,
                size=found.size,
                cache="hit",
                duration_ms=0,
                cmcd=report,
            )
        )
        return True

    def _judge(self, head: bytes) -> bytes | None:
        """Is this the rest of a plain GET? None if not, else the CMCD report in its fields."""
        if len(head) > LONGEST_HEAD:
            return None
        if PLAIN.fullmatch(head):
            if len(head) <= _LONGEST_REMEMBERED:
                if len(self._known) >= _REMEMBERED:
                    self._known.clear()
                self._known.add(head)
            return b""
        if PLAIN_WITH_CMCD.fullmatch(head):
            return b"\n".join(_CMCD_FIELD.findall(b"\r\n" + head))
        return None


class LaneProtocol(RequestHandler):
    """aiohttp's protocol with the lane in front."""

    __slots__ = ("_gone", "_lane", "_tail")

    def __init__(self, lane: Lane, manager: Server, **kwargs: Any) -> None:
        super().__init__(manager, **kwargs)
        self._lane = lane
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
            and self._lane.answer(data, self.transport)
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


class LaneServer(Server):
    """Makes a LaneProtocol for each connection."""

    def __init__(self, lane: Lane, plain: Server) -> None:
        super().__init__(
            plain.request_handler, request_factory=plain.request_factory, loop=plain._loop, **plain._kwargs
        )
        self._lane = lane

    def __call__(self) -> RequestHandler:
        return LaneProtocol(self._lane, self, loop=self._loop, **self._kwargs)


class LaneRunner(web.AppRunner):
    """An AppRunner whose server has the lane in front."""

    __slots__ = ("_lane",)

    def __init__(self, app: web.Application, lane: Lane, **kwargs: Any) -> None:
        super().__init__(app, **kwargs)
        self._lane = lane

    async def _make_server(self) -> Server:
        return LaneServer(self._lane, await super()._make_server())
