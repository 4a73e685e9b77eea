from __future__ import annotations

import pytest

from packager.obus import FRAME, SEQUENCE, Obu, obus


def test_units_one_after_the_other() -> None:
    """AV1 5.3.2: a unit with its size, one with layers, and one that ends with its sample."""
    found = list(obus(memoryview(b"\x0a\x01s" + b"\x36\x48\x02ff" + b"\x30rest")))
    assert found == [Obu(SEQUENCE, 0, 0, 2, 3), Obu(FRAME, 2, 1, 6, 8), Obu(FRAME, 0, 0, 9, 13)]


def test_a_size_of_several_octets() -> None:
    """4.10.5: leb128."""
    [unit] = obus(memoryview(b"\x32\x80\x01" + bytes(128)))
    assert (unit.start, unit.end) == (3, 131)


@pytest.mark.parametrize("data", [b"\x32\x05abc", b"\x32", b"\x8a\x00", b"\x36"])
def test_damage_is_noticed(data: bytes) -> None:
    with pytest.raises(ValueError):
        list(obus(memoryview(data)))
