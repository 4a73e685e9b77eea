"""Short films of every shape, generated: what a film may vary in is a table, a clip is one value of each.

Encoded by the FFmpeg that PyAV brings, so no encoder is missing anywhere. 160x90, some three seconds: a clip takes a
fifth of a second. What no muxer writes on demand (edit lists of a given shape, keyframes that nobody marked) is put
into `moov` afterwards.
"""

from __future__ import annotations

import io
import itertools
import logging
import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

WIDTH, HEIGHT = 160, 90
SECONDS = Fraction(16, 5)
GROUP_S = Fraction(4, 5)
HIDDEN = 5  # pictures that a media time hides

AXES: dict[str, tuple[str, ...]] = {
    "codec": ("h264", "hevc", "av1"),
    "reordering": ("none", "two", "pyramid"),
    "edit": ("none", "media-time", "empty"),
    "groups": ("fixed", "irregular", "open", "single", "unmarked-ends"),
    "rate": ("24000/1001", "25", "30000/1001", "50", "60"),
    "hertz": ("44100", "48000"),
    "channels": ("1", "2", "6"),
    "sound": ("aac", "ac3", "eac3", "libopus", "flac", "libmp3lame"),
}


@dataclass(frozen=True, slots=True)
class Clip:
    """One value of each axis, in the order of AXES."""

    codec: str
    reordering: str
    edit: str
    groups: str
    rate: str
    hertz: str
    channels: str
    sound: str

    @property
    def name(self) -> str:
        return "-".join(astuple(self)).replace("/", "_").replace("lib", "")

    @property
    def pictures(self) -> int:
        return int(SECONDS * Fraction(self.rate))

    @property
    def group(self) -> int:
        """Pictures a group, where groups are alike."""
        return int(GROUP_S * Fraction(self.rate))


def possible(some: Mapping[str, str]) -> bool:
    """May these values of some axes be together? What a codec does not have, no encoder makes."""
    sound, hertz, channels = some.get("sound"), some.get("hertz"), some.get("channels")
    if sound == "libopus" and hertz == "44100":  # RFC 6716 2: Opus has 48 kHz and what divides it
        return False
    if sound == "libmp3lame" and channels == "6":
        return False
    if some.get("groups") == "open":  # leading pictures come from reordering; in H.264 they are no sync samples
        return some.get("codec") in (None, "hevc") and some.get("reordering") != "none"
    return True


def covering(strength: int = 2, axes: Mapping[str, Sequence[str]] = AXES) -> list[dict[str, str]]:
    """Rows in which each possible combination of values of any `strength` axes occurs at least once.

    Greedy: each row is begun with a combination that is missing, and filled with the values that bring most others.
    """
    names = list(axes)
    missing: dict[tuple[tuple[str, str], ...], None] = {}
    for chosen in itertools.combinations(names, strength):
        for values in itertools.product(*(axes[name] for name in chosen)):
            if _completes(dict(zip(chosen, values, strict=True)), axes):
                missing[tuple(zip(chosen, values, strict=True))] = None
    found = []
    while missing:
        row = dict(next(iter(missing)))
        for name in names:
            if name not in row:
                fitting = [value for value in axes[name] if _completes(row | {name: value}, axes)]
                row[name] = max(fitting, key=lambda value: _brings(row, name, value, missing, strength))
        row = {name: row[name] for name in names}
        for chosen in itertools.combinations(names, strength):
            missing.pop(tuple((name, row[name]) for name in chosen), None)
        found.append(row)
    return found


def _brings(
    row: Mapping[str, str], name: str, value: str, missing: Mapping[tuple[tuple[str, str], ...], None], strength: int
) -> int:
    order = list(AXES)
    known = {**row, name: value}
    others = [other for other in row if other != name]
    return sum(
        tuple((n, known[n]) for n in sorted((*chosen, name), key=order.index)) in missing
        for chosen in itertools.combinations(others, strength - 1)
    )


