"""The pictures process: orders in, pictures out, a bounded number of threads and of orders that wait for one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from aiohttp import web

from base.pictures import MOST_ORDER_OCTETS, PictureOrder, WaveformOrder, unbundle
from base.problems import Problem
from node import web as rim
from node.process import Context
from node.settings import cores

# Orders a thread that may wait: at some 20 ms a picture, a second's worth.
_WAITING_A_THREAD = 32

Made = tuple[bytes, int]


async def run(ctx: Context) -> None:
    async with rim.serving(ctx, make_app(ctx), []):
        await ctx.stopping.wait()


def make_app(ctx: Context) -> web.Application:
    workers = Workers(ctx, ctx.settings.number("pictures.workers") or cores())
    app = rim.make_app(ctx, client_max_size=MOST_ORDER_OCTETS)

    async def picture(request: web.Request) -> web.Response:
        with workers.place():
            order, stills = unbundle(await request.read(), PictureOrder)
            from ingest.pictures import sheet  # FFmpeg is loaded with the first order: a start does not wait for it

            made = await workers.do("picture" if len(order.cells) == 1 else "tiles", lambda: sheet.draw(order, stills))
            return web.Response(body=made, content_type="image/webp" if order.format == "webp" else "image/jpeg")

    async def waveform(request: web.Request) -> web.Response:
        with workers.place():
            order, parts = unbundle(await request.read(), WaveformOrder)
            if len(parts) != 1:
                raise Problem("malformed", "a waveform is of one film")
            from ingest.pictures import peaks

            made = await workers.do("waveform", lambda: (peaks.peaks(order, parts[0]), 1))
            return web.Response(body=made, content_type="application/octet-stream")

    app.router.add_post("/picture", picture)
    app.router.add_post("/waveform", waveform)
    app.on_cleanup.append(workers.close)
    return app


class Workers:
    """Threads that decode. What FFmpeg does in them cannot be broken off: their number bounds what it costs."""

    def __init__(self, ctx: Context, threads: int) -> None:
        self._ctx = ctx
        self._threads = ThreadPoolExecutor(threads, "pictures")
        self._most = threads * (1 + _WAITING_A_THREAD)
        self._taken = 0

    def place(self) -> _Place:
        """A place among the orders that are made or wait, to be used as a context. Raises Problem busy if none is."""
        if self._taken >= self._most:
            self._ctx.metrics.counter("pictures_refused").inc()
            raise Problem("busy", "as many pictures are being made as may: ask again")
        return _Place(self)

    async def do(self, kind: str, work: Callable[[], Made]) -> bytes:
        clock = self._ctx.clock
        began = clock.monotonic()
        made, decoded = await asyncio.get_running_loop().run_in_executor(self._threads, work)
        self._ctx.metrics.counter("pictures_made", kind=kind).inc()
        self._ctx.metrics.counter("pictures_decoded").inc(decoded)
        self._ctx.metrics.histogram("pictures_seconds", kind=kind).observe(clock.monotonic() - began)
        return made

    def count(self, change: int) -> None:
        self._taken += change
        self._ctx.metrics.gauge("pictures_waiting").set(self._taken)

    async def close(self, _: web.Application) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


class _Place:
    def __init__(self, workers: Workers) -> None:
        self._workers = workers

    def __enter__(self) -> None:
        self._workers.count(1)

    def __exit__(self, *_: object) -> None:
        self._workers.count(-1)
