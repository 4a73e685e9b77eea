"""An HTTP upstream that does as the test says, on a unix socket, and a client that sends and reads plain bytes."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web
from multidict import CIMultiDict

Script = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ScriptedUpstream:
    """`asked` counts requests by target. A target without a script is answered 404, not to be stored."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket
        self.asked: Counter[str] = Counter()
        self.seen: list[CIMultiDict[str]] = []
        self._scripts: dict[str, Script] = {}
        self._runner: web.AppRunner | None = None

    def on(self, target: str, script: Script) -> None:
        self._scripts[target] = script

    def holds(self, target: str, body: bytes, *, status: int = 200, **fields: str) -> None:
        """Answer at once. Field names with `_` for `-`."""
        headers = {name.replace("_", "-"): value for name, value in fields.items()}

        async def script(_: web.Request) -> web.StreamResponse:
            return web.Response(status=status, body=body, headers=headers)

        self.on(target, script)

    def steps(self, target: str, *, length: int | None, **fields: str) -> Steps:
        """Answer as the test releases it, piece by piece."""
        steps = Steps(length=length, headers={name.replace("_", "-"): value for name, value in fields.items()})
        self.on(target, steps.script)
        return steps

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.asked[request.raw_path] += 1
        self.seen.append(CIMultiDict(request.headers))
        script = self._scripts.get(request.raw_path)
        if script is None:
            return web.Response(status=404, headers={"Cache-Control": "no-store"})
        return await script(request)

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        self.socket.unlink(missing_ok=True)
        await web.UnixSite(self._runner, str(self.socket)).start()

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        self.socket.unlink(missing_ok=True)


@dataclass
class Steps:
    """A body in steps: `give` sends bytes, None ends cleanly, an exception class breaks the connection."""

    length: int | None
    headers: dict[str, str]
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    header: asyncio.Event = field(default_factory=asyncio.Event)
    pieces: asyncio.Queue[bytes | type[Exception] | None] = field(default_factory=asyncio.Queue)

    def give(self, *pieces: bytes | type[Exception] | None) -> None:
        self.header.set()
        for piece in pieces:
            self.pieces.put_nowait(piece)

    async def script(self, request: web.Request) -> web.StreamResponse:
        self.begun.set()
        await self.header.wait()
        response = web.StreamResponse(headers=self.headers)
        response.content_length = self.length
        await response.prepare(request)
        while (piece := await self.pieces.get()) is not None:
            if isinstance(piece, type):
                assert request.transport is not None
                request.transport.abort()
                raise ConnectionResetError
            await response.write(piece)
        return response


@dataclass
class Answer:
    status: int
    headers: CIMultiDict[str]
    body: bytes


class Wire:
    """One connection of a client that writes and reads bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def to(cls, port: int, *, limit: int = 1 << 24) -> Wire:
        """`limit`: a reader that has twice as many unread bytes stops reading from the connection."""
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=limit))

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    def get(self, target: str, *fields: str) -> None:
        self.send(get(target, *fields))

    async def header(self) -> Answer:
        """The status line and fields; the body is left on the wire."""
        async with asyncio.timeout(15):
            first, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        fields = (line.split(": ", 1) for line in lines if line)
        return Answer(int(first.split()[1]), CIMultiDict((name, value) for name, value in fields), b"")

    async def read(self, size: int) -> bytes:
        async with asyncio.timeout(15):
            return await self.reader.readexactly(size)

    async def answer(self, *, head: bool = False) -> Answer:
        """A whole answer with Content-Length or chunks. Raises IncompleteReadError or ConnectionError if cut short."""
        found = await self.header()
        if head or found.status in (100, 204, 304):
            return found
        if "Content-Length" in found.headers:
            found.body = await self.read(int(found.headers["Content-Length"]))
            return found
        while True:
            size = int((await self.reader.readuntil(b"\r\n")).strip(), 16)
            found.body += (await self.read(size + 2))[:-2]
            if not size:
                return found

    async def close(self) -> None:
        self.writer.close()


async def until(holds: Callable[[], object]) -> None:
    """Let the loop run until the condition holds. Raises TimeoutError after 10 s."""
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.002)


def get(target: str, *fields: str, method: str = "GET", version: str = "1.1") -> bytes:
    lines = [f"{method} {target} HTTP/{version}", "Host: edge.example", *fields]
    return "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n"
