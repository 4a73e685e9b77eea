"""Orders to the process that decodes: one for each name however many ask, a bounded number at a time.

What it makes is kept on disk (PictureCache). An order during which that process died twice is not given to it again
for a while: its media may be what killed it, and other pictures shall still be made.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import msgspec
import structlog

from base.pictures import MOST_ORDER_OCTETS
from base.problems import KINDS, Problem
from node.process import Context
from origin.picture_cache import PictureCache

log = structlog.get_logger("pictures")

_PATIENCE_S = 15
_MOST_AT_ONCE = 64
_DEATHS, _SHUNNED_S, _MOST_SHUNNED = 2, 60, 1024


class _Refusal(msgspec.Struct):
    type: str = ""
    detail: str = ""


class PictureOrders:
    """`close` when the role ends."""

    def __init__(self, ctx: Context, folder: Path, socket: Path) -> None:
        self.cache = PictureCache(folder, ctx.settings.number("pictures.cache"))
        self._ctx = ctx
        self._socket = socket
        self._client: aiohttp.ClientSession | None = None
        self._making: dict[tuple[str, str], asyncio.Task[bytes | Problem]] = {}
        self._shunned: OrderedDict[tuple[str, str], tuple[int, float]] = OrderedDict()

    async def made(self, owner: str, key: str, path: str, order: Callable[[], Awaitable[bytes]]) -> bytes:
        """What `key` of `owner` stands for: kept, or made by POST of `await order()` to `path`.

        Raises Problem busy, late, unplayable, or what `order` raises.
        """
        body = await asyncio.to_thread(self.cache.get, owner, key)
        if body is not None:
            return self._counted("kept", body)
        task = self._making.get((owner, key))
        if task is None:
            if len(self._making) >= _MOST_AT_ONCE:
                raise self._refused(Problem("busy", "as many pictures are being made as may: ask again"))
            task = self._ctx.tasks.start(self._make(owner, key, path, order), f"picture {key}")
            self._making[owner, key] = task
            outcome = "made"
        else:
            outcome = "shared"
        found = await asyncio.shield(task)  # who asked may leave: others wait, and the next one finds it kept
        if isinstance(found, Problem):
            raise self._refused(Problem(found.kind.name, found.detail, **found.extra))
        return self._counted(outcome, found)

    async def forget(self, owner: str) -> None:
        await asyncio.to_thread(self.cache.forget, owner)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()

    async def _make(self, owner: str, key: str, path: str, order: Callable[[], Awaitable[bytes]]) -> bytes | Problem:
        try:
            deaths, until = self._shunned.get((owner, key), (0, 0.0))
            if deaths >= _DEATHS and self._ctx.clock.monotonic() < until:
                return Problem("unplayable", "no picture can be made of this: the decoder broke down over it")
            body = await self._post(owner, key, path, await order())
            await asyncio.to_thread(self.cache.put, owner, key, body)
            self._ctx.metrics.gauge("origin_pictures_bytes").set(self.cache.bytes)
            return body
        except Problem as problem:
            return problem
        except Exception as fault:  # a fault of ours: all who wait for this picture must learn it
            log.exception("picture.fault", key=key)
            return Problem("fault", f"the picture could not be made: {type(fault).__name__}, see the log")
        finally:
            del self._making[owner, key]

    async def _post(self, owner: str, key: str, path: str, body: bytes) -> bytes:
        if len(body) > MOST_ORDER_OCTETS:
            raise Problem("too-large", "its keyframes are too large for one picture: ask for another track")
        if self._client is None:
            self._client = aiohttp.ClientSession(
                connector=aiohttp.UnixConnector(str(self._socket), limit=0),
                timeout=aiohttp.ClientTimeout(total=_PATIENCE_S),
            )
        try:
            async with self._client.post(f"http://pictures{path}", data=body) as answer:
                found = await answer.read()
                status = answer.status
        except TimeoutError:
            raise Problem("late", "the picture was not made in time: ask again") from None
        except aiohttp.ClientConnectorError:
            raise Problem("busy", "pictures are not made just now: ask again") from None
        except (aiohttp.ClientError, OSError):
            self._died(owner, key)
            raise Problem("busy", "the decoder broke down: ask again") from None
        if status != 200:
            raise _problem(status, found)
        self._shunned.pop((owner, key), None)
        return found

    def _died(self, owner: str, key: str) -> None:
        deaths, _ = self._shunned.pop((owner, key), (0, 0.0))
        self._shunned[owner, key] = deaths + 1, self._ctx.clock.monotonic() + _SHUNNED_S
        while len(self._shunned) > _MOST_SHUNNED:
            self._shunned.popitem(last=False)
        log.warning("picture.decoder_died", key=key, deaths=deaths + 1)

    def _counted(self, outcome: str, body: bytes) -> bytes:
        self._ctx.metrics.counter("origin_pictures", outcome=outcome).inc()
        return body

    def _refused(self, problem: Problem) -> Problem:
        self._ctx.metrics.counter("origin_pictures", outcome=problem.kind.name).inc()
        return problem


def _problem(status: int, body: bytes) -> Problem:
    """The refusal of the decoding process as one of ours."""
    try:
        said = msgspec.json.decode(body, type=_Refusal)
    except msgspec.DecodeError:
        said = _Refusal()
    kind = said.type.rpartition(":")[2]
    if kind not in KINDS or status != KINDS[kind].status:
        return Problem("fault", f"the decoder answered {status}")
    return Problem(kind, said.detail)
