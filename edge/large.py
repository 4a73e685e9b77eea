"""Objects as long as a film: handed through, never kept. The viewer's ranges and conditions go upstream as they came.

What is in memory of one is what a connection buffers, whatever its length and however slow its reader. They have
connections of their own towards upstream, so that slow downloads never keep playlists and segments waiting.
"""

from __future__ import annotations

from aiohttp import web

from base.problems import Problem
from edge.answer import Sent, passed
from edge.request import Plan
from edge.upstream import Upstream
from node import web as rim
from node.clock import Clock

# RFC 9110 13.1, 14.2: upstream knows the length and the validators, so it decides.
HANDED_ON = ("Range", "If-Range", "If-None-Match", "If-Modified-Since")
# At the same time, in one worker; less than edge.upstream.CONNECTIONS.
MOST = 256


class Large:
    """`open` counts what is being handed through."""

    def __init__(self, upstream: Upstream, clock: Clock) -> None:
        self._upstream = upstream
        self._clock = clock
        self.open = 0

    async def answer(self, request: web.Request, plan: Plan, sent: Sent) -> web.StreamResponse:
        """Raises Problem busy at the limit, or as Upstream.open; CutShort where upstream breaks off."""
        sent.cache = "pass"
        if self.open >= MOST:
            raise Problem("busy", f"{MOST} downloads are under way here: try again in a moment")
        self.open += 1
        try:
            fields = {name: request.headers[name] for name in HANDED_ON if name in request.headers}
            answer = await self._upstream.open(
                plan.key, request_id=request[rim.REQUEST_ID], method=request.method, fields=fields
            )
            said = "Headwater; fwd=bypass"  # RFC 9211 2.2
            return await passed(request, answer, said, sent, body=plan.body, now_ms=self._clock.now_ms())
        finally:
            self.open -= 1

    async def close(self) -> None:
        await self._upstream.close()
