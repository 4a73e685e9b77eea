"""Descriptors one by one, where the samples do not reach."""

from __future__ import annotations

import pytest

from base.scte35.descriptors import Audio, AudioComponent, Avail, Dtmf, Opaque, Segmentation, Time, Upid, read, write
from base.scte35.section import parse
from tests.base.scte35.vectors import sample


def test_samples() -> None:
    assert parse(sample("14.2 splice_insert")).descriptors == (Avail(0x135),)
    assert parse(sample("DTMF")).descriptors == (Dtmf(80, b"519*"),)


def test_a_mid_is_made_of_others() -> None:
    (found,) = parse(sample("MID")).descriptors
    assert isinstance(found, Segmentation) and [upid.type for upid in found.upid.parts] == [0x0A, 0x0A, 0x09]
    assert found.upid.parts[2].data == b"SIGNAL:Ly9EMGxKR0hFZUtpMHdCUVZnRUFnZz1"
    assert Upid(8, b"abc").parts == (Upid(8, b"abc"),)
    with pytest.raises(ValueError, match="early"):
        _ = Upid(0x0D, b"\x09\x05abc").parts


def test_fields_stand_where_the_standard_has_them() -> None:
    """SCTE 35 10.3, counted by hand."""
    assert write(Time(1, 2, 37)) == (3, b"CUEI" + bytes.fromhex("000000000001000000020025"))
    sound = Audio((AudioComponent(9, b"deu", 1, 2, True),))
    assert write(sound) == (4, b"CUEI" + bytes.fromhex("1f0964657525"))
    start = Segmentation(event_id=1, type=0x34, num=1, expected=2, sub=(3, 4), components=((6, 7),))
    octets = "000000017f3f0106fe0000000700003401020304"
    assert write(start) == (2, b"CUEI" + bytes.fromhex(octets))


def test_older_senders_leave_sub_segments_out() -> None:
    """SCTE 35 10.3.3.1: they are there only if descriptor_length says so."""
    tag, octets = write(Segmentation(event_id=1, type=0x36, sub=(1, 2)))
    found = read(tag, octets[:-2])
    assert isinstance(found, Segmentation) and found.sub is None and write(found) == (tag, octets[:-2])


@pytest.mark.parametrize(
    ("tag", "octets"),
    [(2, b"CUEI\x00"), (0, b"ABCD\x00\x00\x00\x01"), (0, b"CUEI" + bytes(9)), (77, b"CUEI"), (1, b"")],
)
def test_what_is_not_understood_is_kept(tag: int, octets: bytes) -> None:
    assert read(tag, octets) == Opaque(tag, octets)
    assert write(Opaque(tag, octets)) == (tag, octets)
