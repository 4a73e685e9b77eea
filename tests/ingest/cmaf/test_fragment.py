"""Samples of a pushed fragment."""

from __future__ import annotations

import contextlib
import struct
from dataclasses import replace

import pytest

from base.problems import Problem
from ingest.cmaf.fragment import Fragment, read_fragment
from ingest.cmaf.header import Source, read_header
from tests.kit.pushing import Track, fragment

VIDEO, AUDIO = Track("video"), Track("audio")


def source(track: Track) -> Source:
    (found,) = read_header(track.header[track.header.index(b"moov") - 4 :]).sources
    return found


def read(octets: bytes, of: Source, *, base: int = 0) -> list[Fragment]:
    moof = struct.unpack_from(">I", octets)[0]
    return read_fragment(octets, moof, base, {of.track_id: of})


@pytest.mark.parametrize("track", [VIDEO, AUDIO])
def test_samples_with_their_times(track: Track) -> None:
    (found,) = read(track.segment(7), source(track))
    first = -(-7 * track.scale // track.step)
    assert list(found.samples) == track.samples(first, len(found.samples))
    assert found.end == found.samples[-1].dts + track.step
    assert (found.bits, found.start) == (64, first * track.step)


def test_an_edit_list_moves_presentation_not_decoding() -> None:
    (found,) = read(VIDEO.segment(0), replace(source(VIDEO), shift=2000))
    assert (found.samples[0].dts, found.samples[0].cto) == (0, -2000)


def test_the_stream_says_where_decoding_may_begin() -> None:
    samples = [replace(sample, sync=True) for sample in VIDEO.samples(0, 3)]
    (found,) = read(fragment(samples, VIDEO.step), source(VIDEO))
    assert [sample.sync for sample in found.samples] == [True, False, False]


def test_short_lengths_of_nal_units_become_long_ones() -> None:
    samples = [replace(sample, data=sample.data[2:]) for sample in VIDEO.samples(0, 2)]
    (found,) = read(fragment(samples, VIDEO.step), replace(source(VIDEO), lengths=2))
    assert [sample.data for sample in found.samples] == [sample.data for sample in VIDEO.samples(0, 2)]


@pytest.mark.rule("ISO/IEC 14496-12 8.8.7", "base_data_offset counts from the start of what is sent")
def test_offsets_from_the_start_of_the_body() -> None:
    octets = bytearray(VIDEO.segment(0))
    at = octets.index(b"tfhd")
    flags = struct.unpack_from(">I", octets, at + 4)[0]
    octets[at + 12 : at + 12] = struct.pack(">Q", 5000)
    struct.pack_into(">I", octets, at + 4, flags & ~0x20000 | 1)
    for name in (b"moof", b"traf", b"tfhd"):
        where = octets.index(name) - 4
        struct.pack_into(">I", octets, where, struct.unpack_from(">I", octets, where)[0] + 8)
    run = octets.index(b"trun") + 12
    struct.pack_into(">i", octets, run, struct.unpack_from(">i", octets, run)[0] + 8)
    (found,) = read(bytes(octets), source(VIDEO), base=5000)
    assert list(found.samples) == VIDEO.samples(0, 25)
    with pytest.raises(Problem, match="before it"):
        read(bytes(octets), source(VIDEO), base=6000)


def test_other_tracks_are_left_out() -> None:
    assert read(VIDEO.segment(0), replace(source(VIDEO), track_id=9)) == []


def test_one_digest_for_what_is_sent_again() -> None:
    (one,), (again,), (other,) = (read(VIDEO.segment(at), source(VIDEO)) for at in (1, 1, 2))
    assert one.digest == again.digest != other.digest


def broken(name: bytes, at: int, value: bytes) -> bytes:
    octets = bytearray(VIDEO.segment(0))
    where = octets.index(name) + 4 + at
    octets[where : where + len(value)] = value
    return bytes(octets)


@pytest.mark.parametrize(
    ("octets", "says"),
    [
        (broken(b"trun", 4, struct.pack(">I", 1 << 30)), "samples"),
        (broken(b"trun", 8, struct.pack(">i", -40)), "begin|outside"),
        (broken(b"mdat", 0, struct.pack(">I", 900)), "NAL unit lengths"),
        (broken(b"tfdt", 4, b"\xff" * 8), "beyond any time"),
        (VIDEO.segment(0).replace(b"tfdt", b"free"), "no tfdt"),
        (VIDEO.segment(0).replace(b"tfhd", b"free"), "no tfhd"),
    ],
)
def test_what_is_refused(octets: bytes, says: str) -> None:
    with pytest.raises(Problem, match=says):
        read(octets, source(VIDEO))


def test_times_that_do_not_rise_are_refused() -> None:
    with pytest.raises(Problem, match=r"do not rise|no duration"):
        read(fragment(VIDEO.samples(0, 3), 0), source(VIDEO))


def test_no_damaged_octet_raises_anything_but_a_problem() -> None:
    octets, of = VIDEO.segment(0), source(VIDEO)
    moof = struct.unpack_from(">I", octets)[0]
    for at in range(4, moof + 60):
        damaged = bytearray(octets)
        damaged[at] ^= 0x81
        with contextlib.suppress(Problem):
            read_fragment(bytes(damaged), moof, 0, {1: of})
