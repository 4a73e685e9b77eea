"""The remuxer as `python -m ingest.remux` runs it, but in the test's own process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from ingest.remux import service
from node.home import Home
from node.process import Context
from node.settings import Settings


@dataclass(kw_only=True)
class Remuxer:
    ctx: Context
    http: aiohttp.ClientSession

    async def post(self, body: object, **query: str) -> tuple[int, bytes]:
        words = {"asset": "tour", "upload": "0123456789abcdef", "first": "1", "filename": "film.mkv"} | query
        async with self.http.post("http://remux/remux", params=words, data=body) as answer:
            return answer.status, await answer.read()

    @property
    def left(self) -> list[Path]:
        return list((self.ctx.home.data / "remux").iterdir())


@asynccontextmanager
async def running_remuxer(home: Path, **settings: str | int) -> AsyncIterator[Remuxer]:
    """Settings with `__` for the dot."""
    ctx = Context(
        role="remux",
        home=Home(home),
        settings=Settings({name.replace("__", "."): value for name, value in settings.items()}),
    )
    ctx.home.make()
    task = ctx.tasks.start(service.run(ctx), "remux")
    socket = ctx.home.socket("remux", door="jobs")
    async with asyncio.timeout(10):
        while not socket.exists() and not task.done():
            await asyncio.sleep(0.005)
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(socket))) as http:
        yield Remuxer(ctx=ctx, http=http)
    ctx.stopping.set()
    await task
    await ctx.tasks.close()
