"""Films whose every picture says its number, for a page to read back: a row of black and white blocks, binary.

16 blocks across, a sixth of the height: bit 0 first, 12 bits of the number, then white, black, and the number's
parity twice. A page that shows anything else, or half a picture, reads -1.
"""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tests.kit.optional import program

RATE = 25
BITS = 12
BLOCKS = 16
_LANGUAGES = ("eng", "deu")


def keyframes(seconds: int, *, seed: int = 7) -> list[float]:
    """Where keyframes are: groups of pictures of 0.2 to 3 s, as scene cuts make them."""
    chance, at, found = random.Random(seed), 0, []
    while at < seconds * RATE:
        found.append(at / RATE)
        at += chance.choice((5, 13, 24, 25, 40, 50, 62, 75))
    return found


def counted_film(path: Path, *, seconds: int = 60, size: tuple[int, int] = (320, 180), tones: tuple[int, ...]) -> Path:
    """H.264 with three B-frames in a row, AAC: one language a tone in Hz. Two sizes make aligned renditions."""
    width, height = size
    words = [program("ffmpeg"), "-v", "error", "-y", "-nostats", "-f", "rawvideo", "-pix_fmt", "gray"]
    words += ["-s", f"{width}x{height}", "-r", str(RATE), "-i", "pipe:0"]
    for hertz in tones:
        words += ["-f", "lavfi", "-i", f"sine=frequency={hertz}:sample_rate=48000:duration={seconds},volume=4"]
    for stream in range(1 + len(tones)):
        words += ["-map", str(stream)]
    for at, _ in enumerate(tones):
        words += [f"-metadata:s:a:{at}", f"language={_LANGUAGES[at]}"]
    words += ["-c:v", "libx264", "-preset", "ultrafast", "-crf", "23", "-bf", "3", "-g", "999", "-sc_threshold", "0"]
    words += ["-force_key_frames", ",".join(map(str, keyframes(seconds))), "-pix_fmt", "yuv420p"]
    words += ["-c:a", "aac", "-b:a", "64k", "-ac", "2", "-threads", "2", str(path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE) as made:
        assert made.stdin is not None
        for picture in _pictures(seconds * RATE, width, height):
            made.stdin.write(picture)
        made.stdin.close()
    assert made.returncode == 0, "FFmpeg could not make the film"
    return path


def _pictures(count: int, width: int, height: int) -> Iterator[bytes]:
    """A wandering ramp below the blocks, so that every picture has something to be coded."""
    ramp = np.add.outer(np.arange(height) * 2, np.arange(width) * 3)
    columns = np.arange(width) * BLOCKS // width
    for number in range(count):
        bits = [number >> bit & 1 for bit in range(BITS)]
        parity = sum(bits) & 1
        blocks = np.array([*bits, 1, 0, parity, parity], dtype=np.uint8) * 219 + 16
        picture = ((ramp + number * 7) % 200 + 28).astype(np.uint8)
        picture[: height // 6] = blocks[columns]
        yield picture.tobytes()
