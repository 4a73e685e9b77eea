"""The next node towards the origin: requests tried again until a deadline, if that is safe.

A Headwater origin is sent only GET and HEAD, without anything of the viewer's but the request id and, of large objects,
ranges and conditions; and POST of a licence request, which changes nothing upstream. Trying again is then always safe
(RFC 9110 9.2.2). Any other origin is sent what the viewer sent; what is not idempotent, or has a body that is streamed,
goes once, over a connection of its own: one from the pool may be closing, and nobody could tell whether it arrived.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import aiohttp
import structlog
import yarl
from multidict import CIMultiDict

from base.problems import Problem

log = structlog.get_logger("upstream")

# How long an upstream that refuses, resets or is being started is asked again: a restart is not seen by a viewer.
PATIENCE_S = 4.0
# The same where a stale object may stand in.
PATIENCE_WITH_STALE_S = 0.5
# A fault of its own (500) seldom heals by asking again.
PATIENCE_WITH_FAULT_S = 0.3
# A held request may wait three target durations for its answer (RFC 8216bis 6.2.5.2).
READ_S = 35.0
CONNECT_S = 2.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 0.5
# What passes at the same time; more wait for a connection.
CONNECTIONS = 512
# Of an answer's header, in octets.
LONGEST_FIELD = 32 << 10
_NO_FIELDS: Mapping[str, str] = MappingProxyType({})
_UNAVAILABLE = frozenset({502, 503, 504})


@dataclass(slots=True)
class Upstream:
    """`address`: `unix:/path` or `http://host:port`. `on_retry` is told of each further try."""

    address: str
    on_retry: Callable[[], None]
    _session: aiohttp.ClientSession | None = field(default=None, init=False)
    _once: aiohttp.ClientSession | None = field(default=None, init=False)

    @property
    def authority(self) -> str:
        """What Host says where nothing else is given."""
        return self._base.partition("://")[2].partition("/")[0].lower().removesuffix(":80")

    async def open(
        self,
        target: str,
        *,
        request_id: str,
        patience_s: float = PATIENCE_S,
        body: bytes | None = None,
        method: str = "GET",
        fields: Mapping[str, str] = _NO_FIELDS,
        ours: bool = True,
    ) -> aiohttp.ClientResponse:
        """The answer to GET `target`, or to POST of a `body`, its header read and its body not. Close it.

        `fields` go along (ranges, conditions). `ours`: a Headwater origin, whose 5xx are its being away; any other
        origin's are answers.

        Raises Problem upstream (away, or answers 5xx until the deadline) and late (no answer in READ_S).
        """
        if ours:
            own = {"Accept-Encoding": "identity", "X-Request-Id": request_id, "Via": "1.1 Headwater"}
            if body is not None:
                own["Content-Type"] = "application/json"
            fields = own | dict(fields)
        else:
            fields = CIMultiDict(fields, **{"X-Request-Id": request_id})
        loop = asyncio.get_running_loop()
        begun = loop.time()
        pause = FIRST_PAUSE_S
        while True:
            allowed = patience_s
            try:
                answer = await self._ask(target, method if body is None else "POST", fields, body)
                if answer.status < 500 or not ours:
                    return answer
                fault = f"upstream answers {answer.status}"
                if answer.status not in _UNAVAILABLE:
                    allowed = min(allowed, PATIENCE_WITH_FAULT_S)
                answer.close()
            except TimeoutError as late:  # aiohttp's connect timeouts are both a TimeoutError and a ClientError
                if not isinstance(late, aiohttp.ConnectionTimeoutError):
                    raise Problem("late", "upstream took too long to answer") from late
                fault = "upstream cannot be reached"
            except aiohttp.ClientResponseError as unreadable:
                log.warning("upstream.unreadable", target=_shown(target), fault=fault_of(unreadable))
                raise Problem("upstream", "upstream's answer is no HTTP") from unreadable
            except (aiohttp.ClientError, OSError) as away:
                fault = "upstream cannot be reached"
                log.debug("upstream.away", target=_shown(target), fault=fault_of(away))
            if loop.time() + pause - begun > allowed:
                raise Problem("upstream", fault)
            self.on_retry()
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)

    async def send(
        self, target: str, *, method: str, fields: Mapping[str, str], body: AsyncIterable[bytes] | None
    ) -> aiohttp.ClientResponse:
        """The answer to what is sent once, as it is. The body is streamed; the answer may begin before it ends.

        Raises Problem upstream and late.
        """
        try:
            return await self._ask(target, method, fields, body, once=True)
        except TimeoutError as late:
            if not isinstance(late, aiohttp.ConnectionTimeoutError):
                raise Problem("late", "upstream took too long to answer") from late
            raise Problem("upstream", "upstream cannot be reached") from late
        except (aiohttp.ClientError, OSError) as away:
            log.debug("upstream.away", target=_shown(target), fault=fault_of(away))
            raise Problem("upstream", "upstream cannot be reached, or broke off") from away

    async def _ask(
        self,
        target: str,
        method: str,
        fields: Mapping[str, str],
        body: bytes | AsyncIterable[bytes] | None,
        *,
        once: bool = False,
    ) -> aiohttp.ClientResponse:
        if self._session is None:
            self._session = self._connect(again=True)
            self._once = self._connect(again=False)
        assert self._once is not None
        answer = await (self._once if once else self._session).request(
            method,
            yarl.URL(self._base + target, encoded=True),
            headers=fields,
            data=body,
            allow_redirects=False,
        )
        if answer.status == 101:  # RFC 9110 7.8: nobody asked for it
            answer.close()
            raise Problem("upstream", "upstream changes to another protocol unasked")
        lengths = answer.headers.getall("Content-Length", [])
        if len(lengths) > 1 or (lengths and "Transfer-Encoding" in answer.headers):
            answer.close()  # RFC 9112 6.3: where it ends depends on who reads it
            raise Problem("upstream", "upstream's answer states its length in two ways")
        return answer

    @property
    def _base(self) -> str:
        return "http://origin" if self.address.startswith("unix:") else self.address.rstrip("/")

    def _connect(self, *, again: bool) -> aiohttp.ClientSession:
        """`again`: connections are used for more than one request."""
        connector: aiohttp.BaseConnector
        if self.address.startswith("unix:"):
            path = self.address.removeprefix("unix:")
            connector = aiohttp.UnixConnector(path, limit=CONNECTIONS, force_close=not again)
        else:
            connector = aiohttp.TCPConnector(limit=CONNECTIONS, force_close=not again)
        return aiohttp.ClientSession(
            connector=connector,
            auto_decompress=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=READ_S),
            read_bufsize=1 << 18,
            max_line_size=LONGEST_FIELD,
            max_field_size=LONGEST_FIELD,
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def close(self) -> None:
        for session in (self._session, self._once):
            if session is not None:
                await session.close()
        self._session = self._once = None


def fault_of(fault: BaseException) -> str:
    """As logs have it: what an exception quotes may be a viewer's cookie, body or query."""
    if isinstance(fault, aiohttp.ClientResponseError):
        return re.split(r"[:\n]", fault.message)[0] or type(fault).__name__
    if (
        isinstance(fault, OSError)
        and fault.strerror
        and isinstance(fault, aiohttp.ClientConnectorError | ConnectionError)
    ):
        return f"{type(fault).__name__}: {fault.strerror}"
    return type(fault).__name__


def _shown(target: str) -> str:
    """As logs have it: a query may hold what is secret."""
    return target.partition("?")[0]
