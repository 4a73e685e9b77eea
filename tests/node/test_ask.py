"""One GET to a listener on this machine."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from node import ask


@asynccontextmanager
async def saying(where: Path, raw: bytes | None) -> AsyncIterator[None]:
    """A listener that answers with these bytes, or never."""
    silent: list[asyncio.StreamWriter] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if raw is None:
            silent.append(writer)
            return
        writer.write(raw)
        writer.close()

    server = await asyncio.start_unix_server(answer, str(where))
    yield
    for writer in silent:
        writer.close()
    server.close()


async def test_a_large_answer_of_aiohttp_comes_whole(short_path: Path) -> None:
    body = b"x" * 3_000_000

    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=body, status=503)

    app = web.Application()
    app.router.add_get("/metrics", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.UnixSite(runner, str(short_path / "s")).start()
    assert await ask.get(short_path / "s", "/metrics") == (503, body)
    await runner.cleanup()


async def test_nobody_there_is_an_oserror(short_path: Path) -> None:
    with pytest.raises(OSError):
        await ask.get(short_path / "nobody", "/")
    assert not await ask.connects(short_path / "nobody")


async def test_silence_is_an_oserror_that_names_the_listener(short_path: Path) -> None:
    async with saying(short_path / "s", None):
        with pytest.raises(OSError, match=r"unix:.*/s does not answer within 0\.05 s"):
            await ask.get(short_path / "s", "/", timeout_s=0.05)
        assert await ask.connects(short_path / "s")


@pytest.mark.parametrize(
    "raw", [b"", b"220 mail\r\n\r\n", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\r\n\r\n"]
)
async def test_what_is_no_http_is_an_oserror(short_path: Path, raw: bytes) -> None:
    async with saying(short_path / "s", raw):
        with pytest.raises(OSError, match="does not speak HTTP"):
            await ask.get(short_path / "s", "/")
