from base.crc import crc32
from tests.base.scte35.vectors import SAMPLES, sample


def test_the_check_value_of_mpeg2() -> None:
    """The catalogued check of CRC-32/MPEG-2."""
    assert crc32(b"123456789") == 0x0376E6E7


def test_a_section_with_its_crc_gives_zero() -> None:
    assert {crc32(sample(name)) for name in SAMPLES} == {0}
