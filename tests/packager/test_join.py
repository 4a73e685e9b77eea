"""Several files as one presentation."""

from __future__ import annotations

from dataclasses import replace

import pytest

from base.problems import Problem
from packager.index import FileKey, Index, IndexTrack
from packager.join import MOST_FILES, join
from packager.plan import make_plan
from tests.packager.tracks import audio, index, video

KEYS = range(0, 250, 50)


def sized(track: IndexTrack, width: int, height: int) -> IndexTrack:
    return replace(track, format=replace(track.format, width=width, height=height))


def spoken(track: IndexTrack, language: str, **more: object) -> IndexTrack:
    return replace(track, format=replace(track.format, language=language, **more))  # type: ignore[arg-type]


SMALL = index(sized(video(KEYS, 250), 640, 360), audio(469), key=FileKey(1, 0, 0))
LARGE = index(sized(video(KEYS, 250), 1920, 1080), audio(469), key=FileKey(2, 0, 0))
GERMAN = index(spoken(audio(469), "deu"), key=FileKey(3, 0, 0))
NAMES = ["small.mp4", "large.mp4", "deutsch.m4a"]


def test_one_file_is_what_it_is() -> None:
    found = join([SMALL], [""])
    assert found.index is SMALL and found.file_of == {"v1": 0, "a1": 0}


def test_the_best_picture_is_first_and_the_same_sound_is_taken_once() -> None:
    found = join([SMALL, LARGE, GERMAN], NAMES)
    assert [(t.name, t.format.width, t.format.language) for t in found.index.tracks] == [
        ("v1", 1920, "und"), ("v2", 640, "und"), ("a1", 0, "und"), ("a2", 0, "deu")
    ]  # fmt: skip
    assert found.file_of == {"v1": 1, "v2": 0, "a1": 0, "a2": 2}
    assert found.index.notes == ("large.mp4: its sound was left out, small.mp4 has the same",)


def test_of_pictures_of_one_size_the_heavier_is_first() -> None:
    heavy = video(KEYS, 250)
    heavy.samples["size"] = 5000
    found = join([index(video(KEYS, 250)), index(heavy)], ["a", "b"])
    assert found.file_of == {"v1": 1, "v2": 0}


def test_sound_that_differs_or_comes_alone_is_kept() -> None:
    surround = replace(SMALL, tracks=(SMALL.tracks[0], spoken(SMALL.tracks[1], "und", channels=6)))
    commentary = index(audio(469))
    found = join([LARGE, surround, commentary], ["a", "b", "c"])
    assert [found.file_of[t.name] for t in found.index.audio] == [0, 1, 2]


def test_two_languages_of_one_file_are_two() -> None:
    both = index(video(KEYS, 250), spoken(audio(469), "eng"), spoken(audio(469, name="a2"), "deu"))
    assert len(join([both, LARGE], ["a", "b"]).index.audio) == 3


def test_recordings_from_one_clock_keep_their_distance() -> None:
    early = Index(key=FileKey(1, 0, 0), tracks=(video(KEYS, 250),), epoch=1_700_000_000)
    late = Index(key=FileKey(2, 0, 0), tracks=(audio(469, start=-1024),), epoch=1_700_000_001)
    found = join([early, late], ["v", "a"]).index
    assert found.tracks[0].shift == 0 and found.tracks[1].shift == -48000
    assert make_plan(found, 2000).track("a1") is not None
    other = replace(late, epoch=5)
    assert join([early, other], ["v", "a"]).index.tracks[1].shift == 0


def test_the_key_is_another_as_soon_as_a_file_is() -> None:
    other = replace(GERMAN, key=FileKey(3, 1, 0))
    keys = [join(parts, NAMES).index.key for parts in ([SMALL, LARGE, GERMAN], [SMALL, LARGE, other])]
    keys.append(join([LARGE, SMALL, GERMAN], NAMES).index.key)
    assert len(set(keys)) == 3 and {key.size for key in keys} == {6}


def test_too_many_files_are_refused() -> None:
    with pytest.raises(Problem, match=f"at most {MOST_FILES} files"):
        join([GERMAN] * (MOST_FILES + 1), ["a"] * (MOST_FILES + 1))


def test_a_rendition_whose_keyframes_do_not_meet_is_named_with_the_place() -> None:
    wrong = index(sized(video([0, 50, 110, 150, 200], 250), 640, 360))
    found = make_plan(join([wrong, LARGE], ["wrong", "right"]).index, 2000)
    assert [t.track.name for t in found.tracks] == ["v1", "a1"] and not found.switchable
    assert "none at 4.000 s" in found.notes[0]
