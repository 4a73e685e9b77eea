"""One keyframe as an array of pixels, at the size that is wanted."""

from __future__ import annotations

import io

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation

from base.pictures import MOST_SIDE
from base.problems import Problem
from ingest.pictures.light import HLG, PQ, Rgb, to_sdr

# H.273 table 4: matrix coefficients as the scaler calls them; 2 is "unspecified".
_MATRIX = {1: Colorspace.ITU709, 4: Colorspace.FCC, 5: Colorspace.ITU601, 6: Colorspace.ITU601, 7: Colorspace.SMPTE240M,
           9: Colorspace.BT2020, 10: Colorspace.BT2020}  # fmt: skip
_FULL_RANGE = 2
# The scaler rounds down unless it is told not to: all colours would be two steps too dark.
EXACT = Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
# No viewer sees more, and a picture that claims more is an attack on memory.
_MOST_PIXELS = MOST_SIDE * 4352


def decode(film: bytes | memoryview, width: int, height: int) -> Rgb:
    """The first picture of a film, scaled to (height, width, 3), sRGB. Raises Problem unplayable."""
    try:
        with av.open(io.BytesIO(film), "r", format="mp4", metadata_errors="ignore") as container:
            stream = container.streams.video[0]
            context = stream.codec_context
            context.thread_count = 1  # the process has as many threads as it may use
            context.options = {"max_pixels": str(_MOST_PIXELS)}
            for frame in container.decode(stream):
                return _scaled(frame, width, height)
    except (av.FFmpegError, IndexError, ValueError, MemoryError) as fault:
        raise Problem("unplayable", f"the picture cannot be decoded: {fault}") from fault
    raise Problem("unplayable", "the picture cannot be decoded: it gave none")


def _scaled(frame: av.VideoFrame, width: int, height: int) -> Rgb:
    if frame.width * frame.height > _MOST_PIXELS:
        raise Problem("unplayable", f"a picture of {frame.width}x{frame.height} is too large")
    bright = frame.color_trc in (PQ, HLG)
    # what does not say its matrix is taken for HD from 720 lines on (ITU-R BT.709), else for SD
    usual = Colorspace.ITU709 if frame.height >= 720 else Colorspace.ITU601
    shrinks = width * 2 <= frame.width
    scaled = frame.reformat(
        width,
        height,
        "rgb48le" if bright else "rgb24",
        src_colorspace=_MATRIX.get(int(frame.colorspace), usual),
        src_color_range=ColorRange.JPEG if int(frame.color_range) == _FULL_RANGE else ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
        interpolation=(Interpolation.AREA if shrinks else Interpolation.BICUBIC) | EXACT,
        threads=1,
    )
    pixels = scaled.to_ndarray()
    return to_sdr(pixels.astype(np.uint16), frame.color_trc) if bright else np.asarray(pixels, np.uint8)
