import pytest

from base.scte35.bits import Reader, Writer


def test_what_is_written_is_read() -> None:
    out = Writer()
    out.put(5, 3)
    out.ones(5)
    out.octets(b"ab")
    out.put(1, 40)
    fields = Reader(out.to_bytes())
    assert (fields.take(3), fields.take(5), fields.octets(2), fields.left) == (5, 31, b"ab", 5)
    assert fields.rest() == b"\x00\x00\x00\x00\x01"
    with pytest.raises(ValueError, match="early"):
        fields.flag()


@pytest.mark.parametrize("value", [-1, 8])
def test_what_does_not_fit(value: int) -> None:
    with pytest.raises(ValueError, match="fit"):
        Writer().put(value, 3)
