"""An origin with two films, in the test's own process."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path

import pytest
import uvloop

from tests.kit.optional import program
from tests.origin.conftest import Origin, running_origin


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
def home() -> Iterator[Path]:
    """A short folder: sockets are in it."""
    folder = Path(tempfile.mkdtemp(prefix="hw-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def films_on(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """`one`: 3 s, `two`: 2 s with another picture size; with sound."""
    folder = tmp_path_factory.mktemp("playout")
    found = {}
    for name, size, seconds in (("one", "320x180", 3), ("two", "160x90", 2)):
        found[name] = folder / f"{name}.mp4"
        words = f"-v error -y -nostdin -f lavfi -i testsrc2=size={size}:rate=25 -f lavfi -i sine=sample_rate=48000"
        words += f" -t {seconds} -c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 25 -sc_threshold 0 -bf 2 -c:a aac"
        subprocess.run([program("ffmpeg"), *words.split(), str(found[name])], check=True)
    return found


@pytest.fixture
async def origin(home: Path, films_on: dict[str, Path]) -> AsyncIterator[Origin]:
    async with running_origin(home, drain__seconds=1) as origin:
        for name, path in films_on.items():
            answer = await origin.ask("PUT", f"/vod/{name}/mezzanine.mp4", data=path.read_bytes())
            assert answer.status in (200, 201), answer.text
        yield origin
