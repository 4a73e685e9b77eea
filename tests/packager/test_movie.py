"""A file's tracks and what is said of those that cannot be played. Damage is in test_malformed_media.py."""

from __future__ import annotations

import struct

import pytest

from base.problems import Problem
from packager.boxes import box, fullbox
from packager.entries import aac_format
from packager.init import init_segment
from packager.movie import read_init, read_movie
from tests.kit.media import Films

AAC = aac_format(bytes.fromhex("1190"))


def test_a_film(films: Films) -> None:
    movie = read_movie(memoryview(films("bframes").read_bytes()))
    picture, sound = movie.tracks
    assert (picture.format.kind, picture.format.width, picture.format.height) == ("video", 320, 180)
    assert len(picture.columns.samples) == 200 and picture.columns.sync.tolist() == [0, 50, 100, 150]
    assert picture.shift == picture.columns.samples["cto"][0] > 0  # the edit list that B-frames bring
    assert sound.shift == 1024  # priming
    assert movie.left_out == ()


def test_a_start_within_a_group(films: Films) -> None:
    picture = read_movie(memoryview(films("edit-list").read_bytes())).tracks[0]
    assert picture.shift > picture.format.timescale


def edited(*edits: tuple[int, int], version: int = 0) -> bytes:
    """An init segment with an edit list, and one fragment, 10 s long."""
    rows = b"".join(struct.pack(">Qqi" if version else ">Iii", *edit, 0x10000) for edit in edits)
    edts = box(b"edts", fullbox(b"elst", version, 0, struct.pack(">I", len(edits)), rows))
    init = init_segment(AAC)
    at = init.index(b"mdia") - 4
    made = bytearray(init[:at] + edts + init[at:])
    for name in (b"moov", b"trak"):
        place = made.index(name) - 4
        struct.pack_into(">I", made, place, struct.unpack_from(">I", made, place)[0] + len(edts))
    tfhd = fullbox(b"tfhd", 0, 0x20038, struct.pack(">4I", 1, 1024, 4, 0x02000000))
    moof = box(b"moof", box(b"traf", tfhd, box(b"trun", struct.pack(">II", 0, 469))))
    fixed = box(b"moof", box(b"traf", tfhd, box(b"trun", struct.pack(">IIi", 1, 469, len(moof) + 12))))
    return bytes(made) + fixed + box(b"mdat", bytes(469 * 4))


@pytest.mark.rule("ISO/IEC 14496-12 8.6.6", "an empty edit delays a track, a media time drops its beginning")
@pytest.mark.parametrize("version", [0, 1])
@pytest.mark.parametrize(
    ("edits", "shift"),
    [
        ([(0, 1024)], 1024),
        ([(48000, -1), (0, 0)], -48000),
        ([(48000, -1), (0, 1024)], 1024 - 48000),
        ([(0, 0)], 0),
    ],
)
def test_edit_lists(edits: list[tuple[int, int]], shift: int, version: int) -> None:
    assert read_movie(memoryview(edited(*edits, version=version))).tracks[0].shift == shift


def test_several_cuts_leave_a_note() -> None:
    track = read_movie(memoryview(edited((100, 0), (100, 5000)))).tracks[0]
    assert track.shift == 0 and "only the first is applied" in track.notes[0]


@pytest.mark.parametrize(
    ("edit", "sentence"), [((0, 48000 * 60), "hides a whole track"), ((0, 1 << 40), "more than a day")]
)
def test_edits_that_leave_nothing(edit: tuple[int, int], sentence: str) -> None:
    with pytest.raises(Problem, match=sentence):
        read_movie(memoryview(edited(edit, version=1)))


def test_an_unplayable_track_is_left_out_with_the_reason(films: Films) -> None:
    movie = read_movie(memoryview(films("mpeg4-visual").read_bytes()))
    assert [t.format.kind for t in movie.tracks] == ["audio"]
    assert "mp4v" in movie.left_out[0]


def test_a_film_without_an_index(films: Films) -> None:
    data = films("bframes").read_bytes()
    with pytest.raises(Problem, match="truncated: it ends before its index"):
        read_movie(memoryview(data[: len(data) // 2]))


def test_an_init_segment_has_one_track(films: Films) -> None:
    assert read_init(memoryview(init_segment(AAC))).codec == "mp4a.40.2"
    with pytest.raises(Problem, match="has one track, not 2"):
        read_init(memoryview(films("plain").read_bytes()))
