"""A transport stream as the body of one HTTP answer that does not end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from base.problems import Problem
from base.sources import Source

_READ = 1 << 16
_CONNECT_S = 10.0
_SILENCE_S = 15.0


class Body:
    fresh = False
    dropped = 0  # the connection holds the sender back

    def __init__(self, answer: aiohttp.ClientResponse, peer: str) -> None:
        self._answer = answer
        self.peer = peer

    async def read(self) -> bytes:
        """What came; empty at the end. Raises aiohttp.ClientError where the connection is cut."""
        return await self._answer.content.read(_READ)


@asynccontextmanager
async def receiving(source: Source) -> AsyncIterator[Body]:
    """Raises OSError, aiohttp.ClientError or TimeoutError where it is away, Problem upstream for a refusal."""
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S, sock_read=_SILENCE_S)
    async with (
        aiohttp.ClientSession(timeout=timeout, auto_decompress=False) as client,
        client.get(source.url) as answer,
    ):
        if answer.status != 200:
            raise Problem("upstream", f"{source.shown} answers {answer.status}")
        yield Body(answer, f"{source.host}:{source.port}")
