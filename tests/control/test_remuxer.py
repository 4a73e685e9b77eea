"""Control's client of the remuxer, against a real one that has no origin to send to."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from base.problems import Problem
from control.incoming import Described
from control.origin import Refused
from control.remuxer import Remuxer
from node.home import Home
from tests.kit.remuxing import running_remuxer
from tests.kit.sources import Sources


@pytest.fixture
def home() -> Iterator[Path]:
    """A short folder: sockets are in it."""
    folder = Path(tempfile.mkdtemp(prefix="hw-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def client(home: Path) -> AsyncIterator[Remuxer]:
    made = Remuxer(Home(home).socket("remux", door="jobs"))
    yield made
    await made.close()


async def body(octets: bytes) -> AsyncIterator[bytes]:
    yield octets


async def test_it_is_here_while_it_runs(client: Remuxer, home: Path) -> None:
    assert not client.here
    async with running_remuxer(home):
        assert client.here


async def test_a_refusal_is_the_remuxers_own(client: Remuxer, home: Path) -> None:
    async with running_remuxer(home):
        with pytest.raises(Refused) as refused:
            await client.remux("tour", "0" * 16, 1, Described(name="x", length=4), body(b"junk"), "r")
    assert refused.value.status == 422 and b"no film or sound" in refused.value.body


async def test_a_fault_behind_it_is_upstream(client: Remuxer, home: Path, sources: Sources) -> None:
    film = sources("flac").read_bytes()
    async with running_remuxer(home):
        with pytest.raises(Problem, match="could not make tracks of song"):
            await client.remux("tour", "0" * 16, 1, Described(name="song", length=len(film)), body(film), "r")


async def test_one_that_is_away_is_upstream(client: Remuxer, home: Path) -> None:
    Home(home).run.mkdir(parents=True)
    server = await asyncio.start_unix_server(lambda r, w: w.close(), str(Home(home).socket("remux", door="jobs")))
    try:
        assert client.here
        with pytest.raises(Problem, match="is it running"):
            await client.remux("tour", "0" * 16, 1, Described(name="x", length=None), body(b"x"), "r")
    finally:
        server.close()
        await server.wait_closed()
