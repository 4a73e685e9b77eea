"""What pictures are called, and the order that goes to the process that decodes."""

import re
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base import pictures
from base.pictures import Layout, Picture, PictureOrder, Tiles, bundle, read_picture, read_tiles, unbundle
from base.problems import Problem

LAYOUTS = st.builds(Layout, st.integers(100, 9_999_999), st.integers(1, 99), st.integers(1, 99), st.integers(10, 9999))
NUMBERS = st.integers(0, 10**15 - 1)


@given(st.builds(Picture, NUMBERS, st.integers(10, 9999), st.sampled_from(["jpg", "webp"])))
def test_a_picture_is_read_back_from_its_file(picture: Picture) -> None:
    assert re.fullmatch(pictures.PICTURE_PATTERN, picture.file)
    assert read_picture(picture.file) == picture


@given(st.builds(Tiles, LAYOUTS, NUMBERS, st.just(-1) | NUMBERS))
def test_tiles_are_read_back_from_their_file(tiles: Tiles) -> None:
    assert re.fullmatch(pictures.TILES_PATTERN, tiles.file)
    assert read_tiles(tiles.file) == tiles
    assert pictures.of_a_run(tiles.file) == (tiles.run >= 0)


@given(NUMBERS, st.sampled_from(["json", "dat"]))
def test_a_waveform_is_read_back_from_its_file(number: int, ending: str) -> None:
    file = pictures.waveform_file(number, ending)
    assert re.fullmatch(pictures.WAVEFORM_PATTERN, file)
    assert pictures.read_waveform(file) == (number, ending)


def test_a_layout_says_what_a_sheet_covers() -> None:
    layout = Layout(10_000, 5, 4, 160)
    assert (str(layout), layout.cells, layout.span_ms) == ("10000-5x4-160", 20, 200_000)


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("picture-0-160.jpg", "image/jpeg"),
        ("picture-0-160.webp", "image/webp"),
        ("waveform-0.json", "application/json"),
        ("waveform-0.dat", "application/octet-stream"),
    ],
)
def test_the_ending_says_the_media_type(file: str, kind: str) -> None:
    assert pictures.content_type(file) == kind


@given(st.lists(st.binary(max_size=50), max_size=5))
def test_an_order_arrives_as_it_was_bundled(parts: list[bytes]) -> None:
    order = PictureOrder(width=160, height=90, columns=5, rows=1, cells=(0, 0, 1, -1, -1))
    found, media = unbundle(bundle(order, parts), PictureOrder)
    assert found == order and [bytes(part) for part in media] == parts


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\0\0",
        struct.pack(">I", 9) + b"{}",
        struct.pack(">I", 2) + b"{}",  # no width
        bundle(PictureOrder(width=1, height=1), [b"x"])[:-1],
        bundle(PictureOrder(width=1, height=1), [b""] * (pictures.MOST_CELLS + 2)),
    ],
)
def test_a_broken_order_is_refused(body: bytes) -> None:
    with pytest.raises(Problem) as refusal:
        unbundle(body, PictureOrder)
    assert refusal.value.kind.name == "malformed"
