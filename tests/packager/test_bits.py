import pytest

from packager.bits import Bits, unescape


@pytest.mark.parametrize(
    ("bits", "value"), [("1", 0), ("010", 1), ("011", 2), ("00100", 3), ("00111", 6), ("0001000", 7)]
)
def test_exp_golomb(bits: str, value: int) -> None:
    """H.264 table 9-2."""
    cursor = Bits(int(bits.ljust(8, "0"), 2).to_bytes(1, "big"))
    assert cursor.ue() == value


@pytest.mark.parametrize(("bits", "value"), [("1", 0), ("010", 1), ("011", -1), ("00100", 2), ("00101", -2)])
def test_signed_exp_golomb(bits: str, value: int) -> None:
    assert Bits(int(bits.ljust(8, "0"), 2).to_bytes(1, "big")).se() == value


def test_fields_one_after_another() -> None:
    bits = Bits(b"\xa5\x0f")
    assert [bits.read(4), bits.flag(), bits.read(3), bits.read(8)] == [0xA, False, 5, 0x0F]
    with pytest.raises(ValueError, match="too early"):
        bits.read(1)


@pytest.mark.parametrize("data", [b"", b"\0" * 3, b"\0" * 20])
def test_a_code_without_an_end(data: bytes) -> None:
    with pytest.raises(ValueError):
        Bits(data).ue()


def test_emulation_prevention() -> None:
    assert unescape(b"\x67\0\0\3\1\0\0\3\0\0\3\2") == b"\x67\0\0\1\0\0\0\0\2"
    assert unescape(b"\x67\0\3") == b"\x67\0\3"
