"""A second reader of CMAF, independent of the packager: what a viewer learns from init segments and fragments.

ISO/IEC 14496-12 8.8 (movie fragments), 8.4.2 (mdhd). It reads times and sizes only, and complains about what does
not add up, so that a test that plays something checks the boxes by the way.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Init:
    """`default_duration`: of trex, in `timescale` units."""

    timescale: int
    handler: str
    default_duration: int


@dataclass(frozen=True, slots=True)
class Fragment:
    """One moof with its mdat. Times in the track's timescale; `end` = decode time + the sum of durations.

    `earliest`: the earliest presentation time, decode time + composition offset (signed in a trun of version 1).
    """

    sequence: int
    decode_time: int
    earliest: int
    duration: int
    samples: int
    starts_with_sync: bool

    @property
    def end(self) -> int:
        return self.decode_time + self.duration


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[tuple[bytes, int, int]]:
    """Four letters, start of the body, end; asserts that sizes add up to the whole."""
    at, end = start, len(data) if end is None else end
    while at < end:
        size, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1:
            size, head = struct.unpack_from(">Q", data, at + 8)[0], 16
        assert size >= head and at + size <= end, f"{kind!r} at {at} says {size} bytes, {end - at} are there"
        yield kind, at + head, at + size
        at += size


def read_init(data: bytes) -> Init:
    path = {kind: (start, end) for kind, start, end in boxes(data)}
    assert b"ftyp" in path and b"moov" in path, f"an init segment holds ftyp and moov, not {sorted(path)}"
    timescale = default = 0
    handler = ""
    for kind, start, end in _deep(data, *path[b"moov"]):
        if kind == b"mdhd":
            timescale = struct.unpack_from(">I", data, start + (20 if data[start] == 1 else 12))[0]
        elif kind == b"hdlr" and not handler:
            handler = data[start + 8 : start + 12].decode()
        elif kind == b"trex":
            default = struct.unpack_from(">I", data, start + 12)[0]
        assert kind != b"stts" or struct.unpack_from(">I", data, start + 4)[0] == 0, "an init segment has no samples"
        assert end <= len(data)
    assert timescale and handler, "mdhd or hdlr is missing"
    return Init(timescale, handler, default)


def read_fragments(data: bytes, init: Init) -> list[Fragment]:
    """Every moof of a part or a segment, in order. Asserts that each mdat holds exactly the bytes of its samples."""
    found: list[Fragment] = []
    awaited = -1
    for kind, start, end in boxes(data):
        if kind == b"moof":
            assert awaited < 0, "two moof without an mdat between them"
            fragment, awaited = _moof(data, start, end, init)
            found.append(fragment)
        elif kind == b"mdat":
            assert awaited == end - start, f"mdat holds {end - start} bytes, trun speaks of {awaited}"
            awaited = -1
    assert awaited < 0, "a moof without its mdat"
    return found


def _deep(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    for kind, body, stop in boxes(data, start, end):
        yield kind, body, stop
        if kind in (b"trak", b"mdia", b"minf", b"stbl", b"mvex", b"traf"):
            yield from _deep(data, body, stop)


def _moof(data: bytes, start: int, end: int, init: Init) -> tuple[Fragment, int]:
    sequence = decode_time = duration = samples = size = 0
    default_duration, default_size, default_flags = init.default_duration, 0, 0
    first_flags: int | None = None
    presented: list[int] = []
    for kind, body, _ in _deep(data, start, end):
        flags = struct.unpack_from(">I", data, body)[0] & 0xFFFFFF
        if kind == b"mfhd":
            sequence = struct.unpack_from(">I", data, body + 4)[0]
        elif kind == b"tfhd":
            at = body + 8 + (8 if flags & 1 else 0) + (4 if flags & 2 else 0)
            for bit in (0x08, 0x10, 0x20):
                if flags & bit:
                    value = struct.unpack_from(">I", data, at)[0]
                    at += 4
                    if bit == 0x08:
                        default_duration = value
                    elif bit == 0x10:
                        default_size = value
                    else:
                        default_flags = value
        elif kind == b"tfdt":
            decode_time = struct.unpack_from(">Q" if data[body] == 1 else ">I", data, body + 4)[0]
        elif kind == b"trun":
            count = struct.unpack_from(">I", data, body + 4)[0]
            at = body + 8 + (4 if flags & 1 else 0)
            if flags & 4:
                first_flags = struct.unpack_from(">I", data, at)[0]
                at += 4
            fields = [bit for bit in (0x100, 0x200, 0x400, 0x800) if flags & bit]
            rows = struct.unpack_from(f">{count * len(fields)}I", data, at)
            column = {bit: rows[index :: len(fields)] for index, bit in enumerate(fields)}
            lasting = column.get(0x100, (default_duration,) * count)
            offsets = column.get(0x800, (0,) * count)
            for row, offset in enumerate(offsets):
                signed = offset - (1 << 32) if data[body] == 1 and offset >> 31 else offset
                presented.append(decode_time + duration + sum(lasting[:row]) + signed)
            duration += sum(lasting)
            size += sum(column[0x200]) if 0x200 in column else count * default_size
            if first_flags is None and count:
                first_flags = column[0x400][0] if 0x400 in column else default_flags
            samples += count
    # sample_is_non_sync_sample is bit 16 of the flags (8.8.3.1)
    earliest = min(presented, default=decode_time)
    return Fragment(sequence, decode_time, earliest, duration, samples, not (first_flags or 0) & 0x10000), size
