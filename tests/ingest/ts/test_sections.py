from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.ts.sections import MAX_SECTION, Sections
from tests.kit.ts_packets import pat, section

ONE = pat({1: 0x100})
LONG = section(0xFC, 1, bytes(900))


@pytest.mark.rule("H.222.0 2.4.4.2", "pointer_field says where the first section of a packet begins")
def test_sections_follow_one_another_and_go_on_in_further_packets() -> None:
    sections = Sections()
    stream = ONE + LONG
    assert sections.take(b"\0" + stream[:183], True) == [ONE]
    assert sections.take(stream[183:367], False) == []
    rest = stream[367:]
    assert sections.take(rest[:500], False) == []
    assert sections.take(bytes((len(rest) - 500,)) + rest[500:] + ONE + b"\xff" * 20, True) == [LONG, ONE]


@pytest.mark.rule("H.222.0 annex A", "a section with a wrong checksum is not used")
def test_a_damaged_section_is_counted_and_not_given() -> None:
    sections = Sections()
    for at in range(3, len(ONE)):
        wrong = bytearray(ONE)
        wrong[at] ^= 0x10
        assert sections.take(b"\0" + bytes(wrong) + b"\xff" * 99, True) == []
    assert sections.damaged == len(ONE) - 3
    assert sections.take(b"\0" + ONE, True) == [ONE]


def test_a_section_with_a_missing_packet_is_given_up() -> None:
    sections = Sections()
    assert sections.take(b"\0" + LONG[:183], True) == []
    sections.lost()
    assert sections.take(LONG[367:551], False) == []
    assert sections.take(b"\0" + ONE, True) == [ONE]


@given(st.lists(st.tuples(st.binary(max_size=184), st.booleans()), max_size=40))
def test_any_payloads_keep_little(payloads: list[tuple[bytes, bool]]) -> None:
    sections = Sections()
    for payload, begins in payloads:
        for found in sections.take(payload, begins):
            assert 8 <= len(found) <= MAX_SECTION
        assert len(sections._open) <= MAX_SECTION + 184
