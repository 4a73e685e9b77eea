"""An edge in front of a scripted upstream, on uvloop as in production: what a write costs depends on the loop."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import uvloop
from aiohttp import web

from base.records import Delivery
from edge import service
from node.clock import SteppedClock
from node.home import Home
from node.process import Context
from node.settings import Settings
from tests.kit.proxied import Proxied, proxied
from tests.kit.upstream import Answer, ScriptedUpstream, Wire


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop}


@dataclass
class Rig:
    """`edge` listens at `port`; `clock` stands until it is moved."""

    ctx: Context
    clock: SteppedClock
    upstream: ScriptedUpstream
    edge: service.Edge
    port: int
    runner: web.AppRunner
    deliveries: list[Delivery] = field(default_factory=list)
    wires: list[Wire] = field(default_factory=list)

    async def wire(self, *, limit: int = 1 << 24) -> Wire:
        self.wires.append(await Wire.to(self.port, limit=limit))
        return self.wires[-1]

    async def get(self, target: str, *fields: str) -> Answer:
        """One GET on a connection of its own."""
        wire = await self.wire()
        wire.get(target, *fields)
        answer = await wire.answer()
        await wire.close()
        return answer

    def counted(self, name: str, **labels: str) -> float:
        return self.ctx.metrics.value(name, **labels)


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    folder = Path(tempfile.mkdtemp(prefix="hw"))
    home = Home(folder)
    home.make()
    clock = SteppedClock()
    ctx = Context(
        role="edge",
        home=home,
        clock=clock,
        settings=Settings({"edge.memory": "64M", "drain.seconds": 2}),
    )
    upstream = ScriptedUpstream(home.socket("origin", door="media"))
    await upstream.start()
    async with service.serving(ctx, [("127.0.0.1", 0)]) as (edge, runner):
        port = next(address[1] for address in runner.addresses if isinstance(address, tuple))
        made = Rig(ctx=ctx, clock=clock, upstream=upstream, edge=edge, port=port, runner=runner)
        edge.records.append(made.deliveries.append)
        yield made
        for wire in made.wires:
            wire.writer.transport.abort()
    await upstream.stop()
    shutil.rmtree(folder)


@pytest.fixture
async def edge() -> AsyncIterator[Proxied]:
    async with proxied() as made:
        yield made


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.generic.PATIENCE_S", 0.1)
