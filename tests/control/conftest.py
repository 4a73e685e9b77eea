"""A control role on a free port, and an origin that keeps the contract but stores only what it must answer."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web

from base.reports import AssetReport, ChannelReport, TrackReport
from control.service import run
from node.home import Home
from node.process import Context
from node.settings import Settings

MEDIA = b"\x00\x00\x00\x18ftypmp42" + bytes(range(256)) * 64


async def until(holds: Callable[[], Any], seconds: float = 10.0) -> Any:
    """Wait for a condition; `holds` may be a plain or an async function."""
    async with asyncio.timeout(seconds):
        while True:
            found = holds()
            if isinstance(found, Awaitable):
                found = await found
            if found:
                return found
            await asyncio.sleep(0.01)


class OriginStandIn:
    """PUT /vod/{asset}/mezzanine.mp4, GET and DELETE status.json, as the real one answers them.

    A file that begins with `junk` is unplayable. `gate` cleared: the file is held and the answer to its PUT is not
    sent. `reading` cleared: nothing is read from the body.
    """

    def __init__(self) -> None:
        self.assets: dict[str, AssetReport] = {}
        self.digests: dict[str, str] = {}
        self.broken: dict[str, str] = {}
        self.channels: dict[str, ChannelReport] = {}
        self.asked: list[tuple[str, str]] = []
        self.request_ids: list[str] = []
        self.queries: list[dict[str, str]] = []
        self.received = 0
        self.cut = 0
        self.gate, self.reading = asyncio.Event(), asyncio.Event()
        self.gate.set()
        self.reading.set()
        self._runner: web.AppRunner | None = None

    async def start(self, path: Path) -> None:
        app = web.Application()
        app.router.add_put("/vod/{asset}/mezzanine.mp4", self._put)
        app.router.add_get("/{kind}/{title}/status.json", self._get)
        app.router.add_delete("/{kind}/{title}/status.json", self._delete)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        path.unlink(missing_ok=True)
        await web.UnixSite(self._runner, str(path)).start()

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _put(self, request: web.Request) -> web.Response:
        name = request.match_info["asset"]
        self.asked.append(("PUT", name))
        self.request_ids.append(request.headers.get("X-Request-Id", ""))
        self.queries.append(dict(request.query))
        if name in self.assets:
            return _problem(409, "there is an asset by this name")
        digest, count, first = hashlib.sha256(), 0, b""
        try:
            while True:
                await self.reading.wait()
                piece = await request.content.readany()
                if not piece:
                    break
                first = first or piece[:4]
                digest.update(piece)
                count += len(piece)
                self.received += len(piece)
        except (ConnectionError, aiohttp.ClientPayloadError, web.RequestPayloadError):
            self.cut += 1
            raise
        if first == b"junk":
            return _problem(422, "it is not an MP4 file: give one")
        self.assets[name] = report_of(name, count)
        self.digests[name] = digest.hexdigest()
        await self.gate.wait()
        return web.Response(status=201, body=msgspec.json.encode(self.assets[name]), content_type="application/json")

    async def _get(self, request: web.Request) -> web.Response:
        kind, title = request.match_info["kind"], request.match_info["title"]
        self.asked.append(("GET", title))
        if kind == "vod" and title in self.broken:
            return _problem(422, self.broken[title])
        found: Any = self.assets.get(title) if kind == "vod" else self.channels.get(title)
        if found is None:
            return _problem(404, "there is nothing by this name")
        return web.Response(body=msgspec.json.encode(found), content_type="application/json")

    async def _delete(self, request: web.Request) -> web.Response:
        kind, title = request.match_info["kind"], request.match_info["title"]
        self.asked.append(("DELETE", f"/{kind}/{title}"))
        held: dict[str, Any] = self.assets if kind == "vod" else self.channels
        self.broken.pop(title, None)
        if held.pop(title, None) is None:
            return _problem(404, "there is nothing by this name")
        return web.Response(status=204)


def report_of(name: str, count: int = 1000) -> AssetReport:
    return AssetReport(
        asset=name,
        edition="e1",
        duration_ms=62_500,
        segments=16,
        target_ms=4000,
        bytes=count,
        tracks=(
            TrackReport(track="v1", kind="video", codec="avc1.64001f", bandwidth=3_000_000, width=1280, height=720),
            TrackReport(track="a1", kind="audio", codec="mp4a.40.2", bandwidth=128_000, language="en"),
        ),
    )


def _problem(status: int, detail: str) -> web.Response:
    body = {"type": "urn:headwater:problem:x", "title": "x", "status": status, "detail": detail}
    return web.json_response(body, status=status, content_type="application/problem+json")


@dataclass(kw_only=True)
class Control:
    """A running control role. `call` speaks to its TCP port, `node` to the socket that nodes use."""

    home: Home
    port: int
    token: str
    ctx: Context
    http: aiohttp.ClientSession = field(repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def call(self, method: str, path: str, *, token: str | None = None, **more: Any) -> Answer:
        headers = {"Authorization": f"Bearer {self.token if token is None else token}"} | more.pop("headers", {})
        async with self.http.request(method, f"{self.url}{path}", headers=headers, **more) as answer:
            return Answer(answer.status, answer.headers.copy(), await answer.read())

    async def node(self, path: str) -> Answer:
        door = aiohttp.UnixConnector(str(self.home.socket("control", door="node")))
        async with aiohttp.ClientSession(connector=door) as session, session.get(f"http://control{path}") as answer:
            return Answer(answer.status, answer.headers.copy(), await answer.read())

    def keys(self) -> dict[str, str]:
        return msgspec.json.decode((self.home.secrets / "stream-keys.json").read_bytes(), type=dict[str, str])


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def home() -> Iterator[Home]:
    """A short path: unix sockets have room for 108 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="hw"))
    made = Home(folder)
    made.make()
    yield made
    shutil.rmtree(folder)


