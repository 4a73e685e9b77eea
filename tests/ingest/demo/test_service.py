from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from base.desired import ChannelSpec, Desired
from node.clock import SystemClock
from node.home import Home
from tests.kit.optional import ROOT
from tests.kit.recording_origin import RecordingOrigin

DEMO = ChannelSpec(channel="demo", title="Demo", edition="e1", key_hashes=(), segment_ms=1000, demo=True)
OTHER = ChannelSpec(channel="studio", title="Studio", edition="e1", key_hashes=())


@pytest.fixture
def home() -> Iterator[Home]:
    root = Path(tempfile.mkdtemp(prefix="hw"))  # short: a socket's path holds 108 octets
    made = Home(root)
    made.make()
    desired = Desired(seq=1, channels=(OTHER, DEMO))
    (made.state / "desired-demo-0.json").write_bytes(msgspec.json.encode(desired))
    yield made
    shutil.rmtree(root)


async def demo(home: Home) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ingest.demo", "--home", str(home.root), cwd=ROOT, stdin=asyncio.subprocess.DEVNULL
    )


async def test_the_demo_publishes_on_the_wall_grid_and_after_kill_9_goes_on_there(home: Home) -> None:
    async with RecordingOrigin(home.socket("origin", door="media")) as origin:
        first = await demo(home)
        await origin.until(lambda: len(origin.numbers("v1")) >= 2)
        first.kill()
        await first.wait()
        known = origin.last_number
        assert abs(known * 1000 - SystemClock().now_ms()) < 10_000
        second = await demo(home)
        try:
            await origin.until(lambda: bool(origin.numbers("v1")) and origin.numbers("v1")[-1] > known)
        finally:
            second.terminate()
            assert await second.wait() == 0
        again = min(number for number in origin.numbers("v1") if number > known)
        assert again > known
        for track in ("v1", "v2", "a1"):
            assert origin.part_notes[(track, again, 0)].discontinuity
            assert not origin.part_notes[(track, origin.numbers(track)[0], 0)].discontinuity
        assert [note.track for note in origin.notes[-1].tracks] == ["v1", "v2", "a1"]
        assert len({note.session for note in origin.notes}) == 2
        assert {key for key in origin.parts if key[1] > known} <= origin.closed, "the drain closed what was open"
        assert origin.refusals == []
