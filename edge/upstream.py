"""The next node towards the origin: one session, requests tried again until a deadline.

Only GET and HEAD are sent, without anything of the viewer's but the request id and, of large objects, ranges and
conditions: trying again is always safe (RFC 9110 9.2.2); and POST of a licence request, which changes nothing upstream.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import aiohttp
import structlog
import yarl

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
_NO_FIELDS: Mapping[str, str] = MappingProxyType({})
_UNAVAILABLE = frozenset({502, 503, 504})


@dataclass(slots=True)
class Upstream:
    """`address`: `unix:/path` or `http://host:port`. `on_retry` is told of each further try."""

    address: str
    on_retry: Callable[[], None]
    _session: aiohttp.ClientSession | None = field(default=None, init=False)

    async def open(
        self,
        target: str,
        *,
        request_id: str,
        patience_s: float = PATIENCE_S,
        body: bytes | None = None,
        method: str = "GET",
        fields: Mapping[str, str] = _NO_FIELDS,
    ) -> aiohttp.ClientResponse:
        """The answer to GET `target`, or to POST of a `body`, its header read and its body not. Close it.

        `fields` go along (ranges, conditions).

        Raises Problem upstream (away, or answers 5xx until the deadline) and late (no answer in READ_S).
        """
        loop = asyncio.get_running_loop()
        begun = loop.time()
        pause = FIRST_PAUSE_S
        while True:
            allowed = patience_s
            try:
                answer = await self._ask(target, request_id, body, method, fields)
                if answer.status < 500:
                    return answer
                fault = f"upstream answers {answer.status}"
                if answer.status not in _UNAVAILABLE:
                    allowed = min(allowed, PATIENCE_WITH_FAULT_S)
                answer.close()
            except TimeoutError as late:  # aiohttp's connect timeouts are both a TimeoutError and a ClientError
                if not isinstance(late, aiohttp.ConnectionTimeoutError):
                    raise Problem("late", "upstream took too long to answer") from late
                fault = "upstream cannot be reached"
            except (aiohttp.ClientError, OSError) as away:
                fault = "upstream cannot be reached"
                log.debug("upstream.away", target=target, fault=str(away))
            if loop.time() + pause - begun > allowed:
                raise Problem("upstream", fault)
            self.on_retry()
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)

    async def _ask(
        self, target: str, request_id: str, body: bytes | None, method: str, more: Mapping[str, str]
    ) -> aiohttp.ClientResponse:
        if self._session is None:
            self._session = self._connect()
        base = "http://origin" if self.address.startswith("unix:") else self.address.rstrip("/")
        fields = {"Accept-Encoding": "identity", "X-Request-Id": request_id, "Via": "1.1 Headwater", **more}
        if body is not None:
            fields["Content-Type"] = "application/json"
        return await self._session.request(
            method if body is None else "POST",
            yarl.URL(base + target, encoded=True),
            headers=fields,
            data=body,
            allow_redirects=False,
        )

    def _connect(self) -> aiohttp.ClientSession:
        connector: aiohttp.BaseConnector
        if self.address.startswith("unix:"):
            connector = aiohttp.UnixConnector(self.address.removeprefix("unix:"), limit=CONNECTIONS)
        else:
            connector = aiohttp.TCPConnector(limit=CONNECTIONS)
        return aiohttp.ClientSession(
            connector=connector,
            auto_decompress=False,
            skip_auto_headers=("User-Agent", "Accept"),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=READ_S),
            read_bufsize=1 << 18,
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None
