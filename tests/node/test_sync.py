from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from aiohttp import web

from base.desired import CONTRACT, DESIRED_PATH, ChannelSpec, Desired
from node.home import Home
from node.process import Context
from node.sync import DesiredState, write_whole


class Control:
    """The node socket of a control: answers what is newer, else 304 at once (the real one holds the request)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.body = b""
        self.asked: list[str] = []
        self._changed = asyncio.Event()
        self._runner: web.AppRunner | None = None

    def says(self, desired: Desired | bytes) -> None:
        self.body = desired if isinstance(desired, bytes) else msgspec.json.encode(desired)
        self._changed.set()

    async def comes(self) -> None:
        app = web.Application()
        app.router.add_get(DESIRED_PATH, self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.UnixSite(self._runner, str(self.path)).start()

    async def goes(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.query["have"])
        await self._changed.wait()
        self._changed.clear()
        return web.Response(body=self.body) if self.body else web.Response(status=304)


def desired(seq: int, *channels: str) -> Desired:
    specs = tuple(ChannelSpec(channel=name, title=name, edition="e1", key_hashes=()) for name in channels)
    return Desired(seq=seq, channels=specs)


@pytest.fixture
def ctx() -> Iterator[Context]:
    root = Path(tempfile.mkdtemp(prefix="hw"))  # short: a socket's path holds 108 octets
    home = Home(root)
    home.make()
    yield Context(role="ingest", home=home)
    shutil.rmtree(root)


@asynccontextmanager
async def following(ctx: Context, control: Control) -> AsyncIterator[DesiredState]:
    state = DesiredState(ctx, f"unix:{control.path}")
    ctx.tasks.start(state.run(), "desired state")
    try:
        yield state
    finally:
        await ctx.tasks.close()
        await control.goes()


async def test_news_are_followed_and_kept(ctx: Context) -> None:
    control = Control(ctx.home.run / "c.sock")
    await control.comes()
    control.says(desired(4, "studio"))
    heard: list[int] = []
    async with following(ctx, control) as state, asyncio.timeout(10):
        state.on_change(lambda found: heard.append(found.seq))
        assert (await state.after(3)).channels[0].channel == "studio"
        control.says(desired(6, "studio", "arena"))
        assert len((await state.after(4)).channels) == 2
    assert heard == [-1, 4, 6]
    assert control.asked[:2] == ["-1", "4"]
    assert ctx.metrics.value("desired_seq") == 6
    assert DesiredState(ctx, "unix:/nowhere").current == desired(6, "studio", "arena")


async def test_control_may_be_away_at_first_and_later(ctx: Context) -> None:
    control = Control(ctx.home.run / "c.sock")
    async with following(ctx, control) as state, asyncio.timeout(20):
        while not state.away:
            await asyncio.sleep(0.01)
        assert state.current.channels == ()
        control.says(desired(1, "studio"))
        await control.comes()
        await state.after(0)
        await control.goes()
        while not state.away:
            await asyncio.sleep(0.01)
        assert state.current == desired(1, "studio")


@pytest.mark.parametrize(
    "answer",
    [
        b"{",
        b'{"seq": "x"}',
        msgspec.json.encode(desired(2, "old")),
        msgspec.json.encode(Desired(seq=9, contract=CONTRACT + 1)),
    ],
)
async def test_what_cannot_be_taken_changes_nothing(ctx: Context, answer: bytes) -> None:
    """Damage, a sequence that goes back, a node contract that this node does not know."""
    control = Control(ctx.home.run / "c.sock")
    await control.comes()
    control.says(desired(5, "studio"))
    async with following(ctx, control) as state, asyncio.timeout(20):
        await state.after(4)
        control.says(answer)
        while not state.away:
            await asyncio.sleep(0.01)
        assert state.current == desired(5, "studio")
        control.says(desired(7, "arena"))
        assert (await state.after(5)).seq == 7


def test_a_damaged_file_is_no_state(ctx: Context) -> None:
    (ctx.home.state / "desired-ingest-0.json").write_bytes(b"{")
    assert DesiredState(ctx, "unix:/nowhere").current.seq == -1


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    write_whole(path, b"old")
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["state.json"]
