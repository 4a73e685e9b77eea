"""An origin and a remuxer in the test's own process, which meet over their real sockets."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.kit.remuxing import Remuxer, running_remuxer
from tests.origin.conftest import Origin, running_origin


@pytest.fixture
def home() -> Iterator[Path]:
    """A short folder: sockets are in it."""
    folder = Path(tempfile.mkdtemp(prefix="hw-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def origin(home: Path) -> AsyncIterator[Origin]:
    async with running_origin(home, drain__seconds=1) as origin:
        yield origin


@pytest.fixture
async def remuxer(home: Path, origin: Origin) -> AsyncIterator[Remuxer]:
    async with asyncio.timeout(120), running_remuxer(home) as remuxer:
        yield remuxer
