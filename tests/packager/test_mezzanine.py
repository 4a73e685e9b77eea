"""A CMAF mezzanine: what the packager writes it reads again, sample for sample."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from packager.boxes import walk
from packager.index import FileKey, build
from packager.join import join
from packager.layout import Run
from packager.mezzanine import mezzanine
from packager.movie import read_movie
from packager.plan import make_plan
from packager.track_file import TrackFile
from tests.packager.packed import Packed
from tests.packager.tracks import audio, index, video


def octets(file: TrackFile, media: bytes) -> bytes:
    pieces = [
        b"".join(media[at : at + size] for at, size in piece.ranges) if isinstance(piece, Run) else bytes(piece)
        for piece in file.pieces(0, file.length)
    ]
    return b"".join(pieces)


@pytest.mark.parametrize("name", ["plain", "bframes", "ntsc", "edit-list", "irregular", "two-languages", "fragmented"])
def test_a_film_is_the_same_film_as_a_mezzanine(packed: Callable[..., Packed], name: str) -> None:
    film = packed(name)
    files = [octets(file, film.data) for file in mezzanine(film.index)]
    parts = [build(read_movie(memoryview(file)), FileKey(n, 0, 0)) for n, file in enumerate(files)]
    made = join(parts, [str(n) for n in range(len(parts))])
    assert [t.name for t in made.index.tracks] == [t.name for t in film.index.tracks]
    for before, after in zip(film.index.tracks, made.index.tracks, strict=True):
        data = files[made.file_of[after.name]]
        assert after.format.codec == before.format.codec and after.format.language == before.format.language
        assert (after.samples["size"] == before.samples["size"]).all() and (after.sync == before.sync).all()
        for x, y in zip(before.samples[::7], after.samples[::7], strict=True):
            old = film.data[x["offset"] : x["offset"] + x["size"]]
            assert old == data[y["offset"] : y["offset"] + y["size"]]
    # what is shown, and when: the same, all of it moved by the same time
    again = make_plan(made.index, 2000)
    moved = []
    for before, after in zip(film.plan.tracks, again.tracks, strict=True):
        assert before.first.tolist() == after.first.tolist()
        scale = before.track.format.timescale
        moved += (before.start / scale - after.start / scale).tolist()
    assert max(moved) - min(moved) < 0.0001


@pytest.mark.rule("ISO/IEC 23000-19 7.3.2.2", "a fragment of video begins with a keyframe")
def test_a_fragment_is_a_group_of_pictures_and_sound_follows(packed: Callable[..., Packed]) -> None:
    film = packed("irregular")
    picture, sound = mezzanine(film.index)
    assert picture.plan.first[:-1].tolist() == film.index.video[0].sync.tolist()
    heard = film.index.audio[0]
    shown = (heard.samples["dts"] + heard.samples["cto"] - heard.shift) / heard.format.timescale
    track = film.index.video[0]
    keys = (track.samples["dts"] + track.samples["cto"] - track.shift)[track.sync] / track.format.timescale
    starts = shown[sound.plan.first[1:-1]]
    assert ((starts >= keys[1:]) & (starts < keys[1:] + 0.03)).all()


@pytest.mark.rule("ISO/IEC 23000-19 7.3.1", "a CMAF track file is a header and fragments of one track")
def test_its_boxes(packed: Callable[..., Packed]) -> None:
    film = packed("plain")
    for file in mezzanine(film.index):
        made = memoryview(octets(file, film.data))
        types = [box.type for box in walk(made, 0, len(made))]
        assert types[:3] == ["ftyp", "moov", "sidx"]
        assert types[3:] == ["moof", "mdat"] * ((len(types) - 3) // 2) and b"cmfc" in bytes(made[:48])


def test_sound_alone_is_cut_every_two_seconds() -> None:
    (file,) = mezzanine(index(audio(469)))
    assert file.plan.first.tolist() == [0, 94, 188, 282, 375, 469]


def test_tracks_that_begin_late_or_end_early_stay_where_they_are() -> None:
    film = index(video(range(0, 250, 50), 250), audio(100, shift=-5 * 48000))
    picture, sound = mezzanine(film)
    assert picture.plan.base == 0 and sound.plan.base == 5 * 48000
    assert sound.plan.first.tolist() == [0, 47, 100]  # cut at 6 s; there is nothing before 5 s


def test_a_ladder_that_does_not_align_is_cut_track_by_track() -> None:
    film = index(video(range(0, 250, 50), 250), video(range(0, 250, 40), 250, name="v2"))
    assert [file.plan.first[1] for file in mezzanine(film)] == [50, 40]
