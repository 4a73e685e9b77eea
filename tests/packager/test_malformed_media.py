"""Damaged files from a peer: each is refused with a sentence, or plays. Never another exception, a hang or a flood."""

from __future__ import annotations

import random
import struct
import tracemalloc
from collections.abc import Callable

import pytest

from base.problems import Problem
from packager.boxes import box, fullbox
from tests.kit.media import Films
from tests.packager.packed import Packed, pack

FILMS = ("plain", "bframes", "fragmented", "edit-list", "mp3", "two-languages", "irregular", "hevc-ac3")
MOST_OCTETS = 64 << 20


def serve(data: bytes) -> str:
    """Everything that a viewer may ask of a file. Gives why it is refused, or nothing."""
    try:
        asset = pack(data)
        for planned in asset.plan.tracks:
            name = planned.track.name
            for body in asset.segments(name):
                assert body
            assert asset.media_playlist(name).endswith("#EXT-X-ENDLIST\n")
        assert asset.multivariant() and asset.manifest()
    except Problem as problem:
        assert problem.kind.name == "unplayable"
        assert len(problem.detail) > 15
        return problem.detail
    return ""


def tables(data: bytes) -> list[tuple[int, int]]:
    """Where moov and moof lie."""
    found, at = [], 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if kind in (b"moov", b"moof"):
            found.append((at, at + size))
        at += max(8, size)
    return found


