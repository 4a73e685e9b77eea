"""What grows with a title's length and what does not: opening, playlists, segments, memory. One process, no network."""

from __future__ import annotations

import gc
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from base.names import Kind, Leaf, Name
from bench.figures import Figures
from bench.servers import found, median_s
from bench.titles import title
from origin import views
from origin.asset import Asset
from origin.assets import MEZZANINE, Assets
from packager import ts
from packager.plan import TrackPlan
from packager.segment import segment

TITLE = "Titles of any length"
COLUMNS = (
    "length", "index, MB", "opened first, ms", "opened again, ms", "memory, MB", "segment, µs", "audio segment, µs",
    "TS segment, µs", "media playlist, ms", "manifest, ms",
)  # fmt: skip
LENGTHS = {"1 minute": 60, "30 minutes": 1800, "2 hours": 7200, "10 hours": 36_000}
_SEGMENT_MS, _PASSES = 4000, 7


def measure() -> Figures:
    """Medians. A minute and a half."""
    how = (
        "Titles of 90 kb/s (160x90, 25 pictures a second, 4 s segments, AAC), so that a long one fits; what a segment "
        f"costs is made of its samples, not of their octets. Medians of {_PASSES} passes; what is made or printed is "
        "processor time, all lengths in turn in each pass, 40 segments spread over the title, others in each pass. "
        "Opened first: moov read, index and plan made and written. Opened again: by another process, from "
        "what was written. Memory: what that process grows by when it has opened the title and made those segments, "
        "mapped files not counted."
    )
    ffmpeg = found("ffmpeg")
    if ffmpeg is None:
        return Figures(title=TITLE, how=how, columns=COLUMNS, rows=[], lacked=("ffmpeg",))
    with tempfile.TemporaryDirectory(prefix="hw") as made:
        folders = {label: Path(made) / str(seconds) for label, seconds in LENGTHS.items()}
        opened = {label: _opened(ffmpeg, folders[label], seconds) for label, seconds in LENGTHS.items()}
        costs = _costs({label: folder / "vod" for label, folder in folders.items()})
        return Figures(
            title=TITLE,
            how=how,
            columns=COLUMNS,
            rows=[(label, *opened[label], *costs[label]) for label in LENGTHS],
        )


def _opened(ffmpeg: str, folder: Path, seconds: int) -> tuple[str, ...]:
    """A title in a folder, what its index is, and what it costs to open it."""
    incoming = folder / "one"
    incoming.mkdir(parents=True)
    title(ffmpeg, incoming / MEZZANINE, seconds=seconds, kbits=60, gop_s=2, size="160x90", audio_kbits=32)
    os.sync()  # else the disk is still busy with this title while the next figures are taken
    first, again = _in_process("first", folder), _in_process("again", folder)
    index = sum(file.stat().st_size for file in (folder / "vod" / "film").glob("*.idx")) / 1e6
    return f"{index:.1f}", f"{first:.1f}", f"{again:.2f}", f"{_in_process('memory', folder):.1f}"


def _costs(folders: dict[str, Path]) -> dict[str, tuple[str, ...]]:
    """By length: what segments and lists cost."""
    taken: dict[str, list[tuple[float, ...]]] = {label: [] for label in folders}
    assets = {label: Assets(folder).get("film") for label, folder in folders.items()}
    for asset in assets.values():
        for track in ("v1", "a1"):
            asset.check(track)
    for turn in range(_PASSES):
        for label, asset in assets.items():
            taken[label].append(_cost(asset, turn))
    medians = {
        label: [statistics.median(column) for column in zip(*rows, strict=True)] for label, rows in taken.items()
    }
    return {
        label: (*(f"{us:.0f}" for us in found[:3]), *(f"{us / 1e3:.2f}" for us in found[3:]))
        for label, found in medians.items()
    }


def _cost(asset: Asset, turn: int) -> tuple[float, ...]:
    """µs of this thread: of a segment of pictures, of sound, as MPEG-TS; of the media playlist and the manifest."""
    count = asset.plan.count - 1
    step = max(1, count // 40)
    numbers = range(turn * step // _PASSES, count, step)
    video, audio = _track(asset, "v1"), _track(asset, "a1")
    stream, media = ts.stream_of(video), asset.media_of("v1")

    def of(make: Callable[[int], object]) -> float:
        return _us(lambda: [make(number) for number in numbers]) / len(numbers)

    def printed(leaf: Leaf, track: str = "") -> float:
        edition = asset.plan.edition if track else ""
        name = Name(kind=Kind.VOD, title="film", leaf=leaf, edition=edition, track=track)
        return _us(lambda: views.text(name, asset))

    return (
        of(lambda n: segment(video, n)),
        of(lambda n: segment(audio, n)),
        of(lambda n: ts.segment(stream, video, n, media)),
        printed(Leaf.MEDIA_PLAYLIST, "v1"),
        printed(Leaf.MANIFEST),
    )


def _us(work: Callable[[], object]) -> float:
    begun = time.thread_time()
    work()
    return (time.thread_time() - begun) * 1e6


def _track(asset: Asset, name: str) -> TrackPlan:
    found = asset.plan.track(name)
    assert found is not None
    return found


def _in_process(what: str, folder: Path) -> float:
    """What a process of its own measured: nothing is at hand there but the files."""
    words = [sys.executable, "-m", "bench.title_length", what, str(folder)]
    said = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    return float(said.split()[-1])


def _alone(what: str, folder: Path) -> float:
    """ms to open, first or again; or MB that the process grew by."""
    assets = Assets(folder / "vod")
    begun = time.perf_counter()
    if what == "first":
        assets.add("film", folder / "one", _SEGMENT_MS)
        return (time.perf_counter() - begun) * 1e3
    if what == "again":
        return median_s(_PASSES, lambda: Assets(folder / "vod").get("film")) * 1e3
    gc.collect()
    before = _private_mb()
    asset = assets.get("film")
    for number in range(0, asset.plan.count - 1, max(1, asset.plan.count // 40)):
        for track in ("v1", "a1"):
            segment(_track(asset, track), number)
    gc.collect()
    return _private_mb() - before


def _private_mb() -> float:
    """Memory of this process that is no file's (RssAnon, proc(5))."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) / 1e3
    raise RuntimeError("this kernel does not tell RssAnon")


if __name__ == "__main__":
    print(_alone(sys.argv[1], Path(sys.argv[2])))
