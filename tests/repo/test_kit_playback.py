"""The kit's own judgement: a viewer that never complains would make every scenario green."""

import struct

import pytest

from tests.kit.fragments import Fragment, Init, read_fragments
from tests.kit.playback import Playback, Track, stalls

INIT = Init(timescale=1000, handler="vide", default_duration=40)


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def fragment(decode_time: int, sizes: list[int], *, lost: int = 0) -> bytes:
    trun = struct.pack(">III", 0x000200, len(sizes), *sizes[:1]) + struct.pack(f">{len(sizes) - 1}I", *sizes[1:])
    tfdt = struct.pack(">IQ", 1 << 24, decode_time)
    traf = box(b"tfhd", struct.pack(">II", 0x020000, 1)) + box(b"tfdt", tfdt) + box(b"trun", trun)
    moof = box(b"mfhd", struct.pack(">II", 0, 7)) + box(b"traf", traf)
    return box(b"moof", moof) + box(b"mdat", bytes(sum(sizes) - lost))


def test_fragments_are_read() -> None:
    assert read_fragments(fragment(5000, [10, 20]) + fragment(5080, [1]), INIT) == [
        Fragment(7, 5000, 5000, 80, 2, True),
        Fragment(7, 5080, 5080, 40, 1, True),
    ]


def test_a_short_mdat_is_noticed() -> None:
    with pytest.raises(AssertionError, match="mdat holds 29 bytes"):
        read_fragments(fragment(0, [10, 20], lost=1), INIT)
    with pytest.raises(AssertionError, match="says"):
        read_fragments(fragment(0, [10, 20])[:-1], INIT)


def test_a_hole_in_time_is_noticed_unless_it_was_announced() -> None:
    track = Track("v", INIT)
    for decode_time, announced in ((0, False), (80, False), (500, True), (900, False)):
        found = read_fragments(fragment(decode_time, [1, 1]), INIT)
        track.take(found, 0.0, str(decode_time), break_allowed=announced)
    assert track.holes == ["900: decode time 900, expected 580"]


def test_stalls_are_what_a_screen_would_show() -> None:
    assert stalls([(0.0, 12.0), (1.0, 14.0), (9.0, 16.0)], 10.0, 1.0) == [4.0]
    assert stalls([(0.0, 12.0), (2.9, 14.0), (4.9, 16.0)], 10.0, 1.0) == []
    assert Playback().seconds == 0.0
