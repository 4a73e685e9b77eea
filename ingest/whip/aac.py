"""AAC beside the Opus of a publisher, for players that cannot play Opus: decoded and coded anew, on the same clock.

Calls take processor time: they are made on a thread of the session's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import av
from av.audio.codeccontext import AudioCodecContext

from base.media import Format
from ingest.media import Frame
from ingest.whip.opus import RATE
from packager.entries import aac_format

_BITRATE = 128_000


class AacCopy:
    """Opus frames in, AAC frames of `track` out; `format` is known from the beginning."""

    def __init__(self, track: str) -> None:
        self._track = track
        self._next: int | None = None
        self._newest = -(1 << 62)
        self._decoder, self._encoder = _decoder(), _encoder()
        self.format: Format = aac_format(bytes(self._encoder.extradata or b""))

    def take(self, frames: Sequence[Frame]) -> list[Frame]:
        """`frames` in order, at 48 kHz. What comes out lags behind by what the encoder looks ahead.

        The encoder's priming is in its packets' times: they begin 1024 samples before the sound that went in, and a
        decoder's output is where the sound was.
        """
        out: list[Frame] = []
        for frame in frames:
            try:
                sounds = self._decoder.decode(av.Packet(frame.data))
            except av.FFmpegError:
                continue  # what is missing in the copy is a gap, as it is for whoever decodes the Opus
            for sound in sounds:
                if self._next != frame.dts:  # a gap: sound from before and after it must not be joined in one frame
                    self._decoder, self._encoder = _decoder(), _encoder()
                self._next = frame.dts + sound.samples
                sound.pts, sound.time_base = frame.dts, Fraction(1, RATE)
                out += self._packets(sound)
        return out

    def _packets(self, sound: av.AudioFrame) -> list[Frame]:
        out = []
        for packet in self._encoder.encode(sound):
            if packet.pts is None or packet.pts <= self._newest:
                continue  # priming behind a gap that is shorter than it
            self._newest = packet.pts
            out.append(Frame(track=self._track, dts=packet.pts, timescale=RATE, data=bytes(packet)))
        return out


def _decoder() -> AudioCodecContext:
    made = av.CodecContext.create("libopus", "r")
    made.sample_rate, made.layout = RATE, "stereo"
    made.open()
    return made


def _encoder() -> AudioCodecContext:
    made = av.CodecContext.create("aac", "w")
    made.sample_rate, made.layout, made.format = RATE, "stereo", "fltp"
    made.bit_rate, made.time_base = _BITRATE, Fraction(1, RATE)
    made.open()
    return made
