"""The only module of the probe that talks to the network: GET, within bounds.

Bounds are for all requests of one probe together: how many, how many bytes, and until when. What runs into a bound
raises `Spent`: the probe then judges what it has. A server that does not answer is an Answer with status 0.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

import aiohttp

from node.clock import Clock
from node.probe.answers import Answer

_PLAYLIST_BYTES = 16 << 20
_AGENT = "headwater-probe"


class Spent(Exception):
    """A bound was reached."""


class Fetch:
    """`async with Fetch(...) as fetch`. `seconds` counts from now on."""

    def __init__(
        self,
        clock: Clock,
        *,
        seconds: float = 120.0,
        requests: int = 5_000,
        octets: int = 4 << 30,
        answer_s: float = 20.0,
    ) -> None:
        self.clock = clock
        self.requests = 0
        self.octets = 0
        self._most_requests, self._most_octets, self._answer_s = requests, octets, answer_s
        self._until = clock.monotonic() + seconds
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        # limit: a blocking reload and a hint per rendition are open at once, and media beside them
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=32, limit_per_host=32),
            headers={"User-Agent": _AGENT, "Accept-Encoding": "gzip, deflate", "Origin": "https://probe.invalid"},
            auto_decompress=True,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    def left_s(self) -> float:
        return self._until - self.clock.monotonic()

    async def get(
        self, url: str, *, start: int = -1, length: int = -1, answer_s: float | None = None, most: int = _PLAYLIST_BYTES
    ) -> Answer:
        """`start`, `length`: a byte range. `most`: bytes of this body. Raises Spent."""
        assert self._session is not None
        if self.requests >= self._most_requests or self.octets >= self._most_octets or self.left_s() <= 0:
            raise Spent(f"stopped after {self.requests} requests and {self.octets >> 20} MiB")
        self.requests += 1
        headers = {}
        if start >= 0:
            headers["Range"] = f"bytes={start}-{start + length - 1 if length >= 0 else ''}"
        began = self.clock.monotonic()
        try:
            async with asyncio.timeout(min(answer_s or self._answer_s, max(self.left_s(), 0.1))):
                return await self._get(url, headers, began, most)
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as fault:
            reason = "no answer in time" if isinstance(fault, TimeoutError) else f"{type(fault).__name__}: {fault}"
            return Answer(
                url=url,
                status=0,
                fields={"x-reason": reason},
                body=b"",
                began=began,
                ended=self.clock.monotonic(),
                now_ms=self.clock.now_ms(),
            )

    async def _get(self, url: str, headers: dict[str, str], began: float, most: int) -> Answer:
        assert self._session is not None
        async with self._session.get(url, headers=headers, max_redirects=5) as response:
            body = bytearray()
            async for piece in response.content.iter_any():
                body += piece
                self.octets += len(piece)
                if len(body) > most or self.octets > self._most_octets:
                    raise Spent(f"{url}: more than {min(most, self._most_octets) >> 20} MiB")
            return Answer(
                url=str(response.url),
                status=response.status,
                fields={name.lower(): value for name, value in response.headers.items()},
                body=bytes(body),
                began=began,
                ended=self.clock.monotonic(),
                now_ms=self.clock.now_ms(),
                redirected=bool(response.history),
            )
