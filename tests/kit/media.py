"""Synthetic films for tests, made by the installed FFmpeg: a table of recipes, each made once per session.

Small on purpose (320x180, a few seconds): what matters is the shape of the tables in `moov`, not the picture.
"""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.kit.optional import lacks, program

_PICTURE = ("-f", "lavfi", "-i", "testsrc2=size=320x180:rate={rate}:duration={seconds}")
_TONE = ("-f", "lavfi", "-i", "sine=frequency={hertz}:sample_rate=48000:duration={seconds}")
_H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
_H265 = (
    "-c:v",
    "libx265",
    "-preset",
    "ultrafast",
    "-x265-params",
    "log-level=error:keyint=50:min-keyint=50:open-gop=0",
)
_AAC = ("-c:a", "aac", "-b:a", "64k", "-ac", "2")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One film. `tones`: one audio track each, in Hz. `encoders`: what the local FFmpeg must be able to do."""

    what: str
    options: tuple[str, ...]
    seconds: float = 8
    rate: str = "25"
    tones: tuple[int, ...] = (440,)
    encoders: tuple[str, ...] = ("libx264", "aac")
    after: Callable[[bytes], bytes] | None = None


def stco_to_co64(film: bytes) -> bytes:
    """Rewrite every `stco` as `co64` (ISO/IEC 14496-12 8.7.5), which long films have. `moov` must come last."""
    at = film.rindex(b"moov") - 4
    assert film.find(b"mdat") < at, "moov comes first: its growth would move the samples"
    return film[:at] + _with_co64(film[at:])


def _with_co64(boxes: bytes) -> bytes:
    made = b""
    while boxes:
        size, kind = struct.unpack_from(">I4s", boxes)
        body, boxes = boxes[8:size], boxes[size:]
        if kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl"):
            body = _with_co64(body)
        elif kind == b"stco":
            count = struct.unpack_from(">I", body, 4)[0]
            offsets = struct.unpack_from(f">{count}I", body, 8)
            kind, body = b"co64", body[:8] + struct.pack(f">{count}Q", *offsets)
        made += struct.pack(">I4s", 8 + len(body), kind) + body
    return made


_GOP_2S = ("-g", "50", "-keyint_min", "50", "-sc_threshold", "0")
RECIPES: dict[str, Recipe] = {
    "plain": Recipe(
        what="H.264 without B-frames, 2 s GOPs, AAC, moov first",
        options=(*_H264, *_GOP_2S, "-bf", "0", *_AAC, "-movflags", "+faststart"),
    ),
    "bframes": Recipe(
        what="H.264 with B-frames and the edit list that they bring, moov last",
        options=(*_H264, *_GOP_2S, "-bf", "3", *_AAC),
    ),
    "feature": Recipe(
        what="20 s with B-frames: long enough to be watched",
        options=(*_H264, *_GOP_2S, "-bf", "2", *_AAC),
        seconds=20,
    ),
    "flashes": Recipe(
        what="black, and white for a fifth of a second from 2, 5, 8 and 11 s on; B-frames and the lead that they bring",
        options=(
            "-vf",
            "drawbox=t=fill:c=black,drawbox=t=fill:c=white:enable='gte(mod(t,3),1.999)*lt(mod(t,3),2.199)'",
            *_H264,
            *_GOP_2S,
            "-bf",
            "3",
            *_AAC,
        ),
        seconds=13,
    ),
    "ntsc": Recipe(
        what="30000/1001 frames a second: durations that are no whole milliseconds",
        options=(*_H264, "-g", "60", "-keyint_min", "60", "-sc_threshold", "0", "-bf", "2", *_AAC),
        rate="30000/1001",
    ),
    "irregular": Recipe(
        what="keyframes at 0, 0.4, 5.2, 5.6, 9.0 s only",
        options=(*_H264, "-g", "999", "-sc_threshold", "0", "-bf", "2", "-force_key_frames", "0.4,5.2,5.6,9.0", *_AAC),
        seconds=12,
    ),
    "single-gop": Recipe(
        what="one keyframe in the whole film",
        options=(*_H264, "-g", "999", "-keyint_min", "999", "-sc_threshold", "0", "-bf", "0", *_AAC),
    ),
    "edit-list": Recipe(
        what="a start within the first GOP, kept as an edit list with a media time of more than a second",
        options=(*_H264, *_GOP_2S, "-bf", "2", *_AAC),
    ),
    "co64": Recipe(
        what="64-bit sample offsets, moov last",
        options=(*_H264, *_GOP_2S, "-bf", "0", *_AAC),
        after=stco_to_co64,
    ),
    "two-languages": Recipe(
        what="two audio tracks, English and German",
        options=(*_H264, *_GOP_2S, *_AAC, "-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=deu"),
        tones=(440, 880),
    ),
    "silent": Recipe(what="no audio track", options=(*_H264, *_GOP_2S), tones=()),
    "fragmented": Recipe(
        what="moof and mdat per GOP instead of one sample table",
        options=(*_H264, *_GOP_2S, *_AAC, "-movflags", "+frag_keyframe+empty_moov+default_base_moof"),
    ),
    "hevc-ac3": Recipe(
        what="HEVC (hvc1) and AC-3",
        options=(*_H265, "-pix_fmt", "yuv420p", "-tag:v", "hvc1", "-c:a", "ac3", "-b:a", "96k"),
        seconds=4,
        encoders=("libx265", "ac3"),
    ),
    "h264-ac3": Recipe(
        what="H.264 and AC-3",
        options=(*_H264, *_GOP_2S, "-bf", "2", "-c:a", "ac3", "-b:a", "96k"),
        seconds=4,
        encoders=("libx264", "ac3"),
    ),
    "h264-eac3": Recipe(
        what="H.264 and Enhanced AC-3",
        options=(*_H264, *_GOP_2S, "-bf", "2", "-c:a", "eac3", "-b:a", "96k"),
        seconds=4,
        encoders=("libx264", "eac3"),
    ),
    "hevc-open-gop": Recipe(
        what="HEVC whose keyframes have leading pictures, which need the group before them",
        options=(*_H265[:-1], _H265[-1].replace("open-gop=0", "open-gop=1"), "-pix_fmt", "yuv420p", "-tag:v", "hvc1"),
        seconds=6,
        tones=(),
        encoders=("libx265",),
    ),
    "av1-opus": Recipe(
        what="AV1 and Opus",
        options=("-c:v", "libsvtav1", "-preset", "12", "-g", "50", "-pix_fmt", "yuv420p", "-c:a", "libopus"),
        seconds=4,
        encoders=("libsvtav1", "libopus"),
    ),
    "mpeg4-visual": Recipe(
        what="MPEG-4 part 2 video, which nothing of today plays",
        options=("-c:v", "mpeg4", "-g", "50", *_AAC),
        seconds=4,
        encoders=("mpeg4", "aac"),
    ),
    "mp3": Recipe(
        what="H.264 and MP3 in MP4",
        options=(*_H264, *_GOP_2S, "-c:a", "libmp3lame", "-b:a", "64k"),
        seconds=4,
        encoders=("libx264", "libmp3lame"),
    ),
}


class Films:
    """Makes each recipe once, into one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._encoders: str | None = None

    def __call__(self, name: str) -> Path:
        """The path of a film; skips the test if the local FFmpeg cannot make it."""
        path = self._folder / f"{name}.mp4"
        if path.exists():
            return path
        recipe = RECIPES[name]
        ffmpeg = program("ffmpeg")
        for encoder in recipe.encoders:
            if f" {encoder} " not in self._able(ffmpeg):
                lacks("local encoder", f"this FFmpeg has no {encoder}")
        unfinished = path.with_suffix(".unfinished.mp4")
        made = subprocess.run([*_command(ffmpeg, recipe), str(unfinished)], capture_output=True, text=True, check=False)
        assert made.returncode == 0, f"{name}: {made.stderr}"
        if name == "edit-list":
            self._cut_start(ffmpeg, unfinished)
        if recipe.after:
            unfinished.write_bytes(recipe.after(unfinished.read_bytes()))
        return unfinished.rename(path)

    def _able(self, ffmpeg: str) -> str:
        if self._encoders is None:
            command = [ffmpeg, "-hide_banner", "-encoders"]
            self._encoders = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return self._encoders

    @staticmethod
    def _cut_start(ffmpeg: str, film: Path) -> None:
        """Copy from 1.2 s on: FFmpeg keeps the whole GOP and hides its start behind an edit list."""
        cut = film.with_suffix(".cut.mp4")
        command = [ffmpeg, "-v", "error", "-ss", "1.2", "-i", str(film), "-c", "copy", str(cut)]
        subprocess.run(command, check=True)
        cut.rename(film)


def _command(ffmpeg: str, recipe: Recipe) -> list[str]:
    words = [ffmpeg, "-v", "error", "-y", "-nostdin"]
    words += [word.format(rate=recipe.rate, seconds=recipe.seconds) for word in _PICTURE]
    for hertz in recipe.tones:
        words += [word.format(hertz=hertz, seconds=recipe.seconds) for word in _TONE]
    for stream in range(1 + len(recipe.tones)):
        words += ["-map", str(stream)]
    return [*words, *recipe.options, "-map_metadata", "-1", "-threads", "2"]
