"""Peaks of sound: decoded, mixed to one channel, and the least and greatest value of each stretch of samples."""

from __future__ import annotations

import io

import av
import numpy as np
import numpy.typing as npt

from base.pictures import WaveformOrder
from base.problems import Problem
from packager.waveform import as_dat

_MOST_SAMPLES = 1 << 24  # 5 minutes at 48 kHz


def peaks(order: WaveformOrder, film: bytes | memoryview) -> bytes:
    """Waveform data, binary. Raises Problem malformed or unplayable. Where there is no sound, there is silence."""
    if not (order.per_pixel > 0 and order.pixels > 0 and order.per_pixel * order.pixels <= _MOST_SAMPLES):
        raise Problem("malformed", f"a piece has 1 to {_MOST_SAMPLES} samples")
    if not 8_000 <= order.rate <= 384_000:
        raise Problem("malformed", "rate must be 8000 to 384000")
    sound = np.zeros(order.per_pixel * order.pixels, np.float32)
    try:
        _decode(order, film, sound)
    except (av.FFmpegError, IndexError, ValueError, MemoryError) as fault:
        raise Problem("unplayable", f"the sound cannot be decoded: {fault}") from fault
    values = np.clip(np.floor(sound * 128), -128, 127).astype(np.int8).reshape(order.pixels, order.per_pixel)
    return as_dat(values.min(axis=1), values.max(axis=1), rate=order.rate, per_pixel=order.per_pixel)


def _decode(order: WaveformOrder, film: bytes | memoryview, sound: npt.NDArray[np.float32]) -> None:
    with av.open(io.BytesIO(film), "r", format="mp4", metadata_errors="ignore") as container:
        stream = container.streams.audio[0]
        stream.codec_context.thread_count = 1
        sampler = av.AudioResampler(format="fltp", rate=order.rate)
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except av.InvalidDataError:
                continue  # a damaged frame is silence
            for frame in frames:
                if frame.pts is None or frame.time_base is None:
                    continue
                assert stream.time_base is not None
                behind = frame.pts * frame.time_base - order.start * stream.time_base
                frame.pts = None
                # the mean of the channels, as audiowaveform has it: a mixer would weigh them
                mixed = [part.to_ndarray().mean(axis=0) for part in sampler.resample(frame)]
                _place(sound, np.concatenate(mixed) if mixed else np.zeros(0, np.float32), round(behind * order.rate))


def _place(sound: npt.NDArray[np.float32], heard: npt.NDArray[np.float32], at: int) -> None:
    """Put what was heard at its place; what lies outside of it is left out."""
    begin, end = max(at, 0), min(at + len(heard), len(sound))
    if begin < end:
        sound[begin:end] = heard[begin - at : end - at]
