"""Elementary streams of many shapes for slice readers, made by the installed FFmpeg into a folder."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np

from packager.index import IndexTrack
from packager.slices import Ranges, ranges, reader
from tests.kit.optional import lacks, program
from tests.packager.packed import pack

_FADES = ("-vf", "fade=in:0:20,fade=out:30:20")

AVC: dict[str, tuple[str, ...]] = {
    "plain": ("-x264-params", "keyint=25"),
    "slices": ("-x264-params", "slices=6:keyint=25:weightp=2:ref=8:bframes=8:b-pyramid=normal:weightb=1"),
    "fades": (*_FADES, "-x264-params", "keyint=50:weightp=2:bframes=4"),
    "cavlc": ("-x264-params", "cabac=0:keyint=25:bframes=2"),
    "interlaced": ("-x264-params", "interlaced=1:tff=1:keyint=25:bframes=3"),
    "444": ("-x264-params", "keyint=25", "-pix_fmt", "yuv444p"),
    "matrices": ("-x264-params", "cqm=jvt:keyint=25:8x8dct=1"),
    "baseline": ("-profile:v", "baseline", "-x264-params", "keyint=25"),
    "open-gop": ("-x264-params", "no-deblock=1:keyint=25:aud=1:open-gop=1:bframes=3"),
    "refresh": ("-x264-params", "intra-refresh=1:keyint=25:bframes=0"),
}
HEVC: dict[str, tuple[str, ...]] = {
    "plain": ("-x265-params", "keyint=25"),
    "pyramid": ("-x265-params", "keyint=25:rc-lookahead=20:bframes=8:ref=5:weightb=1:open-gop=1:b-pyramid=1"),
    "slices": ("-x265-params", "slices=4:keyint=25:wpp=1"),
    "422": ("-x265-params", "keyint=25", "-pix_fmt", "yuv422p10le"),
    "offsets": ("-x265-params", "keyint=25:cbqpoffs=2:crqpoffs=-2", "-pix_fmt", "yuv444p"),
    "lists": ("-x265-params", "scaling-list=default:keyint=25:ctu=16:max-tu-size=16"),
    "fades": (*_FADES, "-x265-params", "keyint=50:weightp=1:weightb=1:bframes=4"),
    "no-loop": ("-x265-params", "no-deblock=1:no-sao=1:keyint=25"),
}


def film(folder: Path, codec: str, name: str) -> Path:
    """50 pictures of 416x240; skips the test if the local FFmpeg cannot make them."""
    options = (AVC if codec == "avc" else HEVC)[name]
    options = tuple(
        f"log-level=error:{word}" if before == "-x265-params" else word
        for before, word in zip(("", *options), options, strict=False)
    )
    encoder = ("-c:v", "libx264") if codec == "avc" else ("-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1")
    pixels = () if "-pix_fmt" in options else ("-pix_fmt", "yuv420p")
    path = folder / f"{codec}-{name}.mp4"
    command = [program("ffmpeg"), "-v", "error", "-nostdin", "-f", "lavfi", "-i", "testsrc2=size=416x240:rate=25"]
    made = subprocess.run(
        [*command, *encoder, *options, *pixels, "-frames:v", "50", "-threads", "2", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        lacks("local encoder", f"{codec} {name}: {made.stderr.strip().splitlines()[0]}")
    return path


def found_in(data: bytes) -> tuple[IndexTrack, Ranges]:
    """The first video track of a file, and the ranges of all its samples."""
    asset = pack(data)
    track = asset.index.video[0]
    places = zip(track.samples["offset"].tolist(), track.samples["size"].tolist(), strict=True)
    media = b"".join(data[at : at + size] for at, size in places)
    return track, ranges(reader(track.format), memoryview(media), track.samples["size"].astype(np.int64))


def rows(track: IndexTrack, found: Ranges) -> list[list[tuple[int, int]]]:
    """(clear, protected) of each sample, without what stays clear at its end."""
    made: list[list[tuple[int, int]]] = [[] for _ in track.samples]
    ends = np.cumsum(track.samples["size"].astype(np.int64))
    begins = (ends - track.samples["size"]).tolist()
    for start, end, sample in zip(found.start.tolist(), found.end.tolist(), found.sample.tolist(), strict=True):
        before = begins[sample] + sum(map(sum, made[sample]))
        made[sample].append((start - before, end - start))
    return made
