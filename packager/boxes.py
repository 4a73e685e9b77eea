"""ISO-BMFF boxes: walking a buffer, and writing (ISO/IEC 14496-12 4.2).

The reader trusts nothing: every box must lie within its parent, and a fault is a Problem with the box and place.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from base.problems import Problem
from packager.limits import USUAL, Limits

Buffer = bytes | bytearray | memoryview

_HEAD = struct.Struct(">I4s")
_LARGE = struct.Struct(">Q")


@dataclass(frozen=True, slots=True)
class Box:
    """One box: its four letters, where it starts, where its payload starts and where it ends (octets in the buffer)."""

    type: str
    start: int
    body: int
    end: int

    @property
    def size(self) -> int:
        return self.end - self.start


def malformed(what: str) -> Problem:
    return Problem("unplayable", f"the file is damaged: {what}")


def walk(data: memoryview, start: int, end: int, limits: Limits = USUAL) -> Iterator[Box]:
    """The boxes that lie in data[start:end], in order (4.2). Raises Problem unplayable where one does not fit."""
    at, count, most = start, 0, limits.boxes
    while at < end:
        count += 1
        if count > most:
            limits.check("boxes", count, f"it has {count} boxes in a row or more, up to octet {at}")
        if end - at < 8:
            raise malformed(f"{end - at} stray octets at {at}, too few for a box")
        size, kind = _HEAD.unpack_from(data, at)
        body = at + 8
        if size == 1:  # a 64-bit size follows
            if end - at < 16:
                raise malformed(f"box at {at} is cut off")
            (size,) = _LARGE.unpack_from(data, body)
            body += 8
        elif size == 0:  # to the end of what holds it
            size = end - at
        if kind == b"uuid":
            body += 16
        if size < body - at or at + size > end:
            raise malformed(f"box {_letters(kind)} at {at} claims {size} octets, {end - at} are there")
        yield Box(_letters(kind), at, body, at + size)
        at += size


def children(data: memoryview, box: Box, skip: int = 0, limits: Limits = USUAL) -> dict[str, Box]:
    """The first child of each type; `skip` octets of fields precede the children."""
    found: dict[str, Box] = {}
    for child in walk(data, box.body + skip, box.end, limits):
        found.setdefault(child.type, child)
    return found


def child(data: memoryview, box: Box, path: str, limits: Limits = USUAL) -> Box:
    """The box at a path of types such as `mdia/minf/stbl`. Raises Problem unplayable if one is missing."""
    for step in path.split("/"):
        found = children(data, box, limits=limits).get(step)
        if found is None:
            raise malformed(f"box {box.type} has no {step}")
        box = found
    return box


def full(data: memoryview, box: Box) -> tuple[int, int]:
    """version and flags of a FullBox."""
    if box.end - box.body < 4:
        raise malformed(f"box {box.type} is too short")
    (word,) = struct.unpack_from(">I", data, box.body)
    return word >> 24, word & 0xFFFFFF


def fields(data: memoryview, box: Box, layout: str, skip: int = 4) -> tuple[int, ...]:
    """Unpack fields of a box after `skip` octets (4: version and flags)."""
    form = _form(layout)
    if box.body + skip + form.size > box.end:
        raise malformed(f"box {box.type} is too short")
    return form.unpack_from(data, box.body + skip)


@lru_cache(64)
def _form(layout: str) -> struct.Struct:
    return struct.Struct(">" + layout)


@lru_cache(256)  # a file of fragments has the same dozen types tens of thousands of times
def _letters(kind: bytes) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in kind.decode("latin-1"))


def box(kind: bytes, *parts: bytes) -> bytes:
    """One box with its payload."""
    size = 8 + sum(map(len, parts))
    assert size < 1 << 32
    return b"".join((_HEAD.pack(size, kind), *parts))


def fullbox(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    """One FullBox with its payload."""
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)
