from __future__ import annotations

import asyncio
import errno

import pytest

from ingest import listener
from ingest.handshake import SIZE
from ingest.registry import Registry
from node.process import Context
from tests.kit.ingesting import KEY, Publisher, ingesting
from tests.kit.rtmp import opening, statuses, stream


async def test_garbage_is_closed_counted_and_harms_nobody() -> None:
    async with ingesting() as role:
        good = Publisher(role.port)
        await good.opens()
        assert await role.says(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") == b""
        await role.says(b"\x03" + bytes(2 * SIZE) + b"\xff" * 500)
        await role.says(opening(KEY)[: 3 + 2 * SIZE] + b"\x03\xff\xff\xff" * 200)
        assert role.ctx.metrics.value("ingest_offers", outcome="malformed") == 3
        good.sends(0, 2000)
        await role.origin.until(lambda: bool(role.origin.parts))


async def test_a_whole_stream_at_once_is_published() -> None:
    async with ingesting() as role:
        octets = stream(KEY, seconds=3, gop_s=1)
        cut = len(opening(KEY))
        reader, writer = await asyncio.open_connection("127.0.0.1", role.port)
        writer.write(octets[:cut])
        answer = bytearray()
        while len(answer) < 2 * SIZE + 1 or not statuses(bytes(answer)):
            answer += await reader.read(4096)
        writer.write(octets[cut:])
        async with asyncio.timeout(10):
            answer += await reader.read(-1)
        writer.close()
        assert [code for code, _ in statuses(bytes(answer))] == [
            "NetStream.Publish.Start",
            "NetStream.Unpublish.Success",
        ]
        await role.origin.until(lambda: bool(role.origin.notes) and role.origin.notes[-1].state == "ended")
        assert len(role.origin.numbers("v1")) == 3


async def test_a_silent_handshake_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "HANDSHAKE_S", 0.2)
    async with ingesting() as role:
        answer = await role.says(b"\x03")
        assert len(answer) == 1 + SIZE, "S0 and S1, then the end"


async def test_a_connection_that_never_publishes_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "SILENCE_S", 0.2)
    monkeypatch.setattr(listener, "_TICK_S", 0.05)
    async with ingesting() as role:
        assert len(await role.says(b"\x03" + bytes(2 * SIZE))) == 1 + 2 * SIZE


async def test_more_connections_than_allowed_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "MAX_CONNECTIONS", 1)
    async with ingesting() as role:
        good = Publisher(role.port)
        await good.opens()
        assert await role.says(b"\x03") == b""


async def test_a_connection_that_the_network_gave_up_ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """ETIMEDOUT is a TimeoutError as well, and a stream raises it again and again."""
    readers: list[asyncio.StreamReader] = []

    class Kept(listener._Connection):
        def __init__(
            self, ctx: Context, registry: Registry, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            super().__init__(ctx, registry, reader, writer)
            readers.append(reader)

    monkeypatch.setattr(listener, "_Connection", Kept)
    async with ingesting() as role:
        made = Publisher(role.port)
        await made.opens()
        await role.until_state("admitted")
        for reader in readers:
            reader.set_exception(TimeoutError(errno.ETIMEDOUT, "timed out"))
        await role.until_state("none", seconds=listener.SILENCE_S - 3)
