from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from base.problems import Problem
from ingest.chunks import MAX_MESSAGE, ChunkReader, ChunkWriter, Message

MESSAGES = st.lists(
    st.builds(
        Message,
        type=st.sampled_from([3, 8, 9, 18, 20]),
        stream=st.integers(0, 2**32 - 1),
        timestamp=st.integers(0, 2**32 - 1),
        body=st.binary(max_size=700),
    ),
    max_size=6,
)


@given(MESSAGES, st.integers(1, 4096), st.integers(1, 300))
def test_what_is_written_is_read_however_it_arrives(messages: list[Message], size: int, step: int) -> None:
    writer, reader = ChunkWriter(), ChunkReader()
    octets = writer.set_chunk_size(size) + b"".join(writer.write(4, message) for message in messages)
    read = [found for at in range(0, len(octets), step) for found in reader.feed(octets[at : at + step])]
    assert read == messages
    assert reader.received == len(octets)


def head(fmt: int, csid: int, *fields: bytes) -> bytes:
    return bytes((fmt << 6 | csid,)) + b"".join(fields)


def u24(value: int) -> bytes:
    return value.to_bytes(3, "big")


FULL = head(0, 5, u24(1000), u24(1), b"\x09", b"\x01\0\0\0")


def test_headers_are_inherited() -> None:
    """RTMP 5.3.1.2: fmt 1 and 2 give deltas, a fmt 3 that begins a message repeats the last one."""
    octets = (
        FULL + b"a" + head(1, 5, u24(40), u24(2), b"\x08") + b"bb" + head(2, 5, u24(10)) + b"cc" + head(3, 5) + b"dd"
    )
    read = ChunkReader().feed(octets)
    assert [(m.type, m.timestamp, m.stream, m.body) for m in read] == [
        (9, 1000, 1, b"a"),
        (8, 1040, 1, b"bb"),
        (8, 1050, 1, b"cc"),
        (8, 1060, 1, b"dd"),
    ]


def test_a_fmt_3_after_a_fmt_0_repeats_its_timestamp() -> None:
    """5.3.1.2.4."""
    assert [m.timestamp for m in ChunkReader().feed(FULL + b"a" + head(3, 5) + b"b")] == [1000, 2000]


def test_extended_timestamps_stand_on_fmt_3_also() -> None:
    """5.3.1.3."""
    extended = (0x01000001).to_bytes(4, "big")
    octets = (
        head(0, 5, u24(0xFFFFFF), u24(130), b"\x09", bytes(4), extended) + bytes(128) + head(3, 5) + extended + b"zz"
    )
    assert ChunkReader().feed(octets) == [
        Message(type=9, stream=0, timestamp=0x01000001, body=bytes(128) + b"zz"),
    ]


def test_times_wrap() -> None:
    """RTMP 4: 32 bits."""
    extended = (0xFFFFFFFE).to_bytes(4, "big")
    octets = head(0, 5, u24(0xFFFFFF), u24(1), b"\x09", bytes(4), extended) + b"a" + head(2, 5, u24(5)) + b"b"
    assert [m.timestamp for m in ChunkReader().feed(octets)] == [0xFFFFFFFE, 3]


@pytest.mark.parametrize(("spelt", "csid"), [(b"\x00\x00", 64), (b"\x00\xff", 319), (b"\x01\x00\x01", 320)])
def test_long_chunk_stream_ids(spelt: bytes, csid: int) -> None:
    """5.3.1.1. Two messages of one chunk stream, the second inherits from the first."""
    octets = spelt + u24(7) + u24(1) + b"\x08" + bytes(4) + b"a" + bytes((0xC0 | spelt[0],)) + spelt[1:] + b"b"
    assert [m.body for m in ChunkReader().feed(octets)] == [b"a", b"b"]


def test_interleaved_messages_and_abort() -> None:
    begun = head(0, 5, u24(0), u24(200), b"\x09", bytes(4)) + bytes(128)
    other = head(0, 6, u24(0), u24(1), b"\x08", bytes(4)) + b"s"
    abort = ChunkWriter().write(2, Message(type=2, stream=0, timestamp=0, body=(5).to_bytes(4, "big")))
    again = head(0, 5, u24(9), u24(1), b"\x09", bytes(4)) + b"n"
    assert [m.body for m in ChunkReader().feed(begun + other + abort + again)] == [b"s", b"n"]


def set_chunk_size(size: int) -> bytes:
    return ChunkWriter().write(2, Message(type=1, stream=0, timestamp=0, body=size.to_bytes(4, "big")))


@pytest.mark.parametrize(
    ("octets", "kind", "says"),
    [
        (head(3, 5), "malformed", "full header"),
        (head(0, 5, u24(0), u24(200), b"\x09", bytes(4)) + bytes(128) + FULL, "malformed", "before the last one ended"),
        (set_chunk_size(0), "malformed", "1 or more"),
        (set_chunk_size(1 << 31), "malformed", "1 or more"),
        (set_chunk_size((1 << 20) + 1), "too-large", "chunk size"),
        (b"".join(head(0, csid, u24(0), u24(0), b"\x08", bytes(4)) for csid in range(2, 64))
         + b"".join(b"\0" + bytes((n,)) + u24(0) + u24(0) + b"\x08" + bytes(4) for n in range(3)),
         "too-large", "64 chunk streams"),
    ],
)  # fmt: skip
def test_what_is_refused(octets: bytes, kind: str, says: str) -> None:
    with pytest.raises(Problem, match=says) as refused:
        ChunkReader().feed(octets)
    assert refused.value.kind.name == kind


def test_the_longest_message() -> None:
    reader, writer = ChunkReader(), ChunkWriter()
    reader.feed(writer.set_chunk_size(1 << 20))
    longest = Message(type=9, stream=1, timestamp=0, body=bytes(MAX_MESSAGE))
    assert reader.feed(writer.write(4, longest)) == [longest]


def test_unfinished_messages_are_bounded_together() -> None:
    reader = ChunkReader()
    reader.feed(set_chunk_size(1 << 20))
    with pytest.raises(Problem, match="unfinished"):
        for csid in range(3, 64):
            begun = head(0, csid, u24(0), u24(0xFFFFFF), b"\x09", bytes(4))
            reader.feed(begun + bytes(1 << 20) + (head(3, csid) + bytes(1 << 20)) * 2)


@given(st.binary(max_size=600))
@settings(max_examples=300)
def test_noise_is_read_or_refused(octets: bytes) -> None:
    try:
        ChunkReader().feed(octets)
    except Problem as problem:
        assert problem.kind.name in ("malformed", "too-large")
