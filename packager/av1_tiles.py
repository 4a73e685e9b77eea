"""Which octets of AV1 samples may be ciphered: those of tiles (AV1 Codec ISO Media File Format Binding 4).

Only what decode_tile reads is ciphered. Headers and sizes of OBUs, sequence, frame and tile group headers, sizes of
tiles, metadata and padding stay clear. So frame headers have to be read to their end, with the state that they lean
on; that starts anew with each key frame, at which segments begin.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from packager.av1_frames import FrameReader
from packager.av1_sequence import Sequence, read_sequence
from packager.av1_tile_info import Tiles
from packager.bits import Bits
from packager.boxes import malformed

_SEQUENCE, _FRAME_HEADER, _TILE_GROUP, _FRAME, _TILE_LIST = 1, 3, 4, 6, 8
_HEAD = 64  # octets that are looked at first: most frame headers are shorter
_LONGEST_HEAD = 1 << 14

I64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Obu:
    """Its payload lies from `start` to `end`."""

    type: int
    temporal: int
    spatial: int
    start: int
    end: int


class Av1Reader:
    """Reads samples of one track in decode order. `av1c`: the body of its configuration box."""

    def __init__(self, av1c: bytes) -> None:
        self._sequence: Sequence | None = None
        self._frames = FrameReader()
        self._tiles: Tiles | None = None  # of the frame whose tile groups are coming
        if len(av1c) > 4:
            self.tiles(memoryview(av1c), 4, len(av1c))

    def tiles(self, media: memoryview, start: int, end: int) -> list[tuple[int, int]]:
        """Where tiles begin and end in the sample that lies in media[start:end]. Raises Problem unplayable."""
        found: list[tuple[int, int]] = []
        at = start
        while at < end:
            try:
                obu = _obu(media, at, end)
                self._take(media, obu, found)
            except (ValueError, IndexError):
                raise malformed("an OBU of its AV1 video cannot be read") from None
            at = obu.end
        return found

    def _take(self, media: memoryview, obu: Obu, found: list[tuple[int, int]]) -> None:
        match obu.type:
            case t if t == _SEQUENCE:
                self._sequence = read_sequence(bytes(media[obu.start : obu.end]))
            case t if t in (_FRAME_HEADER, _FRAME):
                if self._tiles is not None:  # a copy of the header that is in force
                    if t == _FRAME:
                        raise ValueError("a frame within a frame")
                    return
                octets = self._header(media, obu)
                if t == _FRAME:
                    self._group(media, obu.start + octets, obu.end, found)
            case t if t == _TILE_GROUP:
                self._group(media, obu.start, obu.end, found)
            case t if t == _TILE_LIST:
                raise ValueError("large scale tiles")

    def _header(self, media: memoryview, obu: Obu) -> int:
        """Octets of a frame header."""
        if self._sequence is None:
            raise ValueError("no sequence header")
        size = _HEAD
        while True:
            bits = Bits(bytes(media[obu.start : min(obu.start + size, obu.end)]))
            try:
                self._tiles = self._frames.read(self._sequence, bits, obu.temporal, obu.spatial)
                return (bits.taken + 7) // 8
            except ValueError:  # perhaps only since the head was cut off
                if obu.start + size >= obu.end or size > _LONGEST_HEAD:
                    raise
                size *= 8

    def _group(self, media: memoryview, start: int, end: int, found: list[tuple[int, int]]) -> None:
        """tile_group_obu (5.11.1)."""
        tiles = self._tiles
        if tiles is None:
            raise ValueError("tiles without a frame")
        first, last = 0, tiles.count - 1
        if tiles.count > 1:
            bits = Bits(bytes(media[start : min(start + 8, end)]))
            if bits.flag():
                first, last = bits.read(tiles.index_bits), bits.read(tiles.index_bits)
            start += (bits.taken + 7) // 8
        for number in range(first, last + 1):
            size = end - start
            if number < last:
                size = int.from_bytes(media[start : start + tiles.size_octets], "little") + 1
                start += tiles.size_octets
            if size <= 0 or start + size > end:
                raise ValueError("a tile does not fit its OBU")
            found.append((start, start + size))
            start += size
        if last == tiles.count - 1:
            self._tiles = None


def _obu(media: memoryview, at: int, end: int) -> Obu:
    """obu_header and obu_size (5.3.2, 4.10.5); without a size it ends with its sample. Raises ValueError."""
    head = media[at]
    if head & 0x80:
        raise ValueError("a forbidden bit")
    at += 1
    temporal = spatial = 0
    if head & 4:
        temporal, spatial = media[at] >> 5, media[at] >> 3 & 3
        at += 1
    size = end - at
    if head & 2:
        size = 0
        for place in range(8):
            octet = media[at]
            at += 1
            size |= (octet & 0x7F) << 7 * place
            if not octet & 0x80:
                break
    if at + size > end:
        raise ValueError("an OBU does not fit its sample")
    return Obu(head >> 3 & 15, temporal, spatial, at, at + size)
