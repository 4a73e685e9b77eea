"""Pages of a mapped file: which are in memory, and bringing them in."""

from __future__ import annotations

import mmap
import os
from pathlib import Path

import pytest

from origin.pages import Pages
from tests.kit.optional import lacks

_SIZE = 4 << 20


@pytest.fixture
def mapped(tmp_path: Path) -> tuple[Path, memoryview]:
    path = tmp_path / "film"
    path.write_bytes(os.urandom(_SIZE))
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        return path, memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def forgotten(path: Path) -> None:
    """The kernel lets go of the file's pages."""
    file = os.open(path, os.O_RDONLY)
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(file)


def test_what_was_read_is_resident(mapped: tuple[Path, memoryview]) -> None:
    path, media = mapped
    pages = Pages(media)
    ranges = [(100, 5000), (70_000, 100), (3 << 20, 200_000)]
    forgotten(path)
    if pages.resident([(0, _SIZE)]):
        lacks("file system", "the file stays in memory")
    assert not pages.resident(ranges)
    pages.bring_in(ranges)
    assert pages.resident(ranges)


def test_the_end_of_the_file_can_be_asked_for(mapped: tuple[Path, memoryview]) -> None:
    _, media = mapped
    pages = Pages(media)
    last = [(_SIZE - 10, 10)]
    pages.bring_in(last)
    assert pages.resident(last)


def test_ranges_in_any_order(mapped: tuple[Path, memoryview]) -> None:
    _, media = mapped
    pages = Pages(media)
    scattered = [(3 << 20, 10), (0, 10), (2 << 20, 1 << 20)]
    pages.bring_in(scattered)
    assert pages.resident(scattered)
