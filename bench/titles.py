"""Titles to measure with, made by FFmpeg: what a broadcaster's encoder gives, and as long as is wanted."""

from __future__ import annotations

import subprocess
from pathlib import Path

_ONCE_S = 24


def title(
    ffmpeg: str, path: Path, *, seconds: int = _ONCE_S, kbits: int = 4000, gop_s: int = 2, size: str = "1280x720",
    audio_kbits: int = 128,
) -> Path:  # fmt: skip
    """A progressive MP4, moov first: 25 pictures a second with noise, so that the rate is used, and AAC stereo.

    What is longer than 24 s is these again and again, copied: only they are encoded.
    """
    once = path.with_name(f"once-{path.name}")
    words = [ffmpeg, "-v", "error", "-y", "-f", "lavfi", "-i", f"testsrc2=size={size}:rate=25:duration={_ONCE_S}"]
    words += ["-f", "lavfi", "-i", f"sine=frequency=440:sample_rate=48000:duration={_ONCE_S}", "-vf", "noise=alls=20"]
    words += ["-c:v", "libx264", "-preset", "veryfast", "-b:v", f"{kbits}k", "-maxrate", f"{kbits}k"]
    words += ["-bufsize", f"{2 * kbits}k", "-g", str(25 * gop_s), "-sc_threshold", "0", "-pix_fmt", "yuv420p"]
    words += ["-c:a", "aac", "-b:a", f"{audio_kbits}k", "-ac", "2", "-movflags", "+faststart", str(once)]
    subprocess.run(words, check=True)
    again = [ffmpeg, "-v", "error", "-y", "-stream_loop", str(max(0, seconds // _ONCE_S - 1)), "-i", str(once)]
    subprocess.run([*again, "-c", "copy", "-movflags", "+faststart", str(path)], check=True)
    once.unlink()
    return path
