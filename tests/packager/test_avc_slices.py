"""H.264 slice headers: streams of many shapes, damage, and parameter sets in band."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base.problems import Problem
from packager.avc_slices import AvcReader
from packager.boxes import walk
from tests.packager.nal_films import AVC, film, found_in


def configuration(entry: bytes) -> bytes:
    data = memoryview(entry)
    return next(bytes(data[b.body : b.end]) for b in walk(data, 86, len(data)) if b.type == "avcC")


@pytest.mark.parametrize("name", AVC)
def test_every_slice_header_ends_where_its_data_is_aligned(tmp_path: Path, name: str) -> None:
    """With CABAC the reader refuses a header after which cabac_alignment_one_bit is not all ones."""
    track, found = found_in(film(tmp_path, "avc", name).read_bytes())
    per_sample = 6 if name == "slices" else 2 if name == "interlaced" and len(found.start) > 50 else 1
    assert len(found.start) == per_sample * len(track.samples)
    assert (found.end > found.start).all()


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    track, _ = found_in(film(tmp_path_factory.mktemp("avc"), "avc", "plain").read_bytes())
    return configuration(track.format.entry)


def test_parameter_sets_in_band_count(plain: bytes) -> None:
    bare = AvcReader(plain[:5] + b"\xe0\x00")
    slice_unit = bytes.fromhex("65888400ffff")
    with pytest.raises(Problem, match="names picture parameter set 0, which is not there"):
        bare.header(memoryview(slice_unit))
    whole = AvcReader(plain)
    size = int.from_bytes(plain[6:8], "big")
    sps = plain[8 : 8 + size]
    pps = plain[8 + size + 3 :]
    assert bare.header(memoryview(sps)) == bare.header(memoryview(pps)) == 0
    assert bare._sps == whole._sps and bare._pps == whole._pps


def test_other_units_stay_clear(plain: bytes) -> None:
    reader = AvcReader(plain)
    assert [reader.header(memoryview(bytes([kind, 0x80]))) for kind in (6, 9, 10, 12, 14, 20)] == [0] * 6


def test_partitions_are_refused(plain: bytes) -> None:
    with pytest.raises(Problem, match="data partitioning cannot be protected"):
        AvcReader(plain).header(memoryview(b"\x22\x88\x84"))


@given(st.binary(max_size=80))
def test_a_damaged_slice_is_a_problem_or_a_length_within_it(plain: bytes, octets: bytes) -> None:
    unit = b"\x65" + octets
    try:
        clear = AvcReader(plain).header(memoryview(unit))
    except Problem as problem:
        assert problem.kind.name == "unplayable"
    else:
        assert 1 < clear <= len(unit)


@given(st.binary(min_size=1, max_size=60))
def test_damaged_parameter_sets_are_a_problem_or_read(plain: bytes, octets: bytes) -> None:
    for kind in (0x67, 0x68):
        try:
            assert AvcReader(plain).header(memoryview(bytes([kind]) + octets)) == 0
        except Problem as problem:
            assert problem.kind.name == "unplayable"
