from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from base.problems import Problem
from ingest import amf

VALUES = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(min_size=1, max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(VALUES, max_size=4))
def test_what_is_written_is_read(values: list[amf.Value]) -> None:
    assert amf.decode(amf.encode(*values)) == values


def test_a_long_string_has_its_own_marker() -> None:
    text = "x" * 70_000
    assert amf.encode(text)[0] == 0x0C
    assert amf.decode(amf.encode(text)) == [text]


def test_markers_that_only_peers_write() -> None:
    pair = b"\0\x01a" + amf.encode(1.0) + b"\0\0\x09"
    ecma = b"\x08\0\0\0\xff" + pair  # the count is a hint (2.10)
    typed = b"\x10\0\x03Foo" + pair
    date = b"\x0b" + struct.pack(">dH", 1000.0, 0)
    assert amf.decode(ecma + typed + date + b"\x06") == [{"a": 1.0}, {"a": 1.0}, 1000.0, None]


def test_the_amf3_form_begins_with_a_zero() -> None:
    assert amf.decode(b"\0" + amf.encode("connect"), amf3_form=True) == ["connect"]
    with pytest.raises(Problem, match="octet 0"):
        amf.decode(amf.encode("connect"), amf3_form=True)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"\x00\x40", "cut short"),
        (b"\x02\x00\x05ab", "cut short"),
        (b"\x02\x00\x01\xff", "UTF-8"),
        (b"\x0a\xff\xff\xff\xff", "over the limit"),
        (b"\x03\x00\x01a" * 20, "deeper"),
        (b"\x05" * 5000, "over 4096"),
        (b"\x11\x00", "objectEncoding 0"),
        (b"\x07\x00\x01", "0x07"),
    ],
)
def test_what_is_refused(body: bytes, says: str) -> None:
    with pytest.raises(Problem, match=says) as refused:
        amf.decode(body)
    assert refused.value.kind.name == "malformed"


@given(st.binary(max_size=200))
@settings(max_examples=300)
def test_noise_is_read_or_refused(body: bytes) -> None:
    try:
        amf.decode(body)
    except Problem as problem:
        assert problem.kind.name == "malformed"
