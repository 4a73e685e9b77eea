"""An edge in front of an origin that speaks bytes on a socket, with `now` stepped: for dialogues."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web
from multidict import CIMultiDict

from base.records import Delivery
from edge import service
from node.clock import SteppedClock
from node.home import Home
from node.process import Context
from node.settings import Settings, Value
from tests.kit.upstream import Answer, Wire


@dataclass
class Heard:
    """One request as the origin heard it."""

    method: str
    target: str
    headers: CIMultiDict[str]
    body: bytes = b""


Reply = Callable[[Heard], bytes | None]


@dataclass
class RawOrigin:
    """Answers each request with the bytes that `reply` gives; None: closes the connection. `heard` in order.

    `gate`: unset, answers wait. `rest` is sent after the reply once it is set in pieces, see `drip`.
    """

    reply: Reply = field(default=lambda _: answer(404))
    heard: list[Heard] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    drips: asyncio.Queue[bytes | None] = field(default_factory=asyncio.Queue)
    dripping: bool = False
    port: int = 0
    _server: asyncio.Server | None = None

    def says(self, status: int = 200, body: bytes = b"", **fields: str) -> None:
        """The same answer to every request. Field names with `_` for `-`."""
        made = answer(status, body, None, **fields)
        self.reply = lambda _: made

    def asked(self) -> list[str]:
        return [f"{one.method} {one.target}" for one in self.heard]

    async def start(self) -> None:
        self.gate.set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while self._server is not None and (one := await self._hear(reader)) is not None:
                self.heard.append(one)
                await self.gate.wait()
                made = self.reply(one)
                if made is None or self._server is None:
                    break
                writer.write(made)
                while self.dripping and (piece := await self.drips.get()) is not None:
                    writer.write(piece)
                    await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort() if self._server is None else writer.close()

    async def _hear(self, reader: asyncio.StreamReader) -> Heard | None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ")
        fields = CIMultiDict[str]()
        for line in filter(None, lines):
            name, _, value = line.partition(": ")
            fields.add(name, value)
        one = Heard(method, target, fields)
        if "Content-Length" in fields:
            one.body = await reader.readexactly(int(fields["Content-Length"]))
        elif "Transfer-Encoding" in fields:
            while size := int((await reader.readuntil(b"\r\n")).strip(), 16):
                one.body += (await reader.readexactly(size + 2))[:-2]
            await reader.readuntil(b"\r\n")
        return one


def answer(status: int = 200, body: bytes = b"", length: int | None = None, **fields: str) -> bytes:
    """An answer's bytes, with Content-Length unless it may have none."""
    lines = [f"HTTP/1.1 {status} x"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    if status >= 200 and status not in (204, 304):
        lines.append(f"Content-Length: {len(body) if length is None else length}")
    return "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n" + body


@dataclass
class Proxied:
    """`edge` in front of `origin`; both clocks stand until `passes`."""

    ctx: Context
    clock: SteppedClock
    origin: RawOrigin
    edge: service.Edge
    port: int
    runner: web.AppRunner
    deliveries: list[Delivery] = field(default_factory=list)
    wires: list[Wire] = field(default_factory=list)

    async def wire(self, *, limit: int = 1 << 24) -> Wire:
        self.wires.append(await Wire.to(self.port, limit=limit))
        return self.wires[-1]

    async def ask(self, target: str = "/a", *fields: str, method: str = "GET", host: str = "www.example") -> Answer:
        """One request without a body on a connection of its own."""
        wire = await self.wire()
        lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *fields]
        wire.send("".join(f"{line}\r\n" for line in lines).encode() + b"\r\n")
        found = await wire.answer(head=method == "HEAD")
        await wire.close()
        return found

    async def raw(self, data: bytes) -> bytes:
        """What comes back until the edge closes the connection, which it must."""
        wire = await self.wire()
        wire.send(data)
        async with asyncio.timeout(15):
            found = await wire.reader.read()
        await wire.close()
        return found

    def passes(self, seconds: float) -> None:
        self.clock.advance(round(seconds * 1000))

    def counted(self, name: str, **labels: str) -> float:
        return self.ctx.metrics.value(name, **labels)


@asynccontextmanager
async def proxied(**settings: Value) -> AsyncIterator[Proxied]:
    """Names of settings below `edge.`."""
    folder = Path(tempfile.mkdtemp(prefix="hw"))
    home = Home(folder)
    home.make()
    clock = SteppedClock()
    origin = RawOrigin()
    await origin.start()
    given: dict[str, Value] = {"edge.memory": "16M", "edge.upstream": f"http://127.0.0.1:{origin.port}"}
    given |= {f"edge.{name}": value for name, value in settings.items()}
    ctx = Context(role="edge", home=home, clock=clock, settings=Settings({"drain.seconds": 0, **given}))
    async with service.serving(ctx, [("127.0.0.1", 0)]) as (edge, runner):
        port = next(address[1] for address in runner.addresses if isinstance(address, tuple))
        made = Proxied(ctx=ctx, clock=clock, origin=origin, edge=edge, port=port, runner=runner)
        edge.records.append(made.deliveries.append)
        yield made
        for wire in made.wires:
            wire.writer.transport.abort()
    await origin.stop()
    shutil.rmtree(folder)
