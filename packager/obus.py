"""Open bitstream units, of which AV1 streams are made (AV1 Bitstream & Decoding Process Specification 5.3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

SEQUENCE, TEMPORAL_DELIMITER, FRAME_HEADER, TILE_GROUP, FRAME, TILE_LIST = 1, 2, 3, 4, 6, 8


@dataclass(frozen=True, slots=True)
class Obu:
    """Its payload lies from `start` to `end`."""

    type: int
    temporal: int
    spatial: int
    start: int
    end: int


def obus(media: memoryview) -> Iterator[Obu]:
    """The units of a sample, one after the other. Raises ValueError."""
    at = 0
    while at < len(media):
        try:
            found = read_obu(media, at, len(media))
        except IndexError:
            raise ValueError("an OBU is cut short") from None
        yield found
        at = found.end


def read_obu(media: memoryview, at: int, end: int) -> Obu:
    """obu_header and obu_size (5.3.2, 4.10.5); without a size it ends with its sample.

    Raises ValueError or IndexError.
    """
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
