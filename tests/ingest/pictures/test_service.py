"""The pictures process over its socket: orders, refusals, and a bounded number of both."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from base.pictures import PictureOrder, WaveformOrder, bundle
from ingest.pictures import service
from node.home import Home
from node.process import Context
from node.settings import Settings
from tests.ingest.pictures.test_still import still_of
from tests.kit.media import Films
from tests.kit.pictures import pixels


class Worker:
    """The service in this process, asked over its socket."""

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx
        self.client = aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(ctx.home.socket("pictures")), limit=0))

    async def ask(self, path: str, body: bytes) -> tuple[int, bytes, str]:
        async with self.client.post(f"http://pictures{path}", data=body) as answer:
            return answer.status, await answer.read(), answer.content_type


@pytest.fixture
async def worker() -> AsyncIterator[Worker]:
    folder = Path(tempfile.mkdtemp(prefix="hw-"))
    ctx = Context(role="pictures", home=Home(folder), settings=Settings({"pictures.workers": 1, "drain.seconds": 1}))
    ctx.home.make()
    task = ctx.tasks.start(service.run(ctx), "pictures")
    made = Worker(ctx)
    async with asyncio.timeout(10):
        while not ctx.home.socket("pictures").exists():
            await asyncio.sleep(0.005)
    yield made
    ctx.stopping.set()
    await made.client.close()
    await task
    await ctx.tasks.close()
    shutil.rmtree(folder)


async def test_an_order_is_answered_with_the_picture(worker: Worker, films: Films) -> None:
    body = bundle(PictureOrder(width=160, height=90, format="webp"), [still_of(films("plain"))])
    status, picture, kind = await worker.ask("/picture", body)
    assert (status, kind) == (200, "image/webp") and pixels(picture).shape == (90, 160, 3)
    assert worker.ctx.metrics.value("pictures_made", kind="picture") == 1
    assert worker.ctx.metrics.value("pictures_decoded") == 1
    assert worker.ctx.metrics.value("pictures_waiting") == 0


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/picture", b"rubbish", 400),
        ("/picture", bundle(PictureOrder(width=160, height=90), [b"no film"]), 422),
        ("/picture", bundle(PictureOrder(width=160, height=90), []), 400),
        ("/waveform", bundle(WaveformOrder(start=0, rate=48_000, per_pixel=512, pixels=1), []), 400),
        ("/waveform", bundle(WaveformOrder(start=0, rate=48_000, per_pixel=512, pixels=1), [b"no film"]), 422),
    ],
)
async def test_what_cannot_be_made_is_refused(worker: Worker, path: str, body: bytes, status: int) -> None:
    found = await worker.ask(path, body)
    assert found[0] == status and found[2] == "application/problem+json"
    assert worker.ctx.metrics.value("pictures_waiting") == 0, "its place is free again"


async def test_a_flood_is_bounded(worker: Worker, films: Films, monkeypatch: Any) -> None:
    """One thread and three places: what comes beyond them is told to come again, and all places become free."""
    monkeypatch.setattr(service, "_WAITING_A_THREAD", 2)
    workers = service.Workers(worker.ctx, 1)
    release = asyncio.Event()
    taken = 0

    async def order() -> str:
        nonlocal taken
        try:
            with workers.place():
                taken += 1
                await release.wait()
                return "made"
        except service.Problem as problem:
            return problem.kind.name

    async with asyncio.TaskGroup() as group:
        orders = [group.create_task(order()) for _ in range(10)]
        await asyncio.sleep(0)
        assert taken == 3 and worker.ctx.metrics.value("pictures_waiting") == 3
        release.set()
    assert sorted(task.result() for task in orders) == ["busy"] * 7 + ["made"] * 3
    assert worker.ctx.metrics.value("pictures_refused") == 7
    assert worker.ctx.metrics.value("pictures_waiting") == 0
