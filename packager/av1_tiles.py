"""Which octets of AV1 samples may be ciphered: those of tiles (AV1 Codec ISO Media File Format Binding 4).

Only what decode_tile reads is ciphered. Headers and sizes of OBUs, sequence, frame and tile group headers, sizes of
tiles, metadata and padding stay clear. So frame headers have to be read to their end, with the state that they lean
on; that starts anew with each key frame, at which segments begin.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from packager.av1_frames import FrameReader
from packager.av1_sequence import Sequence, read_sequence
from packager.av1_tile_info import Tiles
from packager.bits import Bits
from packager.boxes import malformed
from packager.obus import FRAME, FRAME_HEADER, SEQUENCE, TILE_GROUP, TILE_LIST, Obu, read_obu

_HEAD = 64  # octets that are looked at first: most frame headers are shorter
_LONGEST_HEAD = 1 << 14

I64 = npt.NDArray[np.int64]


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
                obu = read_obu(media, at, end)
                self._take(media, obu, found)
            except (ValueError, IndexError):
                raise malformed("an OBU of its AV1 video cannot be read") from None
            at = obu.end
        return found

    def _take(self, media: memoryview, obu: Obu, found: list[tuple[int, int]]) -> None:
        match obu.type:
            case t if t == SEQUENCE:
                self._sequence = read_sequence(bytes(media[obu.start : obu.end]))
            case t if t in (FRAME_HEADER, FRAME):
                if self._tiles is not None:  # a copy of the header that is in force
                    if t == FRAME:
                        raise ValueError("a frame within a frame")
                    return
                octets = self._header(media, obu)
                if t == FRAME:
                    self._group(media, obu.start + octets, obu.end, found)
            case t if t == TILE_GROUP:
                self._group(media, obu.start, obu.end, found)
            case t if t == TILE_LIST:
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
