"""Films as they come from recorders and players: Matroska, MPEG-TS, Ogg, FLAC and so on, made by the installed FFmpeg.

`framemd5` is what two files have in common if a decoder gives the same pictures and the same sound of both.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.kit.optional import lacks, program

_PICTURE = ("-f", "lavfi", "-i", "testsrc2=size=320x180:rate={rate}:duration={seconds}")
_TONE = ("-f", "lavfi", "-i", "sine=frequency={hertz}:sample_rate={hz}:duration={seconds}")
_H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "48", "-sc_threshold", "0")
_H265 = ("-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-x265-params", "log-level=error:keyint=48")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """`file`: how it ends. `tones`: one audio track each. `needs`: encoders."""

    file: str
    options: tuple[str, ...]
    seconds: float = 5
    rate: str = "24000/1001"
    hz: int = 48000
    picture: bool = True
    tones: tuple[int, ...] = (440,)
    needs: tuple[str, ...] = ("libx264",)


SOURCES: dict[str, Source] = {
    "h264-aac": Source(file="mkv", options=(*_H264, "-bf", "2", "-c:a", "aac", "-metadata:s:a:0", "language=ger")),
    "h264-aac-ts": Source(file="ts", options=(*_H264, "-bf", "3", "-c:a", "aac"), rate="25"),
    "h264-mp3-flv": Source(
        file="flv", options=(*_H264, "-c:a", "libmp3lame"), hz=44100, needs=("libx264", "libmp3lame")
    ),
    "h264-ac3-ts": Source(file="ts", options=(*_H264, "-bf", "2", "-c:a", "ac3"), needs=("libx264", "ac3")),
    "wrap-ts": Source(
        file="ts", options=(*_H264, "-bf", "2", "-c:a", "aac", "-output_ts_offset", "95442"), rate="25"
    ),  # 2^33 ticks of 90 kHz are 95443.7 s
    "hevc-eac3-ts": Source(file="ts", options=(*_H265, "-c:a", "eac3"), needs=("libx265", "eac3")),
    "h264-opus-ts": Source(file="ts", options=(*_H264, "-bf", "3", "-c:a", "libopus"), needs=("libx264", "libopus")),
    "two-languages-ts": Source(
        file="ts",
        options=(*_H264, "-c:a", "aac", "-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=deu"),
        tones=(440, 880),
        hz=44100,
    ),
    "hevc-opus": Source(file="mkv", options=(*_H265, "-c:a", "libopus"), needs=("libx265", "libopus")),
    "av1-flac": Source(
        file="mkv",
        options=("-c:v", "libsvtav1", "-preset", "12", "-g", "48", "-pix_fmt", "yuv420p", "-c:a", "flac"),
        needs=("libsvtav1", "flac"),
    ),
    "two-languages": Source(
        file="mkv",
        options=(*_H264, "-c:a", "aac", "-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=deu"),
        tones=(440, 880),
    ),
    "mov": Source(file="mov", options=(*_H264, "-bf", "2", "-c:a", "aac")),
    "flac": Source(file="flac", options=("-c:a", "flac"), picture=False, hz=44100, needs=("flac",)),
    "opus": Source(file="ogg", options=("-c:a", "libopus"), picture=False, needs=("libopus",)),
    "adts": Source(file="aac", options=("-c:a", "aac"), picture=False, hz=44100, needs=("aac",)),
    "vp9": Source(
        file="webm", options=("-c:v", "libvpx-vp9", "-cpu-used", "8", "-c:a", "libopus"), seconds=1,
        needs=("libvpx-vp9", "libopus"),
    ),
    "mpeg2-ts": Source(file="ts", options=("-c:v", "mpeg2video", "-c:a", "mp2"), seconds=1, needs=("mpeg2video",)),
    "wav": Source(file="wav", options=("-c:a", "pcm_s16le"), picture=False, seconds=1, needs=("pcm_s16le",)),
    "dts-sound": Source(file="mkv", options=(*_H264, "-c:a", "mp2"), seconds=2),
}  # fmt: skip


class Sources:
    """Makes each once, into one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._encoders = ""

    def __call__(self, name: str) -> Path:
        """Skips the test if the local FFmpeg cannot make it."""
        source = SOURCES[name]
        path = self._folder / f"{name}.{source.file}"
        if path.exists():
            return path
        ffmpeg = program("ffmpeg")
        command = [ffmpeg, "-hide_banner", "-encoders"]
        self._encoders = self._encoders or subprocess.run(command, capture_output=True, text=True, check=True).stdout
        for encoder in source.needs:
            if f" {encoder} " not in self._encoders:
                lacks("local encoder", f"this FFmpeg has no {encoder}")
        words = [ffmpeg, "-v", "error", "-y", "-nostdin"]
        if source.picture:
            words += [word.format(rate=source.rate, seconds=source.seconds) for word in _PICTURE]
        for hertz in source.tones:
            words += [word.format(hertz=hertz, hz=source.hz, seconds=source.seconds) for word in _TONE]
        for stream in range(source.picture + len(source.tones)):
            words += ["-map", str(stream)]
        made = subprocess.run([*words, *source.options, "-threads", "2", str(path)], capture_output=True, text=True)
        assert made.returncode == 0, f"{name}: {made.stderr}"
        return path


def framemd5(file: Path | str, stream: str) -> list[str]:
    """The digest of each decoded picture or frame of sound; `stream` as `v:0` or `a:1`.

    All that was coded counts, whatever a container would have cut off its ends (priming, padding).
    """
    command = [program("ffmpeg"), "-v", "error", "-nostdin", "-flags2", "+skip_manual"]
    command += ["-ignore_editlist", "1"] if str(file).endswith(".mov") else []
    command += ["-i", str(file), "-map", f"0:{stream}"]
    command += ["-fps_mode", "passthrough", "-c:a", "pcm_s16le", "-f", "framemd5", "-"]
    read = subprocess.run(command, capture_output=True, text=True, check=False)
    assert read.returncode == 0, read.stderr
    return [line.rpartition(",")[2].strip() for line in read.stdout.splitlines() if not line.startswith("#")]
