import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base.problems import Problem
from packager.boxes import Box, box, child, children, fields, full, fullbox, walk
from packager.limits import Limits


def view(data: bytes) -> tuple[memoryview, Box]:
    return memoryview(data), Box("all", 0, 0, len(data))


def test_boxes_one_after_another() -> None:
    data, _ = view(box(b"free", b"abc") + box(b"mdat"))
    assert [(b.type, b.start, b.body, b.end) for b in walk(data, 0, len(data))] == [
        ("free", 0, 8, 11),
        ("mdat", 11, 19, 19),
    ]


@pytest.mark.rule(
    "ISO/IEC 14496-12 4.2", "size 1 is followed by a 64-bit size, size 0 goes to the end, uuid has 16 more"
)
def test_the_three_odd_sizes() -> None:
    large = struct.pack(">I4sQ", 1, b"mdat", 18) + b"xy"
    named = struct.pack(">I4s16s", 25, b"uuid", b"u" * 16) + b"z"
    rest = struct.pack(">I4s", 0, b"free") + b"to the end"
    data, _ = view(large + named + rest)
    assert [bytes(data[b.body : b.end]) for b in walk(data, 0, len(data))] == [b"xy", b"z", b"to the end"]


@pytest.mark.parametrize(
    "data",
    [b"\0", b"\0\0\0\x09free", struct.pack(">I4s", 7, b"free"), struct.pack(">I4s", 1, b"free"),
     struct.pack(">I4sQ", 1, b"free", 8), struct.pack(">I4s", 8, b"uuid")],
)  # fmt: skip
def test_a_box_that_does_not_fit(data: bytes) -> None:
    with pytest.raises(Problem) as raised:
        list(walk(memoryview(data), 0, len(data)))
    assert raised.value.kind.name == "unplayable"


def test_a_path() -> None:
    data, root = view(box(b"mdia", box(b"minf", box(b"stbl", b""))))
    assert child(data, root, "mdia/minf/stbl").type == "stbl"
    with pytest.raises(Problem, match="box minf has no vmhd"):
        child(data, root, "mdia/minf/vmhd")


def test_the_first_of_a_type_counts() -> None:
    data, root = view(box(b"free", b"1") + box(b"free", b"22"))
    assert children(data, root)["free"].size == 9


def test_fields_of_a_full_box() -> None:
    data, root = view(fullbox(b"mfhd", 1, 0x20000, struct.pack(">I", 9)))
    mfhd = children(data, root)["mfhd"]
    assert full(data, mfhd) == (1, 0x20000)
    assert fields(data, mfhd, "I") == (9,)
    with pytest.raises(Problem, match="too short"):
        fields(data, mfhd, "Q")


def test_more_boxes_than_anyone_needs() -> None:
    data = memoryview(box(b"free") * 101)
    with pytest.raises(Problem, match=r"101 boxes in a row or more, up to octet 800, origin\.limit_boxes is 100"):
        list(walk(data, 0, len(data), Limits(boxes=100)))


def test_letters_that_cannot_be_printed() -> None:
    data = memoryview(box(b"\0\n\xa9x"))
    assert next(walk(data, 0, len(data))).type == "??©x"


@given(st.binary(max_size=200))
def test_any_octets_are_boxes_or_a_problem(data: bytes) -> None:
    try:
        found = list(walk(memoryview(data), 0, len(data)))
    except Problem as problem:
        assert problem.kind.name == "unplayable"
    else:
        assert sum(b.size for b in found) == len(data)
