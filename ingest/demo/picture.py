"""The demo's picture: grey bars, a bouncing block and the UTC time, drawn into a luma plane with numpy.

Only what moves is drawn again. Frames are yuv420p; `frame(k)` stands for the epoch time k / RATE seconds.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

WIDTH, HEIGHT = 640, 360
RATE = 25

Plane = npt.NDArray[np.uint8]

# Our own letters, 5 by 7 points.
_LETTERS = {
    "0": "01110 10001 10011 10101 11001 10001 01110",
    "1": "00100 01100 00100 00100 00100 00100 01110",
    "2": "01110 10001 00001 00110 01000 10000 11111",
    "3": "11111 00010 00100 00010 00001 10001 01110",
    "4": "00010 00110 01010 10010 11111 00010 00010",
    "5": "11111 10000 11110 00001 00001 10001 01110",
    "6": "00110 01000 10000 11110 10001 10001 01110",
    "7": "11111 00001 00010 00100 01000 01000 01000",
    "8": "01110 10001 10001 01110 10001 10001 01110",
    "9": "01110 10001 10001 01111 00001 00010 01100",
    ":": "00000 00100 00100 00000 00100 00100 00000",
    ".": "00000 00000 00000 00000 00000 01100 01100",
    "-": "00000 00000 00000 11111 00000 00000 00000",
    "U": "10001 10001 10001 10001 10001 10001 01110",
    "T": "11111 00100 00100 00100 00100 00100 00100",
    "C": "01110 10001 10000 10000 10000 10001 01110",
    " ": "00000 00000 00000 00000 00000 00000 00000",
}
_INK, _PAPER = 235, 16  # limited range white and black (ITU-T H.273)
_CLOCK_SCALE, _DATE_SCALE = 6, 3
_CLOCK_TOP, _DATE_TOP = 200, 260
_BLOCK = 48
_BLOCK_TOP = 96
_TRAVEL_S = 4  # there and back
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BARS = ((180, 128, 128), (162, 44, 142), (131, 156, 44), (112, 72, 58), (84, 184, 198), (65, 100, 212), (35, 212, 114))


def _glyphs(scale: int) -> dict[str, Plane]:
    found = {}
    for letter, rows in _LETTERS.items():
        points = np.array([[int(point) for point in row + "0"] for row in rows.split()], np.uint8)
        found[letter] = np.kron(points, np.ones((scale, scale), np.uint8)) * np.uint8(_INK - _PAPER) + np.uint8(_PAPER)
    return found


class Picture:
    """Draws one frame after the other into the same luma plane; the chroma planes stand still."""

    def __init__(self) -> None:
        self._clock = _glyphs(_CLOCK_SCALE)
        self._date = _glyphs(_DATE_SCALE)
        self._dated = ""
        self._luma = np.full((HEIGHT, WIDTH), _PAPER, np.uint8)
        self.blue = np.full((HEIGHT // 2, WIDTH // 2), 128, np.uint8)
        self.red = np.full((HEIGHT // 2, WIDTH // 2), 128, np.uint8)
        for index, (luma, blue, red) in enumerate(_BARS):  # 75 % colour bars, ITU-R BT.471 order
            left, right = (2 * round(index * WIDTH / 14), 2 * round((index + 1) * WIDTH / 14))
            self._luma[: _BLOCK_TOP - 16, left:right] = luma
            self.blue[: _BLOCK_TOP // 2 - 8, left // 2 : right // 2] = blue
            self.red[: _BLOCK_TOP // 2 - 8, left // 2 : right // 2] = red

    def luma(self, k: int) -> Plane:
        """The luma plane of frame `k`, shape (HEIGHT, WIDTH); the same array each time."""
        moment = _EPOCH + timedelta(milliseconds=k * 1000 // RATE)
        self._write(self._clock, _CLOCK_TOP, f"{moment:%H:%M:%S}.{moment.microsecond // 10_000:02d}")
        if (date := f"{moment:%Y-%m-%d} UTC") != self._dated:
            self._write(self._date, _DATE_TOP, date)
            self._dated = date
        way = abs(k % (_TRAVEL_S * RATE) * 2 / (_TRAVEL_S * RATE) - 1)  # 1 .. 0 .. 1
        left = round((1 - way) * (WIDTH - _BLOCK))
        self._luma[_BLOCK_TOP : _BLOCK_TOP + _BLOCK] = _PAPER
        self._luma[_BLOCK_TOP : _BLOCK_TOP + _BLOCK, left : left + _BLOCK] = _INK if k % RATE < 3 else 128
        return self._luma

    def _write(self, glyphs: dict[str, Plane], top: int, text: str) -> None:
        drawn = np.concatenate([glyphs[letter] for letter in text], axis=1)
        left = (WIDTH - drawn.shape[1]) // 2
        self._luma[top : top + drawn.shape[0], left : left + drawn.shape[1]] = drawn


def halved(plane: Plane) -> Plane:
    """Every second point of every second row."""
    return np.ascontiguousarray(plane[::2, ::2])
