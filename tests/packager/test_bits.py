import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.bits import Bits, header_octets, unescape


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


@given(st.binary(min_size=1, max_size=40), st.lists(st.sampled_from([*range(9), "ue", "se"]), max_size=60))
def test_what_is_skipped_is_what_would_be_read(data: bytes, steps: list[int | str]) -> None:
    digits = "".join(f"{octet:08b}" for octet in data)
    read, skipped, at = Bits(data), Bits(data), 0
    for step in steps:
        try:
            if isinstance(step, int):
                found = read.read(step)
                assert found == int(digits[at : at + step] or "0", 2)
                skipped.read(step)
                at += step
            else:
                one = digits.index("1", at)
                code = int(digits[one : 2 * one - at + 1], 2) - 1
                found = read.ue() if step == "ue" else read.se()
                assert found == (code if step == "ue" else (code + 1) // 2 * (1 if code % 2 else -1))
                skipped.skip(1)
                at = 2 * one - at + 1
        except ValueError:
            return
        assert read.taken == skipped.taken == at


@pytest.mark.parametrize("data", [b"", b"\0" * 3, b"\0" * 20])
def test_a_code_without_an_end(data: bytes) -> None:
    with pytest.raises(ValueError):
        Bits(data).ue()
    with pytest.raises(ValueError):
        Bits(data).skip(1)


def test_emulation_prevention() -> None:
    assert unescape(b"\x67\0\0\3\1\0\0\3\0\0\3\2") == b"\x67\0\0\1\0\0\0\0\2"
    assert unescape(b"\x67\0\3") == b"\x67\0\3"


def test_a_header_ends_at_a_whole_octet() -> None:
    def read(bits: Bits) -> None:
        bits.read(9)

    assert header_octets(memoryview(b"\x65\xff\x80\xff"), 1, read) == 3


def test_emulation_prevention_in_a_header_counts_and_behind_it_does_not() -> None:
    unit = memoryview(b"\x65\0\0\3\1\xaa\xbb")
    assert [header_octets(unit, 1, lambda bits, n=count: bits.read(8 * n)) for count in (1, 2, 3, 4)] == [2, 3, 5, 6]


def test_a_long_header_is_read_to_its_end() -> None:
    unit = memoryview(b"\x65" + b"\0\0\3" * 100 + b"\xff")
    assert header_octets(unit, 1, lambda bits: [bits.read(16) for _ in range(100)] and None) == 300
    with pytest.raises(ValueError, match="too early"):
        header_octets(unit, 1, lambda bits: [bits.read(16) for _ in range(101)] and None)
