"""Init segments: CMAF headers."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace

import pytest

from packager.boxes import walk
from packager.entries import aac_format
from packager.init import generation, init_segment
from packager.movie import read_init
from tests.packager.packed import Packed

CONTAINERS = {"moov", "trak", "mdia", "minf", "dinf", "stbl", "mvex"}
AAC = aac_format(bytes.fromhex("1190"), "eng")


def tree(data: bytes) -> list[tuple[str, bytes]]:
    """(path, body) of every box, in order."""
    view, found = memoryview(data), []

    def descend(start: int, end: int, above: str) -> None:
        for box in walk(view, start, end):
            path = f"{above}/{box.type}" if above else box.type
            found.append((path, bytes(view[box.body : box.end])))
            if box.type in CONTAINERS:
                descend(box.body, box.end, path)

    descend(0, len(view), "")
    return found


@pytest.mark.rule("ISO/IEC 23000-19 7.3.1", "ftyp first, one moov, mvhd first in it, exactly one trak, mvex with trex")
@pytest.mark.rule("RFC 8216bis 3.1.2", "an init segment holds ftyp of iso6 or later, mvex, and no sample")
@pytest.mark.parametrize(("film", "track", "header"), [("bframes", "v1", "vmhd"), ("bframes", "a1", "smhd")])
def test_structure(packed: Callable[..., Packed], film: str, track: str, header: str) -> None:
    boxes = tree(packed(film).inits[track])
    paths = [path for path, _ in boxes]
    body = dict(boxes)
    assert paths[:3] == ["ftyp", "moov", "moov/mvhd"]
    for path in ("moov", "moov/trak", "moov/mvex/trex", f"moov/trak/mdia/minf/{header}"):
        assert paths.count(path) == 1
    assert not {"meta", "udta", "moov/meta", "moov/udta", "mdat", "moov/trak/edts"} & set(paths)
    for table in ("stts", "stsc", "stco"):
        assert body[f"moov/trak/mdia/minf/stbl/{table}"] == bytes(8)
    assert body["moov/trak/mdia/minf/stbl/stsz"] == bytes(12)
    # durations are 0 (7.5.1), ids agree
    assert body["moov/mvhd"][16:20] == bytes(4) == body["moov/trak/tkhd"][20:24]
    assert body["moov/trak/tkhd"][12:16] == body["moov/mvex/trex"][4:8] == struct.pack(">I", 1)
    assert body["moov/trak/mdia/minf/dinf/dref"][4:] == struct.pack(">II4sI", 1, 12, b"url ", 1)


@pytest.mark.rule("ISO/IEC 23000-19 7.2", "cmfc is named, cmf2 is not, which asks for tfdt as first composition time")
def test_brands() -> None:
    (_, ftyp), *_ = tree(init_segment(AAC))
    brands = [ftyp[at : at + 4] for at in range(8, len(ftyp), 4)]
    assert ftyp[:4] == b"iso6" and {b"iso6", b"cmfc"} <= set(brands)
    assert b"cmf2" not in brands


@pytest.mark.rule("ISO/IEC 23000-19 7.5.4", "a track without pictures has width and height 0")
def test_sound_has_no_size_and_a_volume() -> None:
    body = dict(tree(init_segment(AAC)))
    assert body["moov/trak/tkhd"][-8:] == bytes(8)
    assert body["moov/trak/tkhd"][36:38] == b"\1\0"


def test_what_was_written_is_read(packed: Callable[..., Packed]) -> None:
    for name in ("bframes", "hevc-ac3", "av1-opus", "mp3"):
        asset = packed(name)
        for planned in asset.plan.tracks:
            fmt = planned.track.format
            assert read_init(memoryview(asset.inits[planned.track.name])) == fmt


@pytest.mark.rule("ISO/IEC 14496-12 8.4.2", "a language is three letters of five bits")
@pytest.mark.parametrize(
    ("language", "read"), [("eng", "eng"), ("en", "und"), ("ENG", "und"), ("", "und"), ("zho", "zho")]
)
def test_languages(language: str, read: str) -> None:
    assert read_init(memoryview(init_segment(replace(AAC, language=language)))).language == read


def test_equal_octets_have_equal_generations() -> None:
    one = init_segment(AAC)
    assert generation(one) == generation(init_segment(AAC)) != generation(init_segment(replace(AAC, language="deu")))
    assert len(generation(one)) == 16 and int(generation(one), 16) >= 0
