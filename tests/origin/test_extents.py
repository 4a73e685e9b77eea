"""Many files as one stretch of memory."""

from __future__ import annotations

import gc
import mmap
import os
from pathlib import Path

import pytest

from base.problems import Problem
from origin.extents import Extents, mapped, read


def made(folder: Path, *sizes: int) -> Extents:
    for at, size in enumerate(sizes):
        (folder / str(at)).write_bytes(bytes([65 + at]) * size)
    return Extents(files=tuple((str(at), size) for at, size in enumerate(sizes)))


def maps(folder: Path) -> int:
    return Path("/proc/self/maps").read_text().count(str(folder))


def test_each_file_lies_where_its_place_says(tmp_path: Path) -> None:
    page = mmap.PAGESIZE
    extents = made(tmp_path, 10, page, page + 1, 3)
    assert extents.places == [(0, 10), (page, page), (2 * page, page + 1), (4 * page, 3)]
    view = mapped(tmp_path, extents)
    assert view.readonly and view.format == "B" and len(view) == 5 * page
    for number, (at, size) in enumerate(extents.places):
        assert bytes(view[at : at + size]) == bytes([65 + number]) * size


def test_it_is_unmapped_with_its_last_view_and_holds_no_file_open(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    view = mapped(tmp_path, made(tmp_path, 100, 200, 300))
    assert len(os.listdir("/proc/self/fd")) == before and maps(tmp_path) == 3
    for path in tmp_path.iterdir():
        path.unlink()  # what is mapped stays
    piece = view[:50]
    del view
    gc.collect()
    assert bytes(piece) == b"A" * 50
    del piece
    gc.collect()
    assert maps(tmp_path) == 0


def test_a_file_that_is_not_what_it_was_is_refused(tmp_path: Path) -> None:
    extents = made(tmp_path, 100, 200)
    (tmp_path / "1").write_bytes(b"short")
    with pytest.raises(Problem, match="1 has not the 200 octets"):
        mapped(tmp_path, extents)
    (tmp_path / "1").unlink()
    with pytest.raises(FileNotFoundError):
        mapped(tmp_path, extents)
    assert maps(tmp_path) == 0


def test_a_list_that_is_damaged_is_refused(tmp_path: Path) -> None:
    for text in (b"{", b'{"files": []}', b'{"files": [["a", 0], ["b", 1]]}'):
        (tmp_path / "list").write_bytes(text)
        with pytest.raises(Problem, match="list of segments is damaged"):
            read(tmp_path / "list")
