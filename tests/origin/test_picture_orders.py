"""Orders to the decoding process: one a name, bounded, and what becomes of refusals."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from base.problems import Problem
from node import web as rim
from node.home import Home
from node.process import Context
from origin.picture_orders import PictureOrders


class Decoder:
    """Stands in for the process: answers what it is told to, and counts."""

    def __init__(self, ctx: Context) -> None:
        self.asked: list[bytes] = []
        self.release = asyncio.Event()
        self.release.set()
        self.refusal: Problem | None = None
        self.app = rim.make_app(ctx)
        self.app.router.add_post("/picture", self.picture)

    async def picture(self, request: web.Request) -> web.Response:
        self.asked.append(await request.read())
        await self.release.wait()
        if self.refusal:
            raise self.refusal
        return web.Response(body=b"picture of " + self.asked[-1])


@pytest.fixture
async def ctx(home: Path) -> AsyncIterator[Context]:
    made = Context(role="pictures", home=Home(home))
    made.home.make()
    yield made
    await made.tasks.close()


@pytest.fixture
async def decoder(ctx: Context) -> AsyncIterator[Decoder]:
    made = Decoder(ctx)
    async with rim.serving(ctx, made.app, []):
        yield made
        made.release.set()


@pytest.fixture
async def orders(ctx: Context, home: Path) -> AsyncIterator[PictureOrders]:
    made = PictureOrders(ctx, home / "pictures", ctx.home.socket("pictures"))
    yield made
    await made.close()


async def order() -> bytes:
    return b"a still"


async def ask(orders: PictureOrders, key: str = "a") -> bytes:
    return await orders.made("vod/film", key, "/picture", order)


async def test_all_who_ask_for_a_name_share_one_order(orders: PictureOrders, decoder: Decoder, ctx: Context) -> None:
    decoder.release.clear()
    async with asyncio.TaskGroup() as group:
        asks = [group.create_task(ask(orders)) for _ in range(20)]
        async with asyncio.timeout(5):
            while not decoder.asked:
                await asyncio.sleep(0.001)
        decoder.release.set()
    assert {task.result() for task in asks} == {b"picture of a still"} and len(decoder.asked) == 1
    assert ctx.metrics.value("origin_pictures", outcome="made") == 1
    assert await ask(orders) == b"picture of a still" and len(decoder.asked) == 1
    assert ctx.metrics.value("origin_pictures", outcome="kept") >= 1


async def test_who_leaves_does_not_end_what_others_wait_for(orders: PictureOrders, decoder: Decoder) -> None:
    decoder.release.clear()
    async with asyncio.TaskGroup() as group:
        first = group.create_task(ask(orders))
        second = group.create_task(ask(orders))
        async with asyncio.timeout(5):
            while not decoder.asked:
                await asyncio.sleep(0.001)
        first.cancel()
        decoder.release.set()
    assert first.cancelled() and second.result() == b"picture of a still"


async def test_a_refusal_is_passed_on_and_not_kept(orders: PictureOrders, decoder: Decoder) -> None:
    decoder.refusal = Problem("unplayable", "the picture cannot be decoded")
    with pytest.raises(Problem, match="cannot be decoded") as refused:
        await ask(orders)
    assert refused.value.kind.name == "unplayable"
    decoder.refusal = None
    assert await ask(orders) == b"picture of a still"


async def test_a_fault_of_the_decoder_is_not_the_viewers(orders: PictureOrders, decoder: Decoder) -> None:
    decoder.refusal = Problem("fault", "look into the log")
    with pytest.raises(Problem) as refused:
        await ask(orders)
    assert refused.value.kind.status == 500


async def test_what_the_order_itself_refuses_is_told(orders: PictureOrders, decoder: Decoder) -> None:
    async def gone() -> bytes:
        raise Problem("gone", "it has left the window")

    with pytest.raises(Problem, match="has left"):
        await orders.made("live/news", "a", "/picture", gone)
    assert decoder.asked == []


async def test_an_order_beyond_all_measure_is_not_sent(orders: PictureOrders, decoder: Decoder) -> None:
    async def large() -> bytes:
        return bytes((64 << 20) + 1)

    with pytest.raises(Problem, match="too large"):
        await orders.made("vod/film", "a", "/picture", large)
    assert decoder.asked == []


async def test_without_a_decoder_one_is_told_to_come_again(orders: PictureOrders) -> None:
    with pytest.raises(Problem) as refused:
        await ask(orders)
    assert refused.value.kind.name == "busy" and refused.value.kind.retry