def _completes(some: Mapping[str, str], axes: Mapping[str, Sequence[str]]) -> bool:
    """Is there a clip with these values? The axes that are free have a value for each other one."""
    free = [name for name in ("codec", "reordering", "groups", "hertz", "channels", "sound") if name not in some]
    if not possible(some):
        return False
    return not free or any(_completes({**some, free[0]: value}, axes) for value in axes[free[0]])


class Clips:
    """Makes each clip once, into one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, clip: Clip) -> Path:
        path = self._folder / f"{clip.name}.mp4"
        if not path.exists():
            path.write_bytes(film(clip))
        return path


def film(clip: Clip) -> bytes:
    """The octets of a progressive MP4, moov last."""
    logging.getLogger("libav").setLevel(logging.CRITICAL)
    os.environ.setdefault("SVT_LOG", "0")
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as muxer:
        rate = Fraction(clip.rate)
        video: Any = muxer.add_stream(_CODEC[clip.codec], rate=rate, options=_video_options(clip))
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        video.codec_context.thread_count = 1
        if clip.codec == "hevc":
            video.codec_context.codec_tag = "hvc1"
        audio: Any = muxer.add_stream(clip.sound, rate=int(clip.hertz), layout=_LAYOUT[clip.channels])
        audio.bit_rate = 64_000 * int(clip.channels)
        packets = [(video, _pictures(clip, rate)), (audio, _tones(clip, str(audio.format.name)))]
        for stream, frames in packets:
            for frame in frames:
                muxer.mux(stream.encode(frame))
            muxer.mux(stream.encode(None))
    return _reworked(out.getvalue(), clip)


_CODEC = {"h264": "libx264", "hevc": "libx265", "av1": "libsvtav1"}
_REORDERED = {
    "none": ":bframes=0",
    "two": ":bframes=2:b-pyramid=0",
    "pyramid": ":bframes=5:b-pyramid=1:rc-lookahead=12",
}
_LAYOUT = {"1": "mono", "2": "stereo", "6": "5.1"}


def _video_options(clip: Clip) -> dict[str, str]:
    every = 9999 if clip.groups in ("irregular", "single") else clip.group
    if clip.codec == "av1":  # reordering is within a temporal unit: hidden pictures, shown later
        levels = {"none": "pred-struct=1", "two": "hierarchical-levels=2", "pyramid": "hierarchical-levels=4"}
        said = f"lp=1:force-key-frames=1:{levels[clip.reordering]}"
        return {"preset": "13", "crf": "50", "g": str(every), "svtav1-params": said}
    said = f"keyint={every}:min-keyint={every}:scenecut=0:b-adapt=0"
    said += _REORDERED[clip.reordering]
    if clip.codec == "h264":
        said = said.replace("b-pyramid=1", "b-pyramid=normal").replace("b-pyramid=0", "b-pyramid=none")
        return {"preset": "ultrafast", "crf": "35", "forced-idr": "1", "x264-params": said}
    said += f":open-gop={int(clip.groups == 'open')}:log-level=none:pools=none:frame-threads=1"
    return {"preset": "ultrafast", "crf": "35", "forced-idr": "1", "x265-params": said}


def _pictures(clip: Clip, rate: Fraction) -> Iterator[av.VideoFrame]:
    """No two alike: a gradient that moves, and the number as a row of blocks."""
    down, across = np.mgrid[0 : HEIGHT * 3 // 2, 0:WIDTH]
    forced = {0, clip.group // 3, clip.group * 2, clip.group * 2 + 1} if clip.groups == "irregular" else set()
    for number in range(clip.pictures):
        octets = ((across * 2 + down * 3 + number * 5) % 200).astype(np.uint8)
        bits = [number >> at & 1 for at in range(10)]
        octets[40:48, :WIDTH] = np.repeat(np.array(bits, np.uint8) * 235, WIDTH // 10)
        frame = av.VideoFrame.from_ndarray(octets, format="yuv420p")
        frame.pts, frame.time_base = number, 1 / rate
        if number in forced:
            frame.pict_type = av.video.frame.PictureType.I
        yield frame


def _tones(clip: Clip, form: str) -> Iterator[av.AudioFrame]:
    """A tone that rises, so that no two frames are alike; another one in each channel."""
    hertz, channels = int(clip.hertz), int(clip.channels)
    count = int(SECONDS * hertz)
    at = np.arange(count) / hertz
    waves = np.stack([np.sin(2 * np.pi * (220 * (1 + n) * at + 40 * at * at)) for n in range(channels)]) * 0.3
    resampler = av.AudioResampler(format=form, layout=_LAYOUT[clip.channels], rate=hertz)
    frame = av.AudioFrame.from_ndarray(waves.astype(np.float32), format="fltp", layout=_LAYOUT[clip.channels])
    frame.sample_rate, frame.pts, frame.time_base = hertz, 0, Fraction(1, hertz)
    yield from resampler.resample(frame)


# What is put into moov (ISO/IEC 14496-12 8.6.2, 8.6.6).

_HOLDS = (b"moov", b"trak", b"mdia", b"minf", b"stbl")


def _reworked(data: bytes, clip: Clip) -> bytes:
    at = data.rindex(b"moov") - 4
    assert data.find(b"mdat") < at, "moov comes last, so nothing that it speaks of moves"
    return data[:at] + _boxes(data[at:], clip, b"")


def _boxes(data: bytes, clip: Clip, within: bytes) -> bytes:
    made = b""
    handler = b"vide" if b"vmhd" in data else b"soun"
    while data:
        size, kind = struct.unpack_from(">I4s", data)
        body, data = data[8:size], data[size:]
        if kind == b"edts":
            continue
        if kind in _HOLDS:
            body = _boxes(body, clip, kind)
        if kind == b"stss" and clip.groups == "unmarked-ends":
            count = struct.unpack_from(">I", body, 4)[0]
            body = body[:4] + struct.pack(">I", count - 2) + body[12:-4]
        made += struct.pack(">I4s", 8 + len(body), kind) + body
        if kind == b"tkhd" and within == b"trak" and clip.edit != "none":
            made += _edts(clip, handler, *_opening(data))
    return made


def _opening(boxes: bytes) -> tuple[int, int]:
    """The least composition time of a track's first samples, and how long each of these is."""
    (step,) = struct.unpack_from(">I", boxes, boxes.index(b"stts") + 16)
    ctts = boxes.find(b"ctts")
    if ctts < 0:
        return 0, step
    (count,) = struct.unpack_from(">I", boxes, ctts + 8)
    rows = struct.iter_unpack(">Ii", boxes[ctts + 12 : ctts + 12 + 8 * min(count, 16)])
    offsets = itertools.chain.from_iterable([offset] * samples for samples, offset in rows)
    return min(number * step + offset for number, offset in enumerate(offsets)), step


def _edts(clip: Clip, handler: bytes, first: int, step: int) -> bytes:
    """One edit list in movie time (thousandths of a second) and media time (ticks of the track)."""
    lasts = int(SECONDS * 1000) + 1000  # to the end
    if clip.edit == "empty":  # the picture comes a quarter of a second after the sound, from its first sample on
        edits = [(250, -1), (lasts, first)] if handler == b"vide" else [(lasts, 1024)]
    else:  # begin within the first group, and within a frame of sound
        edits = [(lasts, first + HIDDEN * step if handler == b"vide" else 1500)]
    rows = b"".join(struct.pack(">IiHH", duration, start, 1, 0) for duration, start in edits)
    elst = struct.pack(">I4sII", 16 + len(rows), b"elst", 0, len(edits)) + rows
    return struct.pack(">I4s", 8 + len(elst), b"edts") + elst
