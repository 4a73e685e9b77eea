"""An origin in the test's own process, on uvloop as in production, asked over its real sockets."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from base.names import Kind, Leaf, Name
from base.push import PART_FIELD, SessionGrant
from node.clock import Clock, SystemClock
from node.home import Home
from node.process import Context
from node.settings import Settings
from origin import service
from packager.segmenter import Part
from tests.kit.live_media import Studio
from tests.kit.optional import ROOT

CHANNEL, EDITION = "studio", "e1"


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop}


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def detail(self) -> str:
        return str(msgspec.json.decode(self.body)["detail"])


class Asker:
    """Speaks to an origin's media socket; `put` methods speak as ingest does."""

    def __init__(self, socket: Path) -> None:
        self.client = aiohttp.ClientSession(
            connector=aiohttp.UnixConnector(str(socket), limit=0), timeout=aiohttp.ClientTimeout(total=120)
        )

    async def ask(self, method: str, path: str, **more: Any) -> Answer:
        async with self.client.request(method, f"http://origin{path}", **more) as answer:
            return Answer(answer.status, answer.headers, await answer.read())

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.ask("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    async def session(self, studio: Studio, *, edition: str = EDITION, **changed: Any) -> SessionGrant:
        note = msgspec.structs.replace(studio.note, **changed)
        name = Name(kind=Kind.LIVE, title=CHANNEL, edition=edition, leaf=Leaf.SESSION)
        answer = await self.ask("PUT", name.path, data=msgspec.json.encode(note))
        assert answer.status == 200, answer.text
        return msgspec.json.decode(answer.body, type=SessionGrant)

    async def init(self, studio: Studio, track: str, *, edition: str = EDITION) -> int:
        path = live(f"{track}/init-{studio.generations[track]}.mp4", edition=edition)
        return (await self.ask("PUT", path, data=studio.inits[track])).status

    async def announce(self, studio: Studio, *, edition: str = EDITION, **changed: Any) -> SessionGrant:
        """Session and init segments."""
        grant = await self.session(studio, edition=edition, **changed)
        for track in studio.inits:
            assert await self.init(studio, track, edition=edition) in (200, 201)
        return grant

    async def part(self, part: Part, *, edition: str = EDITION, body: bytes | None = None) -> Answer:
        return await self.ask(
            "PUT",
            live(f"{part.track}/{part.number}.{part.part}.m4s", edition=edition),
            data=part.body if body is None else body,
            headers={PART_FIELD: part.note.field()},
        )

    async def publish(self, parts: list[Part], *, edition: str = EDITION) -> None:
        """Tracks side by side, each in order."""

        async def track(name: str) -> None:
            for part in parts:
                if part.track == name:
                    answer = await self.part(part, edition=edition)
                    assert answer.status == 201, (part.track, part.number, part.part, answer.status, answer.body)

        async with asyncio.TaskGroup() as group:
            for name in sorted({part.track for part in parts}):
                group.create_task(track(name))

    async def playlist(self, track: str = "v1", query: str = "", *, edition: str = EDITION) -> Answer:
        return await self.get(live(f"{track}/media.m3u8", edition=edition) + query)


def live(below: str, *, edition: str = EDITION) -> str:
    return f"/live/{CHANNEL}/{edition}/{below}"


@dataclass
class Origin(Asker):
    ctx: Context
    running: asyncio.Task[None]

    def __init__(self, ctx: Context, running: asyncio.Task[None]) -> None:
        super().__init__(ctx.home.socket("origin", door="media"))
        self.ctx, self.running = ctx, running

    def metric(self, name: str, **labels: str) -> float:
        return self.ctx.metrics.value(name, **labels)

    @property
    def data(self) -> Path:
        return self.ctx.home.data / "origin"

    async def until(self, holds: Callable[[], object]) -> None:
        async with asyncio.timeout(60):
            while not holds():
                await asyncio.sleep(0.002)


@asynccontextmanager
async def running_origin(home: Path, clock: Clock | None = None, **settings: str | int) -> AsyncIterator[Origin]:
    """The role as `python -m origin` runs it, but here. Settings with `__` for the dot."""
    ctx = Context(
        role="origin",
        home=Home(home),
        settings=Settings(
            {"pictures.on": False} | {name.replace("__", "."): value for name, value in settings.items()}
        ),
        clock=clock or SystemClock(),
    )
    ctx.home.make()
    task = ctx.tasks.start(service.run(ctx), "origin")
    origin = Origin(ctx, task)
    try:
        async with asyncio.timeout(10):
            while not task.done():
                try:
                    if (await origin.ask("GET", "/healthz")).status == 200:
                        break
                except aiohttp.ClientError:
                    await asyncio.sleep(0.005)
        yield origin
    finally:
        ctx.stopping.set()
        await origin.client.close()
        await task
        await ctx.tasks.close()


class OriginProcess:
    """`python -m origin` in a process of its own, which can be killed and started again."""

    def __init__(self, home: Path, *words: str, worker: int = 0) -> None:
        self.home = Home(home)
        self.home.make()
        self.words = (*words, "--worker", str(worker))
        # a further worker is asked at its own socket: the media socket is worker 0's
        self.socket = self.home.socket("origin", worker) if worker else self.home.socket("origin", door="media")
        self.process: asyncio.subprocess.Process | None = None
        self.asker: Asker | None = None

    @property
    def data(self) -> Path:
        return self.home.data / "origin"

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    async def starts(self) -> Asker:
        """Returns when it answers. Its log goes to `home/origin.log`."""
        with open(self.home.root / "origin.log", "ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "origin", "--home", str(self.home.root), "--set", "pictures.on=0", *self.words,
                cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=log, stderr=log,
            )  # fmt: skip
        self.asker = Asker(self.socket)
        async with asyncio.timeout(20):
            while True:
                assert self.process.returncode is None, self.log()
                try:
                    if (await self.asker.ask("GET", "/healthz")).status == 200:
                        return self.asker
                except aiohttp.ClientError:
                    await asyncio.sleep(0.01)

    async def ends(self, sign: signal.Signals = signal.SIGKILL) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(sign)
            await self.process.wait()
        if self.asker is not None:
            await self.asker.client.close()

    def log(self) -> str:
        return (self.home.root / "origin.log").read_text()


@pytest.fixture
async def process(home: Path) -> AsyncIterator[OriginProcess]:
    made = OriginProcess(home)
    yield made
    await made.ends()


@pytest.fixture
def home() -> Any:
    """A short folder: sockets are in it."""
    folder = Path(tempfile.mkdtemp(prefix="hw-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def origin(home: Path) -> AsyncIterator[Origin]:
    async with running_origin(home, drain__seconds=1) as origin:
        yield origin


@pytest.fixture(scope="session")
def private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="session")
def certificate(private_key: rsa.RSAPrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "origin")])
    begun = datetime(2026, 1, 1, tzinfo=UTC)
    made = x509.CertificateBuilder(name, name, private_key.public_key(), 1, begun, begun + timedelta(days=9999))
    return made.sign(private_key, hashes.SHA256()).public_bytes(Encoding.DER)
