from __future__ import annotations

import pytest

from base.problems import Problem
from ingest.parameter_sets import ParameterSets
from packager import avc, hevc
from tests.kit.rtmp import AVCC, PPS, SPS
from tests.packager.test_hevc import HVCC


def test_a_record_is_there_when_all_kinds_are() -> None:
    sets = ParameterSets(hevc=False)
    assert not sets.take([SPS]) and sets.record is None
    assert sets.take([PPS]) and sets.record == AVCC
    assert not sets.take([SPS, PPS]), "the same sets again change nothing"


def test_hevc() -> None:
    units = hevc.parameter_sets(HVCC)
    sets = ParameterSets(hevc=True)
    assert sets.take([units[hevc.VPS][0], units[hevc.SPS][0], units[hevc.PPS][0]])
    assert sets.record == HVCC


def test_a_set_takes_the_place_of_the_one_with_its_id() -> None:
    """H.264 7.4.1.2.1: a set is in force until one with the same id comes."""
    sets = ParameterSets(hevc=False)
    sets.take([SPS, PPS])
    other = PPS[:-1] + b"\xc9"  # the same pic_parameter_set_id, other contents
    second = b"\x68" + bytes((0b01011010, 0x0F, 0xC8))  # ue(v) 010: id 1
    assert sets.take([other]) and sets.record is not None
    assert avc.parameter_sets(sets.record) == ([SPS], [other])
    assert sets.take([second]) and sets.record is not None
    assert avc.parameter_sets(sets.record) == ([SPS], [other, second])


@pytest.mark.parametrize("unit", [b"\x67", b"\x67\x42", b"\x68", b"\x68\0\0\0\0", b"\x67" + b"\xff" * 5000])
def test_a_damaged_set_is_refused(unit: bytes) -> None:
    with pytest.raises(Problem, match="parameter sets cannot be used"):
        ParameterSets(hevc=False).take([unit])


def test_other_units_are_passed_over() -> None:
    sets = ParameterSets(hevc=False)
    assert not sets.take([b"\x6d\x42\x00"]) and sets.record is None


def test_endless_sets_are_refused() -> None:
    sets = ParameterSets(hevc=False)
    sets.take([SPS])
    with pytest.raises(Problem, match="over 64 sets"):
        for number in range(1, 80):
            bits = f"{number + 1:b}"
            code = "0" * (len(bits) - 1) + bits + "1"
            sets.take([b"\x68" + int(code.ljust(24, "1"), 2).to_bytes(3, "big")])
