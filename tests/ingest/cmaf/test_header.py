"""CMAF headers."""

from __future__ import annotations

import contextlib
import struct

import pytest

from base.problems import Problem
from ingest.cmaf.header import Source, read_header
from packager.boxes import box, fullbox
from tests.kit.pushing import Track, film, parts


def moov(header: bytes) -> bytes:
    return header[header.index(b"moov") - 4 :]


def within(header: bytes, path: str, more: bytes) -> bytes:
    """The moov with a box more at the end of the box at `path`; sizes follow."""
    data = bytearray(moov(header))
    at, end = 8, len(data)
    holders = [0]
    for step in path.split("/"):
        while data[at + 4 : at + 8] != step.encode():
            at += struct.unpack_from(">I", data, at)[0]
            assert at < end
        holders.append(at)
        end = at + struct.unpack_from(">I", data, at)[0]
        at += 8
    data[end:end] = more
    for holder in holders:
        struct.pack_into(">I", data, holder, struct.unpack_from(">I", data, holder)[0] + len(more))
    return bytes(data)


def only(octets: bytes) -> Source:
    (source,) = read_header(octets).sources
    return source


def test_a_picture_and_a_sound() -> None:
    video, audio = only(moov(Track("video").header)), only(moov(Track("audio", language="deu").header))
    assert (video.handler, video.timescale, video.lengths) == ("vide", 25_000, 4)
    assert video.format is not None and video.format.codec == "avc1.42c00c" and video.format.height == 180
    assert (audio.handler, audio.timescale, audio.lengths) == ("soun", 48_000, 0)
    assert audio.format is not None and audio.format.language == "deu"
    assert audio.format.sample_duration == 1024


@pytest.mark.rule("DASH-IF ingest 6.3 11", "a kind box in the track's udta says its role")
@pytest.mark.rule("DASH-IF ingest 6.4 3", "a kind box in the track's udta says its switching set")
def test_kinds() -> None:
    kinds = fullbox(b"kind", 0, 0, b"urn:mpeg:dash:role:2011\0main\0") + fullbox(
        b"kind", 0, 0, b"urn:dashif:ingest:switchingset_id\0hd-1\0"
    )
    source = only(within(Track("video").header, "trak", box(b"udta", kinds)))
    assert (source.role, source.switching_set) == ("main", "hd-1")


@pytest.mark.rule("DASH-IF ingest 6.3 5", "the language of a track is in mdhd or elng")
@pytest.mark.parametrize(("tag", "code"), [("en-GB", "eng"), ("de", "deu"), ("gsw", "gsw"), ("?", "und")])
def test_extended_language(tag: str, code: str) -> None:
    source = only(within(Track("audio").header, "trak/mdia", fullbox(b"elng", 0, 0, tag.encode() + b"\0")))
    assert source.format is not None and source.format.language == code


def test_an_edit_list_moves_presentation() -> None:
    elst = fullbox(b"elst", 0, 0, struct.pack(">IIiHHIiHH", 2, 500, -1, 1, 0, 0, 2000, 1, 0))
    source = only(within(Track("video").header, "trak", box(b"edts", elst)))
    assert source.shift == 2000 - 500 * 25_000 // 25_000


def test_a_header_as_ffmpeg_writes_it(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = film(tmp_path_factory.mktemp("header") / "v.mp4", "-an", seconds=1)
    source = only(moov(parts(path.read_bytes())[0]))
    assert source.format is not None
    assert (source.format.width, source.format.height, source.format.codec[:5]) == (320, 180, "avc1.")


@pytest.mark.parametrize(
    ("was", "becomes", "says"),
    [
        (b"avc1", b"encv", "encrypted"),
        (b"avc1", b"vp09", "vp09"),
        (b"mdhd", b"mdhX", "no mdhd"),
        (b"avcC", b"free", "avcC"),
    ],
)
def test_what_is_refused(was: bytes, becomes: bytes, says: str) -> None:
    octets = moov(Track("video").header).replace(was, becomes)
    with pytest.raises(Problem, match=says) as refused:
        read_header(octets)
    assert refused.value.kind.name == "unplayable"


def test_other_handlers_have_no_format() -> None:
    source = only(moov(Track("video").header).replace(b"vide", b"meta"))
    assert (source.handler, source.format) == ("meta", None)


def test_the_digest_tells_headers_apart() -> None:
    one, other = moov(Track("video").header), moov(Track("video", height=720).header)
    assert read_header(one).digest == read_header(one).digest != read_header(other).digest


def test_no_cut_header_raises_anything_but_a_problem() -> None:
    octets = moov(Track("audio").header)
    for at in range(8, len(octets), 3):
        broken = bytearray(octets)
        broken[at] ^= 0xFF
        with contextlib.suppress(Problem):
            read_header(bytes(broken))
