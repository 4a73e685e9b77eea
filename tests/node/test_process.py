"""A role process: its arguments, its end."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from node import ask
from node.home import Home
from node.process import Context
from node.settings import Settings


async def start(
    played: Path, home: Home, *arguments: str, stdin: Any = asyncio.subprocess.PIPE, **env: str
) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "played_origin", "--home", str(home.root), *arguments),
        stdin=stdin,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(played), **env},
    )


async def answers(home: Home) -> None:
    async with asyncio.timeout(15):
        while True:
            try:
                await ask.get(home.socket("origin"), "/healthz")
                return
            except OSError:
                await asyncio.sleep(0.02)


@pytest.fixture
def pipe() -> Any:
    read, write = os.pipe()
    yield read, write
    os.close(read)


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
async def test_it_ends_when_told(played: Path, home: Home, sign: signal.Signals) -> None:
    process = await start(played, home, stdin=asyncio.subprocess.DEVNULL)
    await answers(home)
    process.send_signal(sign)
    assert await process.wait() == 0
    assert (home.data / "ended").read_text() == "origin\n"


async def test_it_ends_when_its_supervisor_is_gone(played: Path, home: Home, pipe: tuple[int, int]) -> None:
    read, write = pipe
    process = await start(played, home, stdin=read)
    await answers(home)
    os.close(write)
    async with asyncio.timeout(5):
        assert await process.wait() == 0


async def test_it_stays_without_a_supervisor(played: Path, home: Home) -> None:
    """Started by hand, with /dev/null or a terminal for standard input."""
    process = await start(played, home, stdin=asyncio.subprocess.DEVNULL)
    await answers(home)
    await answers(home)
    assert process.returncode is None
    process.terminate()
    await process.wait()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--set", "edge.wrokers=1"], "no such setting; did you mean edge.workers"),
        (["--set", "log.level=loud"], "give debug, info, warning or error"),
        (["--config", "/no/such/file.toml"], "No such file"),
    ],
)
async def test_settings_that_cannot_be_used_end_it_with_2(
    played: Path, home: Home, arguments: list[str], words: str
) -> None:
    process = await start(played, home, *arguments)
    _, said = await process.communicate()
    assert process.returncode == 2
    assert words in said.decode()


async def test_an_address_that_cannot_be_used_ends_it_with_2_and_a_plain_last_line(played: Path, home: Home) -> None:
    process = await start(played, home, MANNERS='{"origin": "unusable"}')
    _, said = await process.communicate()
    assert process.returncode == 2
    assert said.decode().splitlines()[-1] == "origin: cannot use disk 7"


async def test_a_fault_ends_it_with_1(played: Path, home: Home) -> None:
    process = await start(played, home, MANNERS='{"origin": "crashes"}')
    _, said = await process.communicate()
    assert process.returncode == 1
    assert b"RuntimeError: no such luck" in said


def test_a_listener_is_the_setting_or_the_ports_table(home: Home) -> None:
    plain = Context(role="edge", home=home, port_base=9000)
    assert plain.listen("edge.listen", "edge") == ("0.0.0.0", 9000)
    assert plain.upstream("edge.upstream", home.socket("origin", door="media")) == f"unix:{home.run}/origin-media.sock"
    given = Settings({"edge.listen": "unix:/run/e.sock", "edge.upstream": "http://o:1"})
    chosen = Context(role="edge", home=home, settings=given)
    assert chosen.listen("edge.listen", "edge") == Path("/run/e.sock")
    assert chosen.upstream("edge.upstream", Path("/x")) == "http://o:1"
