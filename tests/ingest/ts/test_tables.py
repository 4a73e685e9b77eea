from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.ts.tables import read_pat, read_pmt
from tests.kit.ts_packets import pat, pmt, section


def test_the_programs() -> None:
    found = read_pat(pat({0: 0x10, 3: 0x1000, 7: 0x1001}, version=5))
    assert found is not None
    assert (found.version, found.part, found.last, dict(found.maps)) == (5, 0, 0, {3: 0x1000, 7: 0x1001})


@pytest.mark.rule("H.222.0 2.4.4.3", "a table that is not yet in force is not used")
def test_a_table_to_come_is_passed_over() -> None:
    body = bytes.fromhex("0001f000")
    coming = bytearray(section(0, 1, body))
    coming[5] &= 0xFE
    assert read_pat(bytes(coming)) is None
    assert read_pat(pmt([])) is None and read_pmt(pat({1: 2, 3: 4})) is None


@pytest.mark.parametrize(
    ("kind", "descriptors", "codec"),
    [
        (0x1B, b"", "avc"),
        (0x24, b"", "hevc"),
        (0x0F, b"", "aac"),
        (0x81, b"", "ac-3"),
        (0x87, b"", "ec-3"),
        (0x86, b"", "scte-35"),
        (0x06, b"\x6a\x01\x00", "ac-3"),
        (0x06, b"\x7a\x01\x00", "ec-3"),
        (0x06, b"\x05\x04HEVC", "hevc"),
        (0x06, b"\x05\x04Opus\x7f\x02\x80\x02", "opus"),
        (0x06, b"", ""),
        (0x02, b"", ""),
    ],
)
@pytest.mark.rule("H.222.0 table 2-34", "a stream's codec by its type, for private data by its descriptors")
def test_what_a_stream_is(kind: int, descriptors: bytes, codec: str) -> None:
    program = read_pmt(pmt([(kind, 0x100, descriptors)]))
    assert program is not None
    (stream,) = program.streams
    assert (stream.codec, stream.pid) == (codec, 0x100)
    assert stream.video == (kind in (0x1B, 0x24, 0x02) or codec == "hevc")
    assert stream.opus == (2 if codec == "opus" else -1)


def test_what_is_not_taken_has_a_name() -> None:
    kinds = {0x02: "MPEG-2 video", 0x11: "AAC in LATM", 0x04: "MPEG-2 audio", 0x33: "VVC", 0x05: ""}
    program = read_pmt(pmt([(kind, 0x100 + kind, b"") for kind in kinds]))
    assert program is not None
    assert {stream.pid - 0x100: stream.name for stream in program.streams} == kinds


@pytest.mark.rule("H.222.0 2.6.18", "the language of a stream is the one of its ISO 639 descriptor")
def test_languages() -> None:
    german, odd = b"\x0a\x04ger\x00", b"\x0a\x04\xff\x00\x01\x00"
    program = read_pmt(pmt([(0x0F, 0x101, german), (0x0F, 0x102, odd), (0x0F, 0x103, b"\x0a\x02de")]))
    assert program is not None
    assert [stream.language for stream in program.streams] == ["ger", "und", "und"]


def test_lengths_that_do_not_add_up() -> None:
    good = pmt([(0x1B, 0x100, b""), (0x0F, 0x101, b"\x0a\x04ger\x00")])
    wrong = bytearray(good)
    wrong[16] = 0x90  # ES_info_length of the first stream
    assert read_pmt(bytes(wrong)) is None


@given(st.binary(min_size=8, max_size=1100), st.sampled_from([0, 2]))
def test_any_section_is_read(octets: bytes, table: int) -> None:
    section = bytes((table,)) + octets[1:5] + bytes((octets[5] | 1,)) + octets[6:]
    read_pat(section)
    program = read_pmt(section)
    assert program is None or len(program.streams) <= 64
