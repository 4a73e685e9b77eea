"""Sheets: each still in its cells, and orders that cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from base.pictures import PictureOrder
from base.problems import Problem
from ingest.pictures.sheet import draw, encode
from tests.ingest.pictures.test_still import still_of
from tests.kit.pictures import difference, numbered_film, pixels, second_of, size_of


@pytest.fixture(scope="module")
def grey(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Stills of the seconds of a numbered film."""
    film: Path = numbered_film(tmp_path_factory.mktemp("films") / "numbered.mp4", seconds=5)
    return [still_of(film, 25 * second) for second in range(5)]


@pytest.mark.parametrize("form", ["jpg", "webp"])
def test_each_cell_shows_the_still_it_was_told(grey: list[bytes], form: str) -> None:
    order = PictureOrder(width=80, height=45, format=form, columns=3, rows=2, cells=(4, 0, 0, -1, 2))
    body, decoded = draw(order, grey)
    assert decoded == 5 and size_of(body) == (240, 90)
    sheet = pixels(body)
    cells = [second_of(sheet[y : y + 45, x : x + 80]) for y in (0, 45) for x in (0, 80, 160)]
    assert cells == [4, 0, 0, -1, 2, -1]


def test_a_damaged_still_leaves_its_cell_black_unless_it_is_the_only_one(grey: list[bytes]) -> None:
    order = PictureOrder(width=80, height=45, columns=2, cells=(0, 1))
    body, decoded = draw(order, [b"damaged", grey[3]])
    assert decoded == 1
    assert [second_of(pixels(body)[:, x : x + 80]) for x in (0, 80)] == [-1, 3]
    with pytest.raises(Problem, match="cannot be decoded"):
        draw(PictureOrder(width=80, height=45), [b"damaged"])


@pytest.mark.parametrize(
    "order",
    [
        PictureOrder(width=0, height=90),
        PictureOrder(width=8193, height=90),
        PictureOrder(width=160, height=90, columns=60),
        PictureOrder(width=160, height=90, columns=-1),
        PictureOrder(width=160, height=90, format="gif"),
        PictureOrder(width=160, height=90, cells=()),
        PictureOrder(width=160, height=90, cells=(0, 0)),
        PictureOrder(width=160, height=90, cells=(1,)),
        PictureOrder(width=160, height=90, cells=(-2,)),
    ],
)
def test_an_order_that_cannot_be_is_refused_before_anything_is_decoded(order: PictureOrder) -> None:
    with pytest.raises(Problem) as refusal:
        draw(order, [b"never looked at"])
    assert refusal.value.kind.name == "malformed"


@pytest.mark.parametrize("form", ["jpg", "webp"])
@pytest.mark.parametrize("size", [(160, 90), (161, 91), (1, 1)])
def test_colours_survive_encoding(form: str, size: tuple[int, int]) -> None:
    import numpy as np

    flat = np.full((size[1], size[0], 3), (200, 40, 90), np.uint8)
    found = pixels(encode(flat, form))
    assert found.shape == flat.shape and difference(found, flat) < 3
    assert np.abs(found.astype(int) - flat).max() < 12
