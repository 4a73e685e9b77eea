"""Role processes of their own kind: real `python -m` modules on node.process and node.web, told by their names how to
behave, and an appliance of them as a process, as an operator starts it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from node.home import PORTS, Home
from node.plan import Role

# How a role behaves is in the environment, {role: manner}, so that one module plays them all.
ROLE = """
import asyncio, json, os, sys
from node import web
from node.process import main

def play(role):
    manner = json.loads(os.environ.get("MANNERS", "{}")).get(role, "")

    async def run(ctx):
        if manner == "crashes":
            raise RuntimeError("no such luck")
        if manner == "unusable":
            raise OSError("cannot use disk 7")
        app = web.make_app(ctx)
        rows = {"edge": ("edge.listen", "edge"), "control": ("control.listen", "control"),
                "ingest": ("ingest.rtmp_listen", "rtmp")}
        doors = [ctx.listen(*rows[role])] if role in rows else []
        if role == "control" and not ctx.home.admin_token_file.exists():
            ctx.home.admin_token_file.write_text("a" * 32)
            (ctx.home.secrets / "stream-keys.json").write_text('{"studio": "k-e-y"}')
        async with web.serving(ctx, app, doors, reuse_port=role == "edge"):
            await ctx.stopping.wait()
            if manner == "hangs":
                await asyncio.sleep(3600)
        with open(ctx.home.data / "ended", "a") as ended:
            ended.write(role + "\\n")

    main(role, run)
"""

APPLIANCE = """
import sys
from node import plan
from node.main import run
from tests_roles import ROLES
plan.ROLES.clear()
plan.ROLES.update(ROLES)
sys.exit(run(sys.argv[1:]))
"""

TABLE = """
from dataclasses import replace
from node import plan
ROLES = {name: replace(role, module=f"played_{name}") for name, role in plan.ROLES.items()}
"""

HEADWATER = str(Path(sys.executable).with_name("headwater"))
NAMES = ("origin", "control", "ingest", "edge", "pictures", "remux", "demo")


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of modules: `played_origin` and so on, and `appliance`, the command with those roles."""
    folder = tmp_path_factory.mktemp("roles")
    (folder / "play_role.py").write_text(ROLE)
    (folder / "appliance.py").write_text(APPLIANCE)
    (folder / "tests_roles.py").write_text(TABLE)
    for name in NAMES:
        (folder / f"played_{name}.py").write_text(f"from play_role import play\nplay({name!r})\n")
    return folder


@pytest.fixture
def played_roles(played: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Role]:
    """The same roles as a table, for a supervisor in this process."""
    monkeypatch.setenv("PYTHONPATH", str(played))
    return {name: Role(name=name, module=f"played_{name}") for name in NAMES}


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A folder with a path short enough for unix sockets."""
    folder = Path(tempfile.mkdtemp(prefix="hw-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def home(short_path: Path) -> Home:
    made = Home(short_path / "home")
    made.make()
    return made


def free_port_base() -> int:
    """A base whose ports are all free now, below the range that the kernel hands out itself."""
    start = 10_000 + os.getpid() % 90 * 100  # two test processes next to each other do not meet
    for base in range(start, 20_000, 10):
        with contextlib.ExitStack() as stack:
            try:
                for row in PORTS.values():
                    probe = stack.enter_context(socket.socket())
                    probe.bind(("0.0.0.0", base + row.offset))
            except OSError:
                continue
            return base
    raise OSError("no free ports")


class Appliance:
    """`headwater up` as a process, with what it says line by line."""

    def __init__(self, argv: list[str], env: dict[str, str], home: Home) -> None:
        self.argv, self.env, self.home = argv, env, home
        self.said: list[str] = []
        self.printed: list[str] = []
        self.process: asyncio.subprocess.Process
        self._readers: list[asyncio.Task[None]] = []
        self._news = asyncio.Condition()

    async def starts(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            *self.argv, env=self.env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        assert self.process.stdout and self.process.stderr
        for stream, lines in ((self.process.stdout, self.printed), (self.process.stderr, self.said)):
            self._readers.append(asyncio.create_task(self._read(stream, lines)))

    async def _read(self, stream: asyncio.StreamReader, lines: list[str]) -> None:
        while line := await stream.readline():
            async with self._news:
                lines.append(line.decode().rstrip("\n"))
                self._news.notify_all()

    async def says(self, words: str, *, within_s: float = 20) -> str:
        """The first line, on either stream, that holds the words."""
        return await self._line(lambda line: words in line, within_s, words)

    async def ready(self) -> dict[str, Any]:
        line = await self._line(lambda line: line.startswith('{"ready"'), 30, "the ready line")
        found: dict[str, Any] = json.loads(line)
        return found

    async def _line(self, wanted: Any, within_s: float, what: str) -> str:
        def find() -> str | None:
            return next((line for line in [*self.printed, *self.said] if wanted(line)), None)

        try:
            async with asyncio.timeout(within_s), self._news:
                await self._news.wait_for(lambda: find() is not None)
        except TimeoutError:
            raise AssertionError(
                f"not said within {within_s} s: {what}\n" + "\n".join(self.said + self.printed)
            ) from None
        found = find()
        assert found is not None
        return found

    async def ends(self, *, within_s: float = 10) -> int:
        """Its exit code, with all that it said read."""
        async with asyncio.timeout(within_s):
            code = await self.process.wait()
            await asyncio.gather(*self._readers)
        return code

    def gets(self, sign: signal.Signals) -> None:
        self.process.send_signal(sign)

    def role_pids(self) -> dict[str, int]:
        found = json.loads((self.home.state / "running.json").read_text())
        return {f"{role['role']}-{role['worker']}": role["pid"] for role in found["roles"]}

    async def is_over(self) -> None:
        """End whatever is left, by the pids that were written."""
        with contextlib.suppress(OSError, ValueError):
            for pid in self.role_pids().values():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()
        for reader in self._readers:
            reader.cancel()


@pytest.fixture
async def appliances(played: Path, home: Home) -> AsyncIterator[Any]:
    """`await appliances("--json", manners={"edge": "hangs"})` starts one; `real`: with the product's own roles."""
    started: list[Appliance] = []

    async def start(
        *arguments: str,
        base: int | None = None,
        manners: dict[str, str] | None = None,
        at: Home = home,
        real: bool = False,
    ) -> Appliance:
        command = [HEADWATER] if real else [sys.executable, "-m", "appliance"]
        argv = [*command, "up", "--home", str(at.root)]
        argv += ["--port-base", str(base or free_port_base()), "--set", "edge.workers=1", *arguments]
        env = {**os.environ, "PYTHONPATH": str(played), "MANNERS": json.dumps(manners or {})}
        made = Appliance(argv, env, at)
        await made.starts()
        started.append(made)
        return made

    yield start
    for made in started:
        await made.is_over()


async def headwater(*words: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of one command."""
    done = await asyncio.create_subprocess_exec(
        HEADWATER, *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await done.communicate()
    return done.returncode or 0, out.decode(), err.decode()


async def until_gone(pids: list[int], *, within_s: float = 8) -> None:
    """Wait until none of these processes lives (a zombie is dead)."""

    def lives(pid: int) -> bool:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return False
        return state not in "ZX"

    async with asyncio.timeout(within_s):
        while any(lives(pid) for pid in pids):
            await asyncio.sleep(0.02)
