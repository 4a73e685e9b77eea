"""Caption octets are found in the heads of pictures, and nowhere else."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packager.text.sei import carries, cc_data, pairs
from tests.kit.captions import Caption608, odd, sei, video_of, with_captions
from tests.kit.media import Films

PACKETS = bytes((0xFC, odd(0x14), odd(0x20), 0xFD, odd(0), odd(0)))


@pytest.mark.rule("ATSC A/53 part 4 6.2.3", "captions are user data of SEI with the identifier GA94 and type 3")
def test_packets_of_a_unit() -> None:
    unit = sei((0x14, 0x20), (0, 0))
    assert cc_data(unit[1:]) == PACKETS
    other = bytes((5, 20)) + bytes(range(16)) + b"GA94"  # user data unregistered before it
    assert cc_data(other + unit[1:]) == PACKETS
    assert cc_data(unit[1:].replace(b"GA94", b"DTG1")) == b""
    assert cc_data(unit[1:].replace(b"\xb5\x00\x31", b"\xb5\x00\x32")) == b""


@settings(deadline=None)
@given(st.binary(max_size=200), st.binary(max_size=40))
def test_any_unit_has_packets_or_none(before: bytes, after: bytes) -> None:
    assert len(cc_data(before + b"\xb5\x00\x31GA94\x03" + after)) <= 3 * 31


@pytest.mark.parametrize("film", ["plain", "bframes", "hevc-ac3"])
def test_a_films_pairs_come_in_the_order_in_which_pictures_are_shown(films: Films, film: str) -> None:
    plain = films(film).read_bytes()
    assert not carries(video_of(plain), memoryview(plain)) and pairs(video_of(plain), memoryview(plain)) == ([], [])
    sent = Caption608().text("ABCDEFGHIJKLMNOPQRSTUVWXYZ" * 4).pairs
    body = with_captions(plain, sent, sent[:7])
    track = video_of(body)
    assert carries(track, memoryview(body))
    first, second = pairs(track, memoryview(body))
    assert [(a & 0x7F, b & 0x7F) for _, a, b in first] == sent
    assert [(a & 0x7F, b & 0x7F) for _, a, b in second] == sent[:7]
    assert [at for at, _, _ in first] == [40 * at for at in range(len(sent))], "those that say nothing are left out"


def test_other_codecs_have_none(films: Films) -> None:
    film = films("av1-opus").read_bytes()
    assert not carries(video_of(film), memoryview(film))
