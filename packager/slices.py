"""Which octets of a segment's video may be ciphered: those behind slice headers (ISO/IEC 23001-7 9.5.2), and tiles.

A NAL unit's length, its header, a slice's header and every unit that is no slice stay clear, so that a demultiplexer
can find its way. Where a slice's header ends is known only to who reads it with the parameter sets that it names,
so the reader of a codec takes units in order and is told of parameter sets in band as well. AV1 has other units and
tiles in them (packager.av1_tiles).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from base.media import Format
from base.problems import Problem
from packager import avc_slices, hevc_slices
from packager.av1_tiles import Av1Reader
from packager.boxes import walk

I64 = npt.NDArray[np.int64]
Row = tuple[int, int, int]

_ENTRY = 86  # octets of a visual sample entry's box before the boxes in it


class Reader(Protocol):
    """Reads the NAL units of one track in decode order."""

    length_size: int

    def header(self, unit: memoryview) -> int:
        """Octets at the head of a NAL unit that stay clear if it is a slice, 0 if it is none.

        Raises Problem unplayable if a slice or a parameter set cannot be read.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranges:
    """What may be ciphered, in order: octets `start` up to `end` of a segment's media, which lie in `sample`."""

    start: I64
    end: I64
    sample: I64


def reader(fmt: Format) -> Reader | Av1Reader:
    """The reader for a track. Raises Problem unplayable where its codec cannot be protected here."""
    codec = fmt.codec.partition(".")[0]
    entry = memoryview(fmt.entry)
    boxes = {box.type: bytes(entry[box.body : box.end]) for box in walk(entry, _ENTRY, len(entry))}
    match codec:
        case "avc1" | "avc3":
            return avc_slices.AvcReader(boxes["avcC"])
        case "hvc1" | "hev1":
            return hevc_slices.HevcReader(boxes["hvcC"])
        case "av01":
            return Av1Reader(boxes["av1C"])
        case _:
            raise Problem(
                "unplayable",
                f"{codec} video cannot be protected: transcode it to H.264, HEVC or AV1, or ask for it unprotected",
            )


def ranges(units: Reader | Av1Reader, media: memoryview, sizes: I64) -> Ranges:
    """The slices of consecutive samples of these `sizes`, which fill `media`. Raises Problem unplayable."""
    if isinstance(units, Av1Reader):
        found = _tiles(units, media, sizes.tolist())
    else:
        found = _slices(units, media, sizes.tolist())
    table = np.array(found, np.int64).reshape(-1, 3)
    return Ranges(start=table[:, 0], end=table[:, 1], sample=table[:, 2])


def _tiles(units: Av1Reader, media: memoryview, sizes: list[int]) -> list[Row]:
    found: list[Row] = []
    at = 0
    for sample, size in enumerate(sizes):
        found += [(start, end, sample) for start, end in units.tiles(media, at, at + size)]
        at += size
    return found


def _slices(units: Reader, media: memoryview, sizes: list[int]) -> list[Row]:
    found: list[Row] = []
    width, header = units.length_size, units.header
    at = 0
    for sample, size in enumerate(sizes):
        end = at + size
        while at < end:
            unit = at + width
            following = unit + int.from_bytes(media[at:unit], "big")
            if following > end or following == unit:
                raise Problem("unplayable", "the video is damaged: a NAL unit does not fit its sample")
            clear = header(media[unit:following])
            if clear and unit + clear < following:
                found.append((unit + clear, following, sample))
            at = following
    return found
