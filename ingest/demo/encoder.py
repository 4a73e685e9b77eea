"""The demo's encoders: two pictures and a tone, cut to the wall clock.

Frame k is shown at k / RATE seconds since 1970 and audio sample n is heard at n / 48000 s, so that any two demo
encoders make the same timeline. Keyframes are forced where the grid's cell changes; there are no B-frames, so
dts = pts.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType

from base.media import Format, Sample
from ingest.annexb import access_unit, avcc
from ingest.demo.picture import HEIGHT, RATE, WIDTH, Picture, Plane, halved
from ingest.intake import Stamped
from packager.entries import aac_format, avc_format

VIDEO_SCALE = 90_000
SAMPLE_RATE = 48_000
_AAC_FRAME = 1024
_TICKS = VIDEO_SCALE // RATE
# By track: width, height, bits a second.
RENDITIONS = {"v1": (WIDTH, HEIGHT, 600_000), "v2": (WIDTH // 2, HEIGHT // 2, 200_000)}
# zerolatency: no look-ahead and no B-frames. Keyframes come from us alone.
_X264 = {
    "preset": "ultrafast",
    "tune": "zerolatency",
    "forced-idr": "1",
    "x264-params": "keyint=infinite:scenecut=0:open-gop=0:sliced-threads=0:threads=1",
}


class DemoEncoder:
    """`formats` by track; `frame(k)` encodes what belongs to frame k. Not to be used by two threads at once."""

    def __init__(self, grid_ms: int) -> None:
        self._grid_ms = grid_ms
        self._picture = Picture()
        self._video = {track: _x264(*size) for track, size in RENDITIONS.items()}
        self._chroma = {
            "v1": (self._picture.blue.tobytes(), self._picture.red.tobytes()),
            "v2": (halved(self._picture.blue).tobytes(), halved(self._picture.red).tobytes()),
        }
        self._audio = _aac()
        self._tone = _blip()
        self._next_audio: int | None = None  # the sample at which the next audio frame begins
        self.formats: dict[str, Format] = {
            track: avc_format(avcc(context.extradata or b""), VIDEO_SCALE) for track, context in self._video.items()
        }
        self.formats["a1"] = aac_format(self._audio.extradata or b"")

    def is_cell_start(self, k: int) -> bool:
        """True if frame k is the first of a grid cell: a keyframe."""
        return _cell(k, self._grid_ms) != _cell(k - 1, self._grid_ms)

    def frame(self, k: int) -> list[Stamped]:
        """All samples that frame k and the sound up to its end give."""
        luma = self._picture.luma(k)
        out = list(self._encode("v1", luma, k))
        out += self._encode("v2", halved(luma), k)
        out += self._sound(k)
        return out

    def _encode(self, track: str, luma: Plane, k: int) -> Iterator[Stamped]:
        width, height, _ = RENDITIONS[track]
        frame = av.VideoFrame(width, height, "yuv420p")
        for plane, data in zip(frame.planes, (luma.tobytes(), *self._chroma[track]), strict=True):
            assert plane.line_size * plane.height == len(data)
            plane.update(data)
        frame.pts = k
        frame.time_base = Fraction(1, RATE)
        frame.pict_type = PictureType.I if self.is_cell_start(k) else PictureType.NONE
        for packet in self._video[track].encode(frame):
            assert packet.pts is not None
            yield Stamped(
                track,
                Sample(dts=packet.pts * _TICKS, sync=packet.is_keyframe, data=access_unit(bytes(packet))),
            )

    def _sound(self, k: int) -> Iterator[Stamped]:
        end = (k + 1) * SAMPLE_RATE // RATE
        if self._next_audio is None:
            self._next_audio = k * SAMPLE_RATE // RATE // _AAC_FRAME * _AAC_FRAME
        while self._next_audio + _AAC_FRAME <= end:
            at = np.arange(self._next_audio, self._next_audio + _AAC_FRAME) % SAMPLE_RATE
            frame = av.AudioFrame.from_ndarray(self._tone[at][np.newaxis], format="fltp", layout="mono")
            frame.sample_rate = SAMPLE_RATE
            frame.pts = self._next_audio
            frame.time_base = Fraction(1, SAMPLE_RATE)
            self._next_audio += _AAC_FRAME
            for packet in self._audio.encode(frame):
                assert packet.pts is not None
                yield Stamped("a1", Sample(dts=packet.pts, data=bytes(packet)))


def _cell(k: int, grid_ms: int) -> int:
    return k * 1000 // (RATE * grid_ms)


def _x264(width: int, height: int, rate: int) -> VideoCodecContext:
    context = av.CodecContext.create("libx264", "w")
    assert isinstance(context, VideoCodecContext)
    context.width, context.height, context.pix_fmt = width, height, "yuv420p"
    context.time_base, context.framerate = Fraction(1, RATE), Fraction(RATE)
    context.bit_rate = rate
    context.thread_count = 1
    context.flags |= int(av.codec.context.Flags.global_header)
    context.options = dict(_X264)
    context.open()
    return context


def _aac() -> AudioCodecContext:
    context = av.CodecContext.create("aac", "w")
    assert isinstance(context, AudioCodecContext)
    context.sample_rate, context.layout, context.format = SAMPLE_RATE, "mono", "fltp"
    context.bit_rate = 64_000
    context.time_base = Fraction(1, SAMPLE_RATE)
    context.flags |= int(av.codec.context.Flags.global_header)
    context.open()
    return context


def _blip() -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """One second: 100 ms of 1 kHz at its start, faded in and out, then silence."""
    tone = np.zeros(SAMPLE_RATE, np.float32)
    n = np.arange(SAMPLE_RATE // 10)
    fade = np.minimum(1, np.minimum(n, n[::-1]) / 480)
    tone[: len(n)] = 0.25 * fade * np.sin(2 * np.pi * 1000 * n / SAMPLE_RATE)
    return tone
