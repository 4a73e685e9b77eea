"""Whole sections: what others made is read and written back to the octet; what is damaged is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from base.crc import crc32
from base.problems import Problem
from base.scte35.commands import SpliceInsert, SpliceNull, TimeSignal, UnknownCommand
from base.scte35.descriptors import Segmentation
from base.scte35.section import LARGEST, Ciphered, Section, parse, write
from tests.base.scte35.made import sections
from tests.base.scte35.vectors import SAMPLES, sample


def signed(body: bytes) -> bytes:
    """`body` with its length and its CRC_32 put right."""
    body = body[:1] + ((body[1] & 0xF0) << 8 | (len(body) + 1)).to_bytes(2, "big") + body[3:]
    return body + crc32(body).to_bytes(4, "big")


@pytest.mark.rule("SCTE 35 9.6", "what a sender wrote is what is passed on: parse and write are exact to the octet")
@pytest.mark.parametrize("name", SAMPLES)
def test_samples_are_read_and_written_back(name: str) -> None:
    assert write(parse(sample(name))) == sample(name)


def test_what_the_first_sample_says() -> None:
    found = parse(sample("14.1 placement opportunity start"))
    assert found.command == TimeSignal(0x072BD0050) and found.tier == 0xFFF and found.cw_index == 0xFF
    (descriptor,) = found.descriptors
    assert isinstance(descriptor, Segmentation) and descriptor.type == 0x34 and descriptor.event_id == 0x4800008E
    assert descriptor.duration == 307 * 90000 and descriptor.upid.data.hex() == "000000002ca0a18a"
    assert descriptor.restrictions is not None and not descriptor.restrictions.web_delivery_allowed
    assert (descriptor.num, descriptor.expected, descriptor.sub) == (2, 0, None)


def test_pts_adjustment_is_added_and_wraps() -> None:
    """SCTE 35 9.6: pts_adjustment is added to each splice_time, without a carry."""
    found = replace(parse(sample("14.2 splice_insert")), pts_adjustment=90_000)
    assert parse(write(found)) == found
    assert found.adjusted(10) == 90_010 and found.adjusted((1 << 33) - 1) == 89_999


@given(sections())
@settings(max_examples=150, deadline=None)
def test_any_section_comes_back(section: Section) -> None:
    octets = write(section)
    assert parse(octets) == section
    assert write(parse(octets)) == octets


def test_an_old_senders_section_does_not_say_how_long_its_command_is() -> None:
    modern = sample("14.2 splice_insert")
    old = signed(modern[:11] + bytes([modern[11] | 0x0F, 0xFF]) + modern[13:-4])
    found = parse(old)
    assert not found.length_said and found.command == parse(modern).command and write(found) == old


@pytest.mark.rule("SCTE 35 11", "an encrypted section is not read, and passes through as it came")
def test_an_encrypted_section_is_kept_as_it_is() -> None:
    clear = sample("14.2 splice_insert")
    octets = signed(clear[:4] + bytes([clear[4] | 0x80 | 3 << 1]) + clear[5:-4])
    found = parse(octets)
    assert isinstance(found.command, Ciphered) and found.command.algorithm == 3 and found.descriptors == ()
    assert write(found) == octets


@pytest.mark.parametrize(
    ("octets", "says"),
    [
        (b"", "no splice_info_section"),
        (b"\x00" * 40, "no splice_info_section"),
        (b"\xfc" * 5000, "4096"),
        (sample("null") + b"\xff", "section_length"),
        (sample("null")[:-1] + b"\x00", "CRC_32"),
        (signed(sample("null")[:3] + b"\x01" + sample("null")[4:-4]), "protocol_version"),
        (signed(sample("14.2 splice_insert")[:20]), "end too early"),
        (
            signed(sample("14.2 splice_insert")[:12] + b"\x13" + sample("14.2 splice_insert")[13:-4]),
            "20 octets, not 19",
        ),
    ],
)
def test_what_is_no_section_is_refused(octets: bytes, says: str) -> None:
    with pytest.raises(Problem, match=says):
        parse(octets)


@given(st.sampled_from(sorted(SAMPLES)), st.integers(3, 90), st.binary(min_size=1, max_size=12))
@settings(max_examples=300, deadline=None)
def test_damaged_octets_are_read_or_refused(name: str, at: int, noise: bytes) -> None:
    body = sample(name)[:-4]
    octets = signed(body[:at] + noise + body[at + len(noise) :])
    try:
        found = parse(octets)
    except Problem:
        return
    assert len(write(found)) <= LARGEST


def test_what_does_not_fit_is_not_written() -> None:
    with pytest.raises(ValueError, match="4096"):
        write(Section(command=UnknownCommand(0x42, bytes(4090))))
    with pytest.raises(ValueError, match="fit"):
        write(Section(command=SpliceInsert(event_id=1 << 32)))
    with pytest.raises(ValueError, match="fit"):
        write(Section(command=SpliceNull(), tier=0x1000))
