"""Pictures: how their files are called, and the order that an origin gives to the process that decodes.

    picture-{ms}-{width}.jpg                      the picture at `ms`: the last keyframe at or before it
    tiles-{layout}-{number}.jpg                   a sheet of them, on demand: cells `interval` apart from the beginning
    tiles-{layout}-{run}-{number}.jpg             live: from the beginning of an unbroken run (LiveSegment.run)
    waveform-{number}.json, .dat                  peaks of a stretch of sound

`ms` counts from the beginning on demand and from 1970 in a live channel. `layout` is `{interval ms}-{columns}x{rows}-
{width of a cell}`: it is part of the name, so a name never changes its meaning when a setting does. `width` is what
is wished; a picture is never made larger than it was.

The decoding process keeps nothing and knows no file: media comes with the order, the answer is the picture.

    POST /picture   bundle(PictureOrder, stills)      -> 200, the picture
    POST /waveform  bundle(WaveformOrder, [sound])    -> 200, waveform data (packager/waveform.py)

422: the media cannot be decoded. 503: as much is waiting as may.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from base.problems import Problem

_NUMBER = r"(?:0|[1-9][0-9]{0,14})"
_LAYOUT = r"[1-9][0-9]{2,6}-[1-9][0-9]?x[1-9][0-9]?-[1-9][0-9]{1,3}"
PICTURE_PATTERN = rf"picture-{_NUMBER}-[1-9][0-9]{{1,3}}\.(?:jpg|webp)"
TILES_PATTERN = rf"tiles-{_LAYOUT}(?:-{_NUMBER})?-{_NUMBER}\.jpg"
WAVEFORM_PATTERN = rf"waveform-{_NUMBER}\.(?:json|dat)"
_RUN = re.compile(rf"tiles-{_LAYOUT}-{_NUMBER}-{_NUMBER}\.jpg")

_CONTENT_TYPE = {
    "jpg": "image/jpeg",
    "webp": "image/webp",
    "json": "application/json",
    "dat": "application/octet-stream",
}

# One order: 400 keyframes of a megabyte would be beyond it; a sheet of 25 in 4K is about 30 MB.
MOST_ORDER_OCTETS = 64 << 20
MOST_CELLS = 400
MOST_SIDE = 8192  # of a picture or of a whole sheet, in pixels
_SIZE = struct.Struct(">I")
_Order = TypeVar("_Order", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Layout:
    """How cells lie on a sheet. `interval_ms`: from one cell to the next; `width` of a cell in pixels."""

    interval_ms: int
    columns: int
    rows: int
    width: int

    @property
    def cells(self) -> int:
        return self.columns * self.rows

    @property
    def span_ms(self) -> int:
        """What one sheet covers."""
        return self.interval_ms * self.cells

    def __str__(self) -> str:
        return f"{self.interval_ms}-{self.columns}x{self.rows}-{self.width}"


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture's file."""

    ms: int
    width: int
    format: str

    @property
    def file(self) -> str:
        return f"picture-{self.ms}-{self.width}.{self.format}"


@dataclass(frozen=True, slots=True)
class Tiles:
    """One sheet's file. `run`: -1 on demand."""

    layout: Layout
    number: int
    run: int = -1

    @property
    def file(self) -> str:
        return tiles_template(self.layout, self.run).replace("$Number$", str(self.number))


def tiles_template(layout: Layout, run: int = -1) -> str:
    """Sheets as DASH spells them (ISO/IEC 23009-1 5.3.9.4.4): `$Number$` stands for the number."""
    return f"tiles-{layout}-$Number$.jpg" if run < 0 else f"tiles-{layout}-{run}-$Number$.jpg"


def waveform_file(number: int, ending: str) -> str:
    return f"waveform-{number}.{ending}"


def of_a_run(file: str) -> bool:
    """True if a file of tiles names a run, as those of live channels do."""
    return _RUN.fullmatch(file) is not None


def read_picture(file: str) -> Picture:
    """The file is as PICTURE_PATTERN has it."""
    stem, _, ending = file.partition(".")
    _, ms, width = stem.split("-")
    return Picture(int(ms), int(width), ending)


def read_tiles(file: str) -> Tiles:
    """The file is as TILES_PATTERN has it."""
    _, interval, grid, width, *numbers = file.removesuffix(".jpg").split("-")
    columns, _, rows = grid.partition("x")
    *run, number = map(int, numbers)
    return Tiles(Layout(int(interval), int(columns), int(rows), int(width)), number, *run)


def read_waveform(file: str) -> tuple[int, str]:
    """Number and ending; the file is as WAVEFORM_PATTERN has it."""
    stem, _, ending = file.partition(".")
    return int(stem.partition("-")[2]), ending


def content_type(file: str) -> str:
    """By how the file ends."""
    return _CONTENT_TYPE[file.rpartition(".")[2]]


class PictureOrder(msgspec.Struct, frozen=True, kw_only=True):
    """One picture or one sheet. `width`, `height` of a cell in pixels; `format`: jpg or webp.

    `cells`: for each cell, left to right and top to bottom, which of the stills it shows, -1 for none.
    """

    width: int
    height: int
    format: str = "jpg"
    columns: int = 1
    rows: int = 1
    cells: tuple[int, ...] = (0,)


class WaveformOrder(msgspec.Struct, frozen=True, kw_only=True):
    """Peaks of `pixels` stretches of `per_pixel` samples at `rate` Hz. `start`: the tick of the media (in its own
    timescale) at which the first begins."""

    start: int
    rate: int
    per_pixel: int
    pixels: int


def bundle(order: msgspec.Struct, parts: Sequence[bytes | memoryview]) -> bytes:
    """One body: the order as JSON, then the parts, each after its length (u32, big-endian)."""
    head = msgspec.json.encode(order)
    pieces: list[bytes | memoryview] = [_SIZE.pack(len(head)), head]
    for part in parts:
        pieces += [_SIZE.pack(len(part)), part]
    return b"".join(pieces)


def unbundle(body: bytes, kind: type[_Order]) -> tuple[_Order, list[memoryview]]:
    """The order and the parts. Raises Problem malformed if the body is not as `bundle` makes it."""
    view, at = memoryview(body), 0
    parts: list[memoryview] = []
    while at < len(view):
        if len(view) - at < _SIZE.size:
            raise Problem("malformed", "the order is cut short")
        (size,) = _SIZE.unpack_from(view, at)
        at += _SIZE.size
        if size > len(view) - at or len(parts) > MOST_CELLS:
            raise Problem("malformed", "the order is cut short, or has too many parts")
        parts.append(view[at : at + size])
        at += size
    try:
        order = msgspec.json.decode(parts[0] if parts else b"", type=kind)
    except msgspec.DecodeError as fault:
        raise Problem("malformed", f"the order cannot be read: {fault}") from fault
    return order, parts[1:]
