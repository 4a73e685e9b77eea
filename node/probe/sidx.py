"""The segment index of a file, for looking only (ISO/IEC 14496-12 8.16.3)."""

from __future__ import annotations

from dataclasses import dataclass

from node.probe.boxes import Broken, read, unpack


@dataclass(frozen=True, slots=True)
class Sidx:
    """Subsegments as (octets, duration, starts with SAP). `first` is where they start, from the end of the sidx."""

    timescale: int
    earliest: int
    first: int
    entries: tuple[tuple[int, int, bool], ...]
    nested: bool


def sidx(data: bytes | memoryview) -> Sidx:
    """8.16.3. Raises Broken if the first sidx cannot be read, or there is none."""
    box = next((box for box in read(data) if box.type == b"sidx"), None)
    if box is None:
        raise Broken("no sidx")
    version = unpack(">B", box, 0)[0]
    timescale = unpack(">I", box, 8)[0]
    earliest, first = unpack(">QQ" if version else ">II", box, 12)
    at = 28 if version else 20
    count = unpack(">HH", box, at)[1]
    rows = [unpack(">III", box, at + 4 + 12 * number) for number in range(count)]
    entries = tuple((size & 0x7FFFFFFF, lasts, bool(sap >> 31)) for size, lasts, sap in rows)
    return Sidx(timescale, earliest, first, entries, any(size >> 31 for size, _, _ in rows))
