"""HEVC slice segment headers: streams of many shapes, and damage."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base.problems import Problem
from packager.boxes import walk
from packager.hevc_slices import HevcReader, parameter_sets
from tests.packager.nal_films import HEVC, film, found_in


@pytest.mark.parametrize("name", HEVC)
def test_every_slice_header_ends_with_its_alignment(tmp_path: Path, name: str) -> None:
    """The reader refuses a header that byte_alignment() does not follow (H.265 7.3.2.12)."""
    track, found = found_in(film(tmp_path, "hevc", name).read_bytes())
    assert len(found.start) >= len(track.samples)
    assert len(found.start) == len(track.samples) or name == "slices"
    assert (found.end > found.start).all()


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    track, _ = found_in(film(tmp_path_factory.mktemp("hevc"), "hevc", "plain").read_bytes())
    data = memoryview(track.format.entry)
    return next(bytes(data[b.body : b.end]) for b in walk(data, 86, len(data)) if b.type == "hvcC")


def test_the_configuration_holds_the_three_sets(plain: bytes) -> None:
    assert [unit[0] >> 1 for unit in parameter_sets(plain)][:3] == [32, 33, 34]


@pytest.mark.parametrize("cut", [0, 10, 23, 30, 60])
def test_a_configuration_that_is_cut_off_is_refused(plain: bytes, cut: int) -> None:
    with pytest.raises(Problem, match="HEVC configuration"):
        parameter_sets(plain[:cut])


def test_several_layers_are_refused(plain: bytes) -> None:
    with pytest.raises(Problem, match="several layers"):
        HevcReader(plain).header(memoryview(b"\x02\x09\x80\x80"))


def test_reserved_slice_types_are_refused(plain: bytes) -> None:
    with pytest.raises(Problem, match="reserved type 24"):
        HevcReader(plain).header(memoryview(bytes([24 << 1, 1, 0x80])))


def test_other_units_stay_clear(plain: bytes) -> None:
    reader = HevcReader(plain)
    assert [reader.header(memoryview(bytes([kind << 1, 1, 0x80]))) for kind in (32, 35, 36, 39, 40)] == [0] * 5


@given(st.sampled_from([1, 8, 19, 21]), st.binary(max_size=80))
def test_a_damaged_slice_is_a_problem_or_a_length_within_it(plain: bytes, kind: int, octets: bytes) -> None:
    unit = bytes([kind << 1, 1]) + octets
    try:
        clear = HevcReader(plain).header(memoryview(unit))
    except Problem as problem:
        assert problem.kind.name == "unplayable"
    else:
        assert 2 < clear <= len(unit)