@pytest.fixture
async def origin(home: Home) -> AsyncIterator[OriginStandIn]:
    made = OriginStandIn()
    await made.start(home.socket("origin", door="media"))
    yield made
    made.gate.set()
    made.reading.set()
    await made.stop()


Running = Callable[..., Any]


@pytest.fixture
def running(home: Home) -> Running:
    """`async with running(**settings) as control`: the role in this process, on the same home each time."""

    @asynccontextmanager
    async def start(**given: Any) -> AsyncIterator[Control]:
        port = free_port()
        settings = Settings({"control.listen": f"127.0.0.1:{port}", "drain.seconds": 1} | given)
        ctx = Context(role="control", home=home, settings=settings)
        async with aiohttp.ClientSession() as http, asyncio.TaskGroup() as group:
            task = group.create_task(run(ctx))
            try:
                await until(lambda: task.done() or _answers(http, port))
                token = home.admin_token_file.read_text().strip()
                yield Control(home=home, port=port, token=token, ctx=ctx, http=http)
            finally:
                ctx.stopping.set()

    return start


@pytest.fixture
async def control(running: Running, origin: OriginStandIn) -> AsyncIterator[Control]:
    async with running() as made:
        yield made


async def _answers(http: aiohttp.ClientSession, port: int) -> bool:
    try:
        async with http.get(f"http://127.0.0.1:{port}/healthz") as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False


class ControlProcess:
    """The role as a process of its own, for what only a kill can show."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.port = free_port()
        self.process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self, *more: str) -> float:
        """Until a page is there; how many seconds that took since the process was started."""
        began = asyncio.get_running_loop().time()
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "control", "--home", str(self.home.root)),
            *("--set", f"control.listen=127.0.0.1:{self.port}", "--set", "drain.seconds=1", *more),
            stdin=asyncio.subprocess.PIPE,
            stderr=(self.home.logs / "control.log").open("ab"),
        )
        async with aiohttp.ClientSession() as http:
            await until(lambda: self._page(http))
        return asyncio.get_running_loop().time() - began

    async def _page(self, http: aiohttp.ClientSession) -> bool:
        assert self.process is not None and self.process.returncode is None
        try:
            async with http.get(self.url) as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    @property
    def token(self) -> str:
        return self.home.admin_token_file.read_text().strip()

    @property
    def rss(self) -> int:
        """Resident bytes."""
        assert self.process is not None
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    async def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> int:
        assert self.process is not None
        if self.process.returncode is None:
            self.process.terminate()
        return await self.process.wait()


@pytest.fixture
async def process(home: Home) -> AsyncIterator[ControlProcess]:
    made = ControlProcess(home)
    yield made
    if made.process is not None and made.process.returncode is None:
        await made.kill()
