"""Movie fragments, read back by a reader of its own."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.boxes import walk
from packager.fragments import read_moof
from packager.moof import moof_and_mdat_head


def made(duration: list[int], size: list[int], cto: list[int], sync: list[bool], tfdt: int = 0) -> bytes:
    columns = (np.array(c, np.int64) for c in (duration, size, cto))
    head = moof_and_mdat_head(
        sequence=7, tfdt=tfdt, **dict(zip(("duration", "size", "cto"), columns, strict=True)), sync=np.array(sync)
    )
    return head + bytes(sum(size))


def boxes(data: bytes) -> dict[str, bytes]:
    view = memoryview(data)
    moof = next(walk(view, 0, len(view)))
    traf = next(b for b in walk(view, moof.body, moof.end) if b.type == "traf")
    return {b.type: bytes(view[b.body : b.end]) for b in walk(view, traf.body, traf.end)}


@pytest.mark.rule("ISO/IEC 23000-19 7.3.2.3", "one moof with one traf and one trun, then its mdat")
@pytest.mark.rule("ISO/IEC 14496-12 8.8.7", "offsets count from the moof: default-base-is-moof, no base data offset")
@pytest.mark.rule("ISO/IEC 14496-12 8.8.12", "tfdt has 64 bits and stands between tfhd and trun")
def test_structure() -> None:
    found = boxes(made([512] * 3, [10, 20, 30], [0] * 3, [True, False, False], tfdt=1 << 40))
    assert list(found) == ["tfhd", "tfdt", "trun"]
    flags = struct.unpack(">I", found["tfhd"][:4])[0]
    assert flags & 0x20001 == 0x20000
    assert found["tfdt"] == struct.pack(">IQ", 1 << 24, 1 << 40)
    assert found["trun"][0] == 1 and struct.unpack(">I", found["trun"][:4])[0] & 0x1


def test_what_is_the_same_for_all_is_said_once() -> None:
    """Audio: four octets a sample."""
    one = len(boxes(made([1024] * 10, [7] * 10, [0] * 10, [True] * 10))["trun"])
    two = len(boxes(made([1024] * 20, [7] * 20, [0] * 20, [True] * 20))["trun"])
    assert two - one == 40


@pytest.mark.rule("ISO/IEC 14496-12 8.8.8", "first-sample-flags never stand beside flags of each sample")
@pytest.mark.parametrize("sync", [[True, False, False], [True, True, False], [False, False, False], [True] * 3])
def test_flags(sync: list[bool]) -> None:
    flags = struct.unpack(">I", boxes(made([1] * 3, [1] * 3, [0] * 3, sync))["trun"][:4])[0]
    assert not (flags & 0x4 and flags & 0x400)


def test_media_of_four_gigabytes_has_a_64_bit_size() -> None:
    size = np.array([1 << 31, 1 << 31], np.int64)
    head = moof_and_mdat_head(
        sequence=1, tfdt=0, duration=np.array([1, 1]), size=size, cto=np.array([0, 0]), sync=np.array([True, True])
    )
    assert head[-16:] == struct.pack(">I4sQ", 1, b"mdat", (1 << 32) + 16)
    offset = struct.unpack_from(">i", head, head.index(b"trun") + 12)[0]
    assert offset == len(head)


ROW = st.tuples(st.integers(0, 2**31), st.integers(0, 200), st.integers(-(2**31), 2**31 - 1), st.booleans())


@given(rows=st.lists(ROW, min_size=1, max_size=30), tfdt=st.integers(0, 1 << 60))
def test_every_column_comes_back(rows: list[tuple[int, int, int, bool]], tfdt: int) -> None:
    duration, size, cto, sync = (list(column) for column in zip(*rows, strict=True))
    data = memoryview(made(duration, size, cto, sync, tfdt))
    moof, mdat = walk(data, 0, len(data))
    (fragment,) = read_moof(data, moof, {}, {})
    assert fragment.tfdt == tfdt and fragment.end == tfdt + sum(duration)
    assert fragment.samples["size"].tolist() == size and fragment.samples["cto"].tolist() == cto
    assert fragment.sync.tolist() == sync
    assert np.diff(fragment.samples["dts"], append=fragment.end).tolist() == duration
    assert int(fragment.samples["offset"][0]) == mdat.body


def test_further_boxes_follow_the_run_and_move_the_data() -> None:
    one = np.array([512], np.int64)
    told: list[int] = []

    def further(at: int) -> bytes:
        told.append(at)
        return struct.pack(">I4s", 12, b"free") + b"here"

    head = moof_and_mdat_head(
        sequence=1, tfdt=0, duration=one, size=one, cto=0 * one, sync=np.array([True]), boxes=further
    )
    assert head[told[0] : told[0] + 12].endswith(b"here")
    view = memoryview(head + bytes(512))
    (fragment,) = read_moof(view, next(walk(view, 0, len(view))), {}, {})
    assert fragment.samples["offset"].tolist() == [len(head)]


@pytest.mark.rule("ISO/IEC 14496-12 8.8.7", "sample-description-index stands behind the track's number")
@pytest.mark.parametrize("duration", [[512] * 3, [512, 512, 500]])
def test_another_sample_entry_and_boxes_behind_the_traf(duration: list[int]) -> None:
    columns = (np.array(c, np.int64) for c in (duration, [10, 20, 30], [0] * 3))
    named = dict(zip(("duration", "size", "cto"), columns, strict=True))
    behind = struct.pack(">I4s4x", 12, b"pssh")
    head = moof_and_mdat_head(sequence=7, tfdt=0, **named, sync=np.array([True] * 3), behind=behind, description=2)
    found = boxes(head + bytes(60))
    flags, _, description = struct.unpack(">III", found["tfhd"][:12])
    assert flags & 2 and description == 2
    view = memoryview(head + bytes(60))
    moof, mdat = walk(view, 0, len(view))
    assert [box.type for box in walk(view, moof.body, moof.end)] == ["mfhd", "traf", "pssh"]
    (offset,) = struct.unpack(">i", found["trun"][8:12])
    assert offset == mdat.body and mdat.end - mdat.body == 60
