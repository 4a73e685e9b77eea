from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from base.problems import Problem
from control.incoming import MOST_FILES, Described, Incoming, described


async def pieces(*found: bytes) -> AsyncIterator[bytes]:
    for piece in found:
        yield piece


def test_one_file_is_the_body() -> None:
    assert described([], "C:\\films\\tour.mkv", 7) == [Described(name="tour.mkv", length=7)]
    assert described([], "tour.mkv", None) == [Described(name="tour.mkv", length=None)]


def test_several_files_add_up_to_the_body() -> None:
    assert described(["3:a b.mp4", "4:x/deutsch:1.m4a"], "", 7) == [
        Described(name="a b.mp4", length=3),
        Described(name="deutsch:1.m4a", length=4),
    ]


@pytest.mark.parametrize(
    ("files", "length"),
    [
        (["3:a", "4:b"], 8),
        (["3:a", "4:b"], None),
        (["0:a"], 0),
        (["a.mp4"], 3),
        (["-3:a"], 3),
        (["3:" + "n" * 256], 3),
        (["1:a"] * (MOST_FILES + 1), MOST_FILES + 1),
    ],
)
def test_what_does_not_add_up_is_malformed(files: list[str], length: int | None) -> None:
    with pytest.raises(Problem) as problem:
        described(files, "", length)
    assert problem.value.kind.name == "malformed"


async def test_a_stream_is_split_wherever_its_pieces_end() -> None:
    whole = bytes(range(40))
    for size in range(1, 41):
        incoming = Incoming(pieces(*(whole[at : at + size] for at in range(0, 40, size))))
        assert not await incoming.is_mp4()
        assert b"".join([piece async for piece in incoming.file(13)]) == whole[:13]
        assert b"".join([piece async for piece in incoming.file(20)]) == whole[13:33]
        assert not await incoming.is_mp4()
        assert b"".join([piece async for piece in incoming.file(None)]) == whole[33:]


async def test_a_stream_that_ends_early_is_malformed() -> None:
    incoming = Incoming(pieces(b"12345"))
    with pytest.raises(Problem, match="ended 5 octets early"):
        async for _ in incoming.file(10):
            pass


@pytest.mark.parametrize("first", [b"\0\0\0\x18ftypmp42", b"\0\0\0\x08wide\0\0", b"\0\0\x01\0moov"])
async def test_a_file_of_boxes_is_known_by_its_first(first: bytes) -> None:
    incoming = Incoming(pieces(first[:3], first[3:]))
    assert await incoming.is_mp4()
    assert b"".join([piece async for piece in incoming.file(None)]) == first


@pytest.mark.parametrize("first", [b"\x1aE\xdf\xa3matroska", b"G@\0\x10\0\0\xb0\x0d", b"", b"RIFF"])
async def test_what_begins_otherwise_is_none(first: bytes) -> None:
    assert not await Incoming(pieces(first)).is_mp4()
