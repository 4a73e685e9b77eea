"""What grows with a title's length and what does not: opening, playlists, segments, memory. One process, no network."""

from __future__ import annotations

import gc
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
        f"costs is made of its samples, not of their octets. Medians of {_PASSES} passes, of 40 segments spread over "
        "the title. Opened first: moov read, index and plan made and written. Opened again: by another process, from "
        "what was written. Memory: what that process grows by when it has opened the title and made those segments, "
        "mapped files not counted."
    )
    ffmpeg = found("ffmpeg")
    if ffmpeg is None:
        return Figures(title=TITLE, how=how, columns=COLUMNS, rows=[], lacked=("ffmpeg",))
    rows = []
    for label, seconds in LENGTHS.items():
        with tempfile.TemporaryDirectory(prefix="hw") as made:
            folder = Path(made)
            incoming = folder / "one"
            incoming.mkdir()
            title(
                ffmpeg, incoming / MEZZANINE, seconds=seconds, kbits=60, gop_s=2, size="160x90", audio_kbits=32
            )  # fmt: skip
            first = _in_process("first", folder)
            again = _in_process("again", folder)[0]
            index = sum(file.stat().st_size for file in (folder / "vod" / "film").glob("*.idx")) / 1e6
            memory = _in_process("memory", folder)[0]
            rows.append(
                (label, f"{index:.1f}", f"{first[0]:.1f}", f"{again:.2f}", f"{memory:.1f}", *_costs(folder / "vod"))
            )
    return Figures(title=TITLE, how=how, columns=COLUMNS, rows=rows)


def _costs(folder: Path) -> tuple[str, ...]:
    asset = Assets(folder).get("film")
    step = max(1, asset.plan.count // 40)
    numbers = range(0, asset.plan.count - 1, step)
    transports = {name: ts.stream_of(_track(asset, name)) for name in ("v1", "a1")}

    def of(make: Callable[[int], object]) -> float:
        return median_s(_PASSES, lambda: [make(number) for number in numbers]) / len(numbers)

    def printed(leaf: Leaf, track: str = "") -> float:
        edition = asset.plan.edition if track else ""
        name = Name(kind=Kind.VOD, title="film", leaf=leaf, edition=edition, track=track)
        return median_s(_PASSES, lambda: views.text(name, asset))

    return (
        f"{of(lambda n: segment(_track(asset, 'v1'), n)) * 1e6:.0f}",
        f"{of(lambda n: segment(_track(asset, 'a1'), n)) * 1e6:.0f}",
        f"{of(lambda n: ts.segment(transports['v1'], _track(asset, 'v1'), n, asset.media_of('v1'))) * 1e6:.0f}",
        f"{printed(Leaf.MEDIA_PLAYLIST, 'v1') * 1e3:.2f}",
        f"{printed(Leaf.MANIFEST) * 1e3:.2f}",
    )


def _track(asset: Asset, name: str) -> TrackPlan:
    found = asset.plan.track(name)
    assert found is not None
    return found


def _in_process(what: str, folder: Path) -> list[float]:
    """What a process of its own measured: nothing is at hand there but the files."""
    words = [sys.executable, "-m", "bench.title_length", what, str(folder)]
    said = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    return [float(word) for word in said.split()[-1:]]


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
