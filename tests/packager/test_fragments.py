"""Reading fragments: whole files, and the parts that ingest sends."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
import pytest

from base.problems import Problem
from packager.boxes import box, fullbox, walk
from packager.fragments import Defaults, join, read_chunk, read_moof, split_chunks
from packager.moof import moof_and_mdat_head
from tests.packager.packed import Packed


def chunk(count: int = 3, *, tfdt: int = 9000, cto: int = 0) -> bytes:
    ones = np.ones(count, np.int64)
    head = moof_and_mdat_head(
        sequence=1, tfdt=tfdt, duration=ones * 3600, size=ones * 4, cto=ones * cto, sync=np.arange(count) == 0
    )
    return head + b"abcd" * count


def test_a_part() -> None:
    found = read_chunk(chunk(cto=1800))
    assert (found.tfdt, found.duration, found.pts, found.samples, found.independent) == (9000, 10800, 10800, 3, True)
    assert read_chunk(box(b"styp", b"msdh") + chunk()).samples == 3


@pytest.mark.rule(
    "ISO/IEC 23000-19 7.3.2.3", "a part that is not one moof with one tfdt and one trun, and its mdat, is refused"
)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        chunk()[:-1],
        chunk() + chunk(),
        chunk() + box(b"moov"),
        box(b"mdat", b"abcd"),
        chunk().replace(b"tfdt", b"free"),
        chunk().replace(b"tfhd", b"free"),
        chunk().replace(b"trun", b"free"),
        chunk().replace(b"traf", b"free"),
    ],
)
def test_what_is_no_part(body: bytes) -> None:
    with pytest.raises(Problem) as raised:
        read_chunk(body)
    assert raised.value.kind.name == "unplayable"


def test_samples_outside_of_the_mdat() -> None:
    body = bytearray(chunk())
    at = body.index(b"trun") + 12
    struct.pack_into(">i", body, at, 0)
    with pytest.raises(Problem, match="outside of its mdat"):
        read_chunk(bytes(body))


def test_defaults_come_from_trex_when_nothing_else_says() -> None:
    """14496-12 8.8.3, 8.8.7: trex, then tfhd, then trun."""
    trun = fullbox(b"trun", 0, 1, struct.pack(">Ii", 2, 0))
    moof = box(b"moof", box(b"traf", fullbox(b"tfhd", 0, 0x20000, struct.pack(">I", 5)), trun))
    data = memoryview(moof + bytes(64))
    (fragment,) = read_moof(
        data, next(walk(data, 0, len(moof))), {5: Defaults(duration=7, size=3, flags=0x10000)}, {5: 100}
    )
    assert fragment.samples["dts"].tolist() == [100, 107] and fragment.end == 114
    assert fragment.samples["size"].tolist() == [3, 3] and not fragment.sync.any()


def test_joined_fragments_forget_empty_ones(packed: Callable[..., Packed]) -> None:
    data = memoryview(chunk(tfdt=0))
    moof = next(walk(data, 0, len(data)))
    full = read_moof(data, moof, {}, {})
    empty = memoryview(box(b"moof", box(b"traf", fullbox(b"tfhd", 0, 0, struct.pack(">I", 1)))))
    nothing = read_moof(empty, next(walk(empty, 0, len(empty))), {}, {1: 1 << 50})
    columns = join([*full, *nothing])
    assert len(columns.samples) == 3 and columns.last_duration == 3600
    assert len(join([]).samples) == 0


def test_parts_of_a_file_that_was_cut_off_in_mid_write() -> None:
    one = chunk()
    whole = one * 3
    assert split_chunks(memoryview(whole)) == [(n * len(one), len(one)) for n in range(3)]
    for end in range(2 * len(one), len(whole)):
        assert len(split_chunks(memoryview(whole[:end]))) == 2
    assert split_chunks(memoryview(b"")) == []
