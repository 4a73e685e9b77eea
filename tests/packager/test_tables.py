"""Sample tables, expanded."""

from __future__ import annotations

import struct

import pytest

from base.problems import Problem
from packager.boxes import Box, box, fullbox
from packager.tables import Columns, expand


def u32(*values: int) -> bytes:
    return struct.pack(f">{len(values)}I", *values)


def table(kind: bytes, *values: int, width: int = 1) -> bytes:
    return fullbox(kind, 0, 0, u32(len(values) // width, *values))


USUAL = {
    b"stts": table(b"stts", 3, 10, 1, 25, width=2),
    b"stsz": fullbox(b"stsz", 0, 0, u32(0, 4, 5, 6, 7, 8)),
    b"stsc": table(b"stsc", 1, 2, 1, 2, 1, 1, width=3),
    b"stco": table(b"stco", 100, 500, 900),
}


def read(**changed: bytes | None) -> Columns:
    parts = USUAL | {kind.encode(): part for kind, part in changed.items() if part is not None}
    data = memoryview(
        box(b"stbl", *(part for kind, part in parts.items() if changed.get(kind.decode(), b"") is not None))
    )
    padded = memoryview(bytes(data) + bytes(2000))
    return expand(padded, Box("stbl", 0, 8, len(data)))


@pytest.mark.rule("ISO/IEC 14496-12 8.7.4", "samples lie in chunks one behind the other")
def test_columns() -> None:
    columns = read()
    assert columns.samples["offset"].tolist() == [100, 105, 500, 900]
    assert columns.samples["size"].tolist() == [5, 6, 7, 8]
    assert columns.samples["dts"].tolist() == [0, 10, 20, 30]
    assert columns.last_duration == 25


@pytest.mark.rule("ISO/IEC 14496-12 8.6.2", "without stss every sample is a sync sample")
def test_sync_samples() -> None:
    assert read().sync.tolist() == [0, 1, 2, 3]
    assert read(stss=table(b"stss", 1, 4)).sync.tolist() == [0, 3]
    assert read(stss=table(b"stss")).sync.tolist() == []


@pytest.mark.rule("ISO/IEC 14496-12 8.6.1", "composition offsets are read as signed in either version")
def test_composition_offsets() -> None:
    assert read(ctts=table(b"ctts", 1, 20, 3, 0xFFFFFFF6, width=2)).samples["cto"].tolist() == [20, -10, -10, -10]


@pytest.mark.rule("ISO/IEC 14496-12 8.7.5", "co64 gives 64-bit offsets")
def test_long_offsets() -> None:
    far = fullbox(b"co64", 0, 0, u32(3), struct.pack(">3Q", 1 << 33, 1 << 34, 1 << 35))
    assert read(co64=far).samples["offset"].tolist() == [1 << 33, (1 << 33) + 5, 1 << 34, 1 << 35]


@pytest.mark.rule("ISO/IEC 14496-12 8.7.3", "sizes come one a sample, one for all, or in fewer bits")
def test_sizes() -> None:
    assert read(stsz=fullbox(b"stsz", 0, 0, u32(9, 4))).samples["size"].tolist() == [9] * 4
    short = fullbox(b"stz2", 0, 0, u32(16, 4), struct.pack(">4H", 1, 2, 3, 4))
    assert read(stsz=None, stz2=short).samples["size"].tolist() == [1, 2, 3, 4]
    with pytest.raises(Problem, match="4-bit"):
        read(stsz=None, stz2=fullbox(b"stz2", 0, 0, u32(4, 4), b"\x12\x34"))


def test_a_negative_last_delta_is_a_muxers_slip() -> None:
    assert read(stts=table(b"stts", 3, 10, 1, 0xFFFFFFFE, width=2)).last_duration == 1


def test_an_init_segments_tables_are_empty() -> None:
    nothing = {kind.decode(): table(kind) for kind in (b"stts", b"stsc", b"stco")}
    columns = read(**nothing, stsz=fullbox(b"stsz", 0, 0, u32(0, 0)))
    assert len(columns.samples) == 0 and columns.last_duration == 0


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"stts": table(b"stts", 3, 10, width=2)}, "stts is for 3 samples, stsz for 4"),
        ({"stts": fullbox(b"stts", 0, 0, u32(0xFFFFFFFF))}, "claims 4294967295 entries"),
        ({"ctts": table(b"ctts", 9, 1, width=2)}, "ctts is for 9 samples"),
        ({"stsc": table(b"stsc", 1, 9, 1, width=3)}, "stsc is for 27 samples"),
        ({"stsc": table(b"stsc", 2, 2, 1, width=3)}, "does not fit"),
        ({"stsc": table(b"stsc", 1, 2, 1, 2, 1, 2, width=3)}, "changes its codec"),
        ({"stss": table(b"stss", 0)}, "stss names"),
        ({"stss": table(b"stss", 5)}, "stss names"),
        ({"stss": table(b"stss", 3, 2)}, "stss names"),
        ({"co64": fullbox(b"co64", 0, 0, u32(3), struct.pack(">3Q", 0, 0, 1 << 63))}, "beyond any file"),
        ({"stsz": fullbox(b"stsz", 0, 0, u32(1, 0x7FFFFF))}, "more than the file can hold"),
        ({"stsz": None}, "no stsz"),
        ({"stco": None}, "no stco or co64"),
        ({"stts": None}, "no stts"),
    ],
)
def test_tables_that_contradict_one_another(changed: dict[str, bytes | None], sentence: str) -> None:
    with pytest.raises(Problem, match=sentence):
        read(**changed)
