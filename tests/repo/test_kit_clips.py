"""Generated clips have the shapes that they promise, and rows cover what they say they cover."""

from __future__ import annotations

import itertools

import pytest

from packager.movie import read_movie
from tests.kit.clips import AXES, HIDDEN, Clip, covering, film, possible


@pytest.mark.parametrize("strength", [2, 3])
def test_rows_cover_every_possible_combination(strength: int) -> None:
    rows = covering(strength)
    assert all(possible(row) and list(row) == list(AXES) for row in rows)
    seen = {
        tuple((name, row[name]) for name in names) for row in rows for names in itertools.combinations(AXES, strength)
    }
    whole = [dict(zip(AXES, values, strict=True)) for values in itertools.product(*AXES.values())]
    whole = [row for row in whole if possible(row)]
    wanted = {
        tuple((name, row[name]) for name in names) for row in whole for names in itertools.combinations(AXES, strength)
    }
    assert seen == wanted
    assert len(rows) < len(whole) / 30


def made(**values: str) -> Clip:
    plain = {
        "codec": "h264", "reordering": "two", "edit": "none", "groups": "fixed", "rate": "25", "hertz": "48000",
        "channels": "2", "sound": "aac",
    }  # fmt: skip
    return Clip(**(plain | values))


@pytest.mark.parametrize(
    ("groups", "keyframes"),
    [("fixed", [0, 20, 40, 60]), ("irregular", [0, 6, 40, 41]), ("single", [0]), ("unmarked-ends", [20, 40])],
)
@pytest.mark.parametrize("codec", AXES["codec"])
def test_keyframes_are_where_they_should_be(codec: str, groups: str, keyframes: list[int]) -> None:
    picture, _ = read_movie(memoryview(film(made(codec=codec, groups=groups)))).tracks
    assert picture.columns.sync.tolist() == keyframes and len(picture.columns.samples) == 80


def test_open_groups_have_leading_pictures() -> None:
    picture, _ = read_movie(memoryview(film(made(codec="hevc", groups="open")))).tracks
    rows = picture.columns.samples
    shown = (rows["dts"] + rows["cto"]).tolist()
    assert all(min(shown[at:]) < shown[at] for at in picture.columns.sync.tolist()[1:])


@pytest.mark.parametrize(("reordering", "furthest"), [("none", 0), ("two", 3), ("pyramid", 6)])
@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_pictures_are_reordered(codec: str, reordering: str, furthest: int) -> None:
    picture, _ = read_movie(memoryview(film(made(codec=codec, reordering=reordering)))).tracks
    rows = picture.columns.samples
    assert int(rows["cto"].max() - rows["cto"].min()) // 512 >= furthest


def test_edit_lists() -> None:
    shifts = {
        edit: [track.shift for track in read_movie(memoryview(film(made(edit=edit)))).tracks] for edit in AXES["edit"]
    }
    opens = shifts["media-time"][0] - HIDDEN * 512
    assert opens > 0 and shifts == {
        "none": [0, 0], "media-time": [opens + HIDDEN * 512, 1500], "empty": [opens - 12800 // 4, 1024]
    }  # fmt: skip


@pytest.mark.parametrize(("channels", "hertz", "sound"), [("6", "44100", "flac"), ("1", "48000", "eac3")])
def test_sound(channels: str, hertz: str, sound: str) -> None:
    _, track = read_movie(memoryview(film(made(channels=channels, hertz=hertz, sound=sound)))).tracks
    assert (track.format.channels, track.format.sample_rate) == (int(channels), int(hertz))
    assert track.format.timescale == int(hertz)
