"""The ingest role as a test starts it: real sockets, a recording origin, channels on disk as control left them."""

from __future__ import annotations

import asyncio
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from base.desired import ChannelSpec, Desired, key_hash
from ingest import service
from ingest.chunks import ChunkWriter
from ingest.handshake import SIZE
from node.home import Home
from node.process import Context
from node.settings import TABLE, Settings, Value
from tests.kit import rtmp
from tests.kit.recording_origin import RecordingOrigin

KEY = "5f2b0c6f9a2d4e11b7c3a8d0e6f41234"
STUDIO = ChannelSpec(channel="studio", title="Studio", edition="e1", key_hashes=(key_hash(KEY),), segment_ms=1000)


class Ingesting:
    def __init__(self, ctx: Context, origin: RecordingOrigin, port: int) -> None:
        self.ctx = ctx
        self.origin = origin
        self.port = port

    def url(self, key: str = KEY) -> str:
        return f"rtmp://127.0.0.1:{self.port}/live/{key}"

    async def status(self) -> dict[str, Any]:
        path = str(self.ctx.home.socket("ingest"))
        async with (
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(path)) as client,
            client.get("http://ingest/status") as answer,
        ):
            found: dict[str, Any] = await answer.json()
            return found

    async def until_state(self, state: str, seconds: float = 20) -> dict[str, Any]:
        """The first session's status once it is in that state; `none`: there is no session."""
        async with asyncio.timeout(seconds):
            while True:
                sessions = (await self.status())["sessions"]
                if (sessions[0]["state"] if sessions else "none") == state:
                    return dict(sessions[0]) if sessions else {}
                await asyncio.sleep(0.05)

    async def says(self, octets: bytes, seconds: float = 20) -> bytes:
        """Send octets on a connection of its own and read until the role closes it."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            async with asyncio.timeout(seconds):
                writer.write(octets)
                return await reader.read(-1)
        except ConnectionError:
            return b""
        finally:
            writer.close()


class Publisher:
    """A publisher made of octets: sends in step with the clock until told otherwise."""

    def __init__(self, port: int, key: str = KEY) -> None:
        self._port = port
        self._key = key
        self.chunks = ChunkWriter()
        self.heard = bytearray()

    async def opens(self) -> None:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._writer.write(rtmp.opening(self._key, self.chunks))
        async with asyncio.timeout(10):
            while len(self.heard) < 2 * SIZE + 1 or not rtmp.statuses(bytes(self.heard)):
                self.heard += await self._reader.read(4096)

    def sends(self, begin_ms: int, end_ms: int, *, gop_ms: int = 1000) -> None:
        """Frames of these times, at once."""
        if begin_ms == 0:
            self._writer.write(rtmp.video(self.chunks, rtmp.avc_config(), 0))
            self._writer.write(rtmp.audio(self.chunks, rtmp.aac_config(), 0))
        for ms in range(begin_ms, end_ms, 40):
            self._writer.write(rtmp.video(self.chunks, rtmp.avc_frame(key=ms % gop_ms == 0), ms))
            self._writer.write(rtmp.audio(self.chunks, rtmp.aac_frame(), ms))

    async def closed(self, seconds: float = 20) -> bytes:
        """What the role still said before it closed the connection."""
        async with asyncio.timeout(seconds):
            self.heard += await self._reader.read(-1)
        return bytes(self.heard)

    def goes(self) -> None:
        self._writer.transport.abort()


@asynccontextmanager
async def ingesting(
    *channels: ChannelSpec,
    origin_there: bool = True,
    context: type[Context] = Context,
    settings: dict[str, Value] | None = None,
    **more: Any,
) -> AsyncIterator[Ingesting]:
    """`settings`: further ones; every door but that of RTMP is closed if they do not open it."""
    folder = Path(tempfile.mkdtemp(prefix="hw"))  # short: a socket's path holds 108 octets
    home = Home(folder)
    home.make()
    desired = Desired(seq=1, channels=channels or (STUDIO,))
    (home.state / "desired-ingest-0.json").write_bytes(msgspec.json.encode(desired))
    port = free_port()
    chosen: dict[str, Value] = {"ingest.rtmp_listen": f"127.0.0.1:{port}", "drain.seconds": 2}
    chosen |= {name: False for name in ("ingest.whip", "ingest.push", "ingest.srt") if name in TABLE}
    ctx = context(role="ingest", home=home, settings=Settings(chosen | (settings or {})), **more)
    origin = RecordingOrigin(home.socket("origin", door="media"))
    if origin_there:
        await origin.comes()
    running = ctx.tasks.start(service.run(ctx), "ingest")
    try:
        async with asyncio.timeout(10):
            while not running.done():
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    break
                except OSError:
                    await asyncio.sleep(0.02)
        yield Ingesting(ctx, origin, port)
    finally:
        ctx.stopping.set()
        await running
        await ctx.tasks.close()
        await origin.goes()
        shutil.rmtree(folder)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
