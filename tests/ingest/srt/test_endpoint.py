"""The endpoint with FFmpeg as caller: handshakes that are decided, reads, the library's own bounded queue."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ingest.srt.access import Claim, Reject, Verdict
from ingest.srt.endpoint import LibsrtEndpoint
from node.clock import SystemClock
from node.tasks import TaskSet
from tests.kit.srt import libsrt_is_there, made, publishing, sends

FINE = Verdict(code=0, outcome="admitted", channel="studio", claim=Claim(key="k", channel="studio"))


class Door:
    def __init__(self, endpoint: LibsrtEndpoint, refused: asyncio.Queue[Verdict]) -> None:
        self.endpoint = endpoint
        self.refused = refused
        self.url = f"srt://127.0.0.1:{endpoint.port}"


@asynccontextmanager
async def door(verdict: Verdict | Callable[[str], Verdict]) -> AsyncIterator[Door]:
    libsrt_is_there()
    tasks, refused = TaskSet(), asyncio.Queue[Verdict]()
    endpoint = LibsrtEndpoint(
        ("127.0.0.1", 0),
        latency_ms=120,
        verdict=verdict if callable(verdict) else lambda _: verdict,
        refused=lambda _, found: refused.put_nowait(found),
        clock=SystemClock(),
        tasks=tasks,
    )
    try:
        yield Door(endpoint, refused)
    finally:
        await endpoint.close()
        await tasks.close()


async def test_what_is_sent_is_read(tmp_path: Path) -> None:
    file = made(tmp_path / "a.ts", seconds=1)
    async with door(FINE) as there, sends(*publishing(file, there.url)) as sender, asyncio.timeout(30):
        link = await there.endpoint.accept()
        assert link.peer.startswith("127.0.0.1:") and link.software.startswith("SRT 1.")
        octets = b""
        while data := await link.read():
            octets += data
        assert await sender.ends() == 0
        await link.close()
        assert await link.read() == b"" and link.figures() is None
    assert len(octets) % 188 == 0 and len(octets) > 20_000
    assert set(octets[::188]) == {0x47}


async def test_a_refused_handshake_is_told(tmp_path: Path) -> None:
    file = made(tmp_path / "a.ts", seconds=1)
    no = Verdict(code=Reject.UNAUTHORIZED, outcome="wrong-key", sentence="no")
    async with door(no) as there, sends(*publishing(file, there.url)) as sender:
        assert await sender.ends() != 0
        async with asyncio.timeout(20):
            assert await there.refused.get() == no


@pytest.mark.slow
async def test_a_fault_in_a_handshake_refuses_it_and_is_logged(tmp_path: Path) -> None:
    """It happens in a thread of the library's, which no exception may reach: it must not vanish there either."""

    def broken(_: str) -> Verdict:
        raise RuntimeError("broken")

    file = made(tmp_path / "a.ts", seconds=1)
    with capture_logs() as lines:
        async with door(broken) as there, sends(*publishing(file, there.url)) as sender:
            assert await sender.ends() != 0
    (line,) = [line for line in lines if line["event"] == "srt.handshake_fault"]
    assert str(line["exc_info"]) == "broken" and line["peer"].startswith("127.0.0.1")


async def test_a_wrong_passphrase_is_no_connection_and_is_said(tmp_path: Path) -> None:
    file = made(tmp_path / "a.ts", seconds=1)
    secret = Verdict(
        code=0, outcome="admitted", channel="studio", claim=Claim(key="k"), passphrase="correct horse battery"
    )
    async with door(secret) as there:
        wrong = publishing(file, there.url + "?passphrase=another horse battery")
        async with sends(*publishing(file, there.url)) as without, sends(*wrong) as other:
            assert await without.ends() != 0 and await other.ends() != 0
            for _ in range(2):
                async with asyncio.timeout(30):
                    told = await there.refused.get()
                assert told.channel == "studio" and "passphrase" in told.sentence
                assert "horse" not in told.sentence
        async with sends(*publishing(file, there.url + "?passphrase=correct horse battery")) as sender:
            async with asyncio.timeout(30):
                link = await there.endpoint.accept()
                octets = b""
                while data := await link.read():
                    octets += data
            assert await sender.ends() == 0
            figures = link.figures()
            assert figures is None or figures.undecrypted == 0
        assert octets[0] == 0x47 and len(octets) > 20_000


@pytest.mark.slow
async def test_a_link_that_is_not_read_keeps_no_more_than_the_library_does(tmp_path: Path) -> None:
    """Nothing is queued on our side: closing is enough to forget it."""
    file = made(tmp_path / "a.ts", seconds=1)
    async with door(FINE) as there, sends(*publishing(file, there.url)) as sender, asyncio.timeout(30):
        link = await there.endpoint.accept()
        assert await sender.ends() == 0
        await link.close()
        await link.close()
        assert not there.endpoint._links
