from __future__ import annotations

import numpy as np

from ingest.demo import picture
from ingest.demo.picture import HEIGHT, RATE, WIDTH, Picture, halved

K = 1_795_301_880 * RATE  # 2026-11-21T22:58:00Z


def clock(luma: picture.Plane) -> str:
    """Read the clock back from its points."""
    glyphs = {data.tobytes(): letter for letter, data in picture._glyphs(picture._CLOCK_SCALE).items()}
    width, height = 6 * picture._CLOCK_SCALE, 7 * picture._CLOCK_SCALE
    left = (WIDTH - 11 * width) // 2
    rows = luma[picture._CLOCK_TOP : picture._CLOCK_TOP + height]
    return "".join(glyphs[rows[:, left + n * width : left + (n + 1) * width].tobytes()] for n in range(11))


def test_the_time_stands_in_the_picture() -> None:
    it = Picture()
    assert clock(it.luma(K)) == "22:58:00.00"
    assert clock(it.luma(K + 1)) == "22:58:00.04"
    assert clock(it.luma(K + 2 * RATE - 1)) == "22:58:01.96"


def test_something_moves_and_comes_back() -> None:
    it = Picture()
    row = slice(picture._BLOCK_TOP, picture._BLOCK_TOP + 1)
    first, next_ = it.luma(K)[row].copy(), it.luma(K + 10)[row].copy()
    assert (first != next_).any()
    assert (it.luma(K + 4 * RATE)[row] == first).all()


def test_drawing_anew_gives_the_same_as_drawing_on() -> None:
    """Only what moves is drawn: nothing of an earlier frame may stay."""
    old = Picture()
    for k in range(K, K + 60, 7):
        drawn = old.luma(k)
        assert np.array_equal(drawn, Picture().luma(k))
    assert np.array_equal(old.luma(K + RATE * 86_400), Picture().luma(K + RATE * 86_400)), "the next day's date"


def test_the_planes() -> None:
    it = Picture()
    assert it.luma(K).shape == (HEIGHT, WIDTH)
    assert it.blue.shape == it.red.shape == (HEIGHT // 2, WIDTH // 2)
    assert halved(it.luma(K)).shape == (HEIGHT // 2, WIDTH // 2)
    assert halved(it.luma(K)).flags.c_contiguous
