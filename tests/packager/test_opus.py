from __future__ import annotations

import struct

import pytest

from base.problems import Problem
from packager.entries import opus_format, opus_head_format
from packager.opus import Head, dops, read_head


def head(channels: int = 2, family: int = 0, tail: bytes = b"") -> bytes:
    return b"OpusHead\x01" + bytes((channels,)) + struct.pack("<HIhB", 312, 44100, -256, family) + tail


@pytest.mark.rule("RFC 7845 5.1", "an identification header is little-endian; dOps has its fields in network order")
def test_the_same_fields_in_another_order() -> None:
    found = read_head(head())
    assert found == Head(channels=2, pre_skip=312, input_rate=44100, gain=-256)
    assert dops(found) == b"\0\x02" + struct.pack(">HIhB", 312, 44100, -256, 0)


def test_more_than_two_channels() -> None:
    found = read_head(head(6, 1, bytes((4, 2, 0, 4, 1, 2, 3, 5))))
    assert dops(found)[-8:] == bytes((4, 2, 0, 4, 1, 2, 3, 5))
    assert opus_head_format(head(6, 1, bytes((4, 2, 0, 4, 1, 2, 3, 5)))).channels == 6


def test_formats() -> None:
    assert opus_format(2, 312).codec == opus_head_format(head()).codec == "opus"


@pytest.mark.parametrize("data", [b"", b"OpusTags" + bytes(20), head(3), head(0), head(6, 1, b"\x04\x02")])
def test_damage_is_noticed(data: bytes) -> None:
    with pytest.raises(Problem, match="Opus configuration is damaged"):
        read_head(data)
