"""A film's file that is many files: what a channel sent, segment by segment, seen as one stretch of memory.

    mezzanine.extents        {"files": [["v1/init-8ba1.mp4", 812], ["v1/812345.m4s", 250113], ...]}
    v1/812345.m4s            hard links to the segments: nothing is copied, and they stay when the channel drops its own

The files are mapped one behind the other, each from a page's boundary on, so everything that reads a film by offsets
reads this one too (docs/decisions/0016-harvest.md). Blocking.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import weakref
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from base.problems import Problem

SUFFIX = ".extents"
# Each is a mapping, of which a process has 65,530 (vm.max_map_count).
MOST_FILES = 16_384
_PAGE = mmap.PAGESIZE
_NONE, _READ = 0, mmap.PROT_READ
_FIXED = 0x10  # MAP_FIXED of Linux, which the module does not know
_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.mmap.argtypes = (
    ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long,
)  # fmt: skip
_LIBC.mmap.restype = ctypes.c_void_p
_LIBC.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
_FAILED = ctypes.c_void_p(-1).value


class Extents(msgspec.Struct, frozen=True, kw_only=True):
    """Files below the folder of the list, the init segment first, and their octets."""

    files: Annotated[tuple[tuple[str, Annotated[int, Meta(ge=1)]], ...], Meta(min_length=2, max_length=MOST_FILES)]

    @property
    def places(self) -> list[tuple[int, int]]:
        """(offset, octets) of each file in the stretch."""
        found, at = [], 0
        for _, size in self.files:
            found.append((at, size))
            at += -(-size // _PAGE) * _PAGE
        return found


def read(path: Path) -> Extents:
    """Raises FileNotFoundError, Problem unplayable."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Extents)
    except msgspec.DecodeError as fault:
        raise Problem("unplayable", f"its list of segments is damaged: {fault}") from fault


def mapped(folder: Path, extents: Extents) -> memoryview:
    """The stretch; it is unmapped when the last view of it goes. Raises Problem unplayable, OSError."""
    places = extents.places
    length = places[-1][0] + -(-places[-1][1] // _PAGE) * _PAGE
    begin = _map(None, length, _NONE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1)
    try:
        for (name, size), (at, _) in zip(extents.files, places, strict=True):
            fd = os.open(folder / name, os.O_RDONLY | os.O_CLOEXEC)
            try:
                if os.fstat(fd).st_size != size:  # to read behind its end would end the process
                    raise Problem("unplayable", f"{name} has not the {size} octets that it had")
                _map(begin + at, size, _READ, mmap.MAP_SHARED | _FIXED, fd)
            finally:
                os.close(fd)
    except BaseException:
        _LIBC.munmap(begin, length)
        raise
    sort: type[ctypes.Array[ctypes.c_ubyte]] = type(
        "Space", (ctypes.Array,), {"_type_": ctypes.c_ubyte, "_length_": length}
    )
    space = sort.from_address(begin)
    weakref.finalize(space, _LIBC.munmap, begin, length).atexit = False
    return memoryview(space).cast("B").toreadonly()


def _map(at: int | None, length: int, protection: int, flags: int, fd: int) -> int:
    found: int = _LIBC.mmap(at, length, protection, flags, fd, 0)
    if found == _FAILED:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return found
