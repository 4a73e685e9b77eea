"""Pictures and sheets of pictures: cells put together, and encoded as JPEG or WebP."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.reformatter import ColorRange, Colorspace, Interpolation

from base.pictures import MOST_CELLS, MOST_SIDE, PictureOrder
from base.problems import Problem
from ingest.pictures.light import Rgb
from ingest.pictures.still import EXACT, decode

_JPEG_QUALITY = 4  # the quantiser: 2 best, 31 worst; about the 85 of other programs
_WEBP_QUALITY = 78


def check(order: PictureOrder, stills: int) -> None:
    """Raises Problem malformed if the order cannot be: before anything is decoded."""
    sides = order.width * order.columns, order.height * order.rows
    if not (min(order.width, order.height, order.columns, order.rows) > 0 and max(sides) <= MOST_SIDE):
        raise Problem("malformed", f"a picture has 1 to {MOST_SIDE} pixels a side")
    if order.format not in ("jpg", "webp"):
        raise Problem("malformed", "format must be jpg or webp")
    if not 0 < len(order.cells) <= min(order.columns * order.rows, MOST_CELLS):
        raise Problem("malformed", "there are more cells than places, or none")
    if not all(-1 <= still < stills for still in order.cells):
        raise Problem("malformed", "a cell shows a still that did not come")


def draw(order: PictureOrder, stills: Sequence[bytes | memoryview]) -> tuple[bytes, int]:
    """The picture, and how many stills were decoded. Raises Problem malformed or unplayable.

    A cell whose still is damaged stays black, unless all are.
    """
    check(order, len(stills))
    sheet = np.zeros((order.height * order.rows, order.width * order.columns, 3), np.uint8)
    fault: Problem | None = None
    decoded = 0
    for number, still in enumerate(stills):
        places = [place for place, shown in enumerate(order.cells) if shown == number]
        try:
            picture = decode(still, order.width, order.height)
        except Problem as problem:
            fault = problem
            continue
        decoded += 1
        for place in places:
            row, column = divmod(place, order.columns)
            top, left = row * order.height, column * order.width
            sheet[top : top + order.height, left : left + order.width] = picture
    if fault is not None and not decoded:
        raise fault
    return encode(sheet, order.format), decoded


def encode(pixels: Rgb, kind: str) -> bytes:
    """sRGB of shape (height, width, 3) as jpg (JFIF: BT.601 of full range) or webp (BT.601 of limited range)."""
    jpeg = kind == "jpg"
    context = av.CodecContext.create("mjpeg" if jpeg else "libwebp", "w")
    assert isinstance(context, VideoCodecContext)
    frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(
        format="yuvj420p" if jpeg else "yuv420p",
        src_color_range=ColorRange.JPEG,
        dst_colorspace=Colorspace.ITU601,
        dst_color_range=ColorRange.JPEG if jpeg else ColorRange.MPEG,
        interpolation=Interpolation.BICUBIC | EXACT,
        threads=1,
    )
    frame.pts, frame.time_base = 0, Fraction(1, 25)
    context.width, context.height, context.pix_fmt = frame.width, frame.height, frame.format.name
    context.time_base = Fraction(1, 25)
    context.thread_count = 1
    if jpeg:
        context.qmin = context.qmax = _JPEG_QUALITY
        context.color_range = ColorRange.JPEG
    else:
        context.options = {"quality": str(_WEBP_QUALITY)}
    return b"".join(bytes(packet) for packet in [*context.encode(frame), *context.encode(None)])