def damage(data: bytes, seed: int) -> bytes:
    dice = random.Random(seed)
    made = bytearray(data)
    if seed % 5 == 0:
        return bytes(made[: dice.randrange(len(made))])
    for _ in range(dice.choice((1, 1, 2, 4, 16))):
        start, end = dice.choice(tables(data))
        at = dice.randrange(start, end)
        if seed % 5 < 3:
            made[at] ^= 1 << dice.randrange(8)
        else:
            made[at : at + 4] = dice.choice((b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\0\0\xff\xff"))
    return bytes(made)


@pytest.mark.parametrize("name", FILMS)
def test_forty_damaged_copies_of_each_film(films: Films, name: str) -> None:
    data = films(name).read_bytes()
    tracemalloc.start()
    try:
        outcomes = [serve(damage(data, seed)) for seed in range(40)]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < MOST_OCTETS
    assert any(outcomes), "damage that nobody notices proves nothing"


@pytest.mark.parametrize("name", ["plain", "fragmented"])
def test_cut_off_anywhere(films: Films, name: str) -> None:
    data = films(name).read_bytes()
    for end in [*range(0, 64), *range(64, len(data), len(data) // 40)]:
        assert serve(data[:end]), end  # never whole, so never playable


# tables that claim more than they hold


def edited(data: bytes, path: str, change: Callable[[bytearray, int], None]) -> bytes:
    """A film with one box of its first track changed in place; `change` gets the octets and the start of the body."""
    made, at, end = bytearray(data), 0, len(data)
    for step in path.split("/"):
        while made[at + 4 : at + 8] != step.encode():
            at += struct.unpack_from(">I", made, at)[0]
            assert at < end, path
        end, at = at + struct.unpack_from(">I", made, at)[0], at + 8
    change(made, at)
    return bytes(made)


def write(layout: str, offset: int, *values: int) -> Callable[[bytearray, int], None]:
    return lambda data, body: struct.pack_into(">" + layout, data, body + offset, *values)


STBL = "moov/trak/mdia/minf/stbl/"
BOMBS = {
    "stts of billions": (STBL + "stts", write("III", 4, 1, 0xFFFFFFFF, 1)),
    "stts count": (STBL + "stts", write("I", 4, 0xFFFFFFFF)),
    "stsz of billions of one octet": (STBL + "stsz", write("II", 4, 1, 0xFFFFFFFF)),
    "stsz of millions of one octet": (STBL + "stsz", write("II", 4, 1, 8_000_000)),
    "stsz count": (STBL + "stsz", write("II", 4, 0, 0xFFFFFFFF)),
    "stsc of billions": (STBL + "stsc", write("III", 8, 1, 0xFFFFFFFF, 1)),
    "stsc that starts beyond": (STBL + "stsc", write("III", 8, 0x7FFFFFFF, 1, 1)),
    "stss beyond": (STBL + "stss", write("I", 8, 0xFFFFFFFF)),
    "timescale 0": ("moov/trak/mdia/mdhd", write("I", 12, 0)),
    "movie timescale 0": ("moov/mvhd", write("I", 12, 0)),
    "a box of size 7": (STBL + "stts", write("I", -8, 7)),
    "a box larger than its parent": (STBL + "stts", write("I", -8, 0x7FFFFFFF)),
    "sample entry none": (STBL + "stsd", write("I", 8, 8)),
    "edit list of billions": ("moov/trak/edts/elst", write("I", 4, 0xFFFFFFFF)),
    "edit list that hides it all": ("moov/trak/edts/elst", write("i", 12, 0x7FFFFFFF)),
}


@pytest.mark.parametrize("what", BOMBS)
def test_a_table_that_lies_is_refused_for_the_price_of_the_file(films: Films, what: str) -> None:
    data = films("plain").read_bytes()
    bad = edited(data, *BOMBS[what])
    tracemalloc.start()
    try:
        assert serve(bad)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_delta_beyond_a_week_is_refused(films: Films) -> None:
    bad = edited(films("plain").read_bytes(), STBL + "stts", write("I", 12, 0x7FFFFFFF))
    assert "week" in serve(bad)


@pytest.mark.parametrize(
    ("trun", "sentence"),
    [
        (struct.pack(">II", 0x000000, 0x7FFFFFFF), "claims"),  # no column at all: costs its writer nothing
        (struct.pack(">II", 0x000000, 4_000_000), "claims"),
        (struct.pack(">II", 0x000100, 0xFFFFFFFF), "claims"),
        (struct.pack(">IIi", 0x000001, 1, -(1 << 31)), "begin at"),
    ],
)
def test_a_run_that_lies_is_refused(films: Films, trun: bytes, sentence: str) -> None:
    data = films("fragmented").read_bytes()
    start = tables(data)[0]
    head = data[: start[1]]  # ftyp and moov
    traf = box(b"traf", fullbox(b"tfhd", 0, 0x20000, struct.pack(">I", 1)), box(b"trun", trun))
    assert sentence in serve(head + box(b"moof", fullbox(b"mfhd", 0, 0, bytes(4)), traf) + box(b"mdat", bytes(64)))


def test_many_runs_over_the_same_octets_are_refused(films: Films) -> None:
    """Each alone is true; together they would be more samples than the file has octets."""
    data = films("fragmented").read_bytes()
    head = data[: tables(data)[0][1]]
    run = box(b"trun", struct.pack(">IIi", 0x000001, 50_000, 0))
    tfhd = fullbox(b"tfhd", 0, 0x20010, struct.pack(">II", 1, 1))
    moof = box(b"moof", box(b"traf", tfhd, *[run] * 400))
    tracemalloc.start()
    try:
        assert "samples in one fragment" in serve(head + moof + box(b"mdat", bytes(60_000)))
        assert tracemalloc.get_traced_memory()[1] < MOST_OCTETS
    finally:
        tracemalloc.stop()


def test_a_base_offset_beyond_64_bits_is_refused(films: Films) -> None:
    data = films("fragmented").read_bytes()
    head = data[: tables(data)[0][1]]
    tfhd = fullbox(b"tfhd", 0, 0x1, struct.pack(">IQ", 1, 0xFFFFFFFFFFFFFFFF))
    moof = box(b"moof", box(b"traf", tfhd, box(b"trun", struct.pack(">II", 0x200, 1), struct.pack(">I", 4))))
    assert "begin at" in serve(head + moof + box(b"mdat", bytes(8)))


def test_boxes_in_boxes_a_thousand_deep_are_no_recursion(films: Films) -> None:
    nest = b""
    for _ in range(5000):
        nest = box(b"moov", nest)
    assert serve(box(b"ftyp", b"isom", bytes(4)) + nest)


def test_a_film_recorded_from_a_live_stream_starts_at_zero(films: Films) -> None:
    """Fragments that count from 1970: whole seconds are taken off, the same of every track."""
    data = films("fragmented").read_bytes()
    plain = pack(data)
    scales = {1: plain.track("v1").track.format.timescale, 2: plain.track("a1").track.format.timescale}
    late = bytearray(data)
    at = 0
    while (at := late.find(b"tfdt", at)) >= 0:
        track = struct.unpack_from(">I", late, late.rindex(b"tfhd", 0, at) + 8)[0]
        assert late[at + 4] == 1
        time = struct.unpack_from(">Q", late, at + 8)[0]
        struct.pack_into(">Q", late, at + 8, time + 1_700_000_000 * scales[track])
        at += 4
    moved = pack(bytes(late))
    assert moved.whole("v1") == plain.whole("v1") and moved.whole("a1") == plain.whole("a1")


def test_what_is_no_mp4_is_called_that(packed: Callable[..., Packed]) -> None:
    assert "not an MP4 file" in serve(b"<!DOCTYPE html><html></html>")
    assert "not an MP4 file" in serve(b"")
    assert "MPEG" not in serve(bytes(1000))


def test_a_codec_that_nothing_plays_is_named(films: Films) -> None:
    """The film's sound is playable, so it is served, and a note says what is missing."""
    asset = pack(films("mpeg4-visual").read_bytes())
    assert [t.track.name for t in asset.plan.tracks] == ["a1"]
    assert "transcode to H.264, HEVC or AV1" in asset.plan.notes[0]
