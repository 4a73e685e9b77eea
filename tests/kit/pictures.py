"""Films whose pictures tell which they are, and reading what came back: for all that is decoded and shown small."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

from node.home import Home
from packager.boxes import walk
from packager.index import FileKey, build
from packager.movie import read_movie
from tests.kit.live_media import Studio
from tests.kit.optional import ROOT, program

Pixels = npt.NDArray[np.uint8]


def numbered_film(path: Path, *, seconds: int = 12, size: str = "320x180", options: tuple[str, ...] = ()) -> Path:
    """H.264, a keyframe each second, and each second a grey of its own: see `second_of`. With a beep each second."""
    luma = "33+17*mod(floor(N/25)\\,12)"
    picture = f"nullsrc=size={size}:rate=25:duration={seconds},geq=lum='{luma}':cb=128:cr=128"
    sound = f"sine=frequency=1000:sample_rate=48000:duration={seconds},volume='lt(mod(t,1),0.25)*4':eval=frame"
    words = ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound, "-c:v", "libx264", "-preset", "ultrafast"]
    words += ["-pix_fmt", "yuv420p", "-g", "25", "-keyint_min", "25", "-sc_threshold", "0", "-bf", "2", "-c:a", "aac"]
    command = [program("ffmpeg"), "-v", "error", "-y", "-nostdin", *words, *options, str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return path


def second_of(pixels: Pixels) -> int:
    """Which second (modulo 12) of a numbered film a picture or a cell shows; -1 for black."""
    grey = float(pixels.mean())
    assert float(pixels.std()) < 4, "the picture is not of one grey"
    return round(grey / 255 * 219 / 17) - 1


def pixels(body: bytes) -> Pixels:
    """A JPEG or WebP as FFmpeg reads it: (height, width, 3), 8 bits."""
    kind = "webp" if body[8:12] == b"WEBP" else "mjpeg"
    demuxer = ["-f", "webp_pipe"] if kind == "webp" else ["-f", "jpeg_pipe"]
    return _raw([*demuxer, "-i", "pipe:0"], body, size_of(body))


def frame_at(film: Path, seconds: float, width: int, height: int) -> Pixels:
    """The frame of a film at a time as FFmpeg shows it, scaled."""
    scale = f"scale={width}:{height}:flags=area"
    return _raw(["-ss", str(seconds), "-i", str(film), "-frames:v", "1", "-vf", scale], b"", (width, height))


def size_of(body: bytes) -> tuple[int, int]:
    """Width and height that a JPEG (its frame header, ITU-T T.81 B.2.2) or a WebP says."""
    if body[:4] == b"RIFF":
        at = body.index(b"VP8 ") + 8 + 6
        return int.from_bytes(body[at : at + 2], "little") & 0x3FFF, int.from_bytes(
            body[at + 2 : at + 4], "little"
        ) & 0x3FFF
    assert body[:2] == b"\xff\xd8" and body[-2:] == b"\xff\xd9", "no whole JPEG"
    at = 2
    while body[at + 1] != 0xC0:
        at += 2 + int.from_bytes(body[at + 2 : at + 4], "big")
    return int.from_bytes(body[at + 7 : at + 9], "big"), int.from_bytes(body[at + 5 : at + 7], "big")


def difference(one: Pixels, other: Pixels) -> float:
    """The mean difference of two pictures' luminance, 0 to 255: colour has half the resolution in a JPEG."""
    assert one.shape == other.shape, f"{one.shape} and {other.shape}"
    weights = np.array((0.299, 0.587, 0.114))
    return float(np.abs(one @ weights - other @ weights).mean())


def _raw(source: list[str], body: bytes, size: tuple[int, int]) -> Pixels:
    command = [program("ffmpeg"), "-v", "error", *source, "-pix_fmt", "rgb24", "-f", "rawvideo", "pipe:1"]
    made = subprocess.run(command, input=body, capture_output=True, check=True)
    return np.frombuffer(made.stdout, np.uint8).reshape(size[1], size[0], 3)


class NumberedStudio(Studio):
    """A publisher whose pictures are real: every sample is a keyframe that shows its second of the clock, modulo 12."""

    def __init__(
        self,
        film: Path,
        *,
        grid_ms: int = 2000,
        part_ms: int = 500,
        window_s: int = 60,
        start_ms: int = 1_700_000_004_000,
    ) -> None:
        """`film`: a numbered film of 12 seconds."""
        data = memoryview(film.read_bytes())
        index = build(read_movie(data), FileKey(1, 1, 1))
        track = index.video[0]
        entry = memoryview(track.format.entry)
        avcc = next(bytes(entry[box.body : box.end]) for box in walk(entry, 86, len(entry)) if box.type == "avcC")
        rows = track.samples[track.sync]
        self._pictures = [bytes(data[int(row["offset"]) : int(row["offset"]) + int(row["size"])]) for row in rows]
        super().__init__(avcc=avcc, grid_ms=grid_ms, part_ms=part_ms, window_s=window_s, start_ms=start_ms)

    def sample(self, track: str, dts: int, sync: bool) -> bytes:
        if self.formats[track].kind != "video":
            return super().sample(track, dts, sync)
        return self._pictures[dts // self.formats[track].timescale % len(self._pictures)]


class PicturesProcess:
    """`python -m ingest.pictures` in a process of its own, which can be killed and started again."""

    def __init__(self, home: Path, *words: str) -> None:
        self.home = Home(home)
        self.words = words
        self.process: asyncio.subprocess.Process | None = None

    async def starts(self) -> None:
        """Returns when it answers."""
        import aiohttp

        self.home.make()
        with open(self.home.root / "pictures.log", "ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "ingest.pictures", "--home", str(self.home.root), *self.words,
                cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=log, stderr=log,
            )  # fmt: skip
        async with (
            asyncio.timeout(20),
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(self.home.socket("pictures")))) as client,
        ):
            while True:
                assert self.process.returncode is None, (self.home.root / "pictures.log").read_text()
                try:
                    async with client.get("http://pictures/healthz") as answer:
                        if (await answer.json())["pid"] == self.process.pid:
                            return
                except aiohttp.ClientError:
                    await asyncio.sleep(0.01)

    async def ends(self, sign: signal.Signals = signal.SIGKILL) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(sign)
            await self.process.wait()
