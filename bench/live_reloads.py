"""How soon a part is at an edge once the encoder has sent its last octet, and how soon 2,000 waiting viewers know.

`python -m bench.live_reloads` prints the table.
"""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.appliance import Appliance, appliance
from bench.figures import Figures
from bench.rtmp_streams import RATE
from bench.servers import LOAD_CORE, SERVER_CORE, answering, lacking
from packager.fragments import read_chunk, split_chunks

NEEDED = ("taskset",)
KBITS = 6000
PART_MS = 200
VIEWERS = {1: 60, 100: 20, 2000: 20}  # how many, and in how many rounds
_SCALE = 90_000
TITLE = "Live: from the encoder's last octet to the viewer"
COLUMNS = ("waiting", "part, p50 ms", "p99", "first playlist, p50 ms", "p99", "last playlist, p50 ms", "p99")


def measure() -> Figures:
    """Two minutes. Nothing is compared: no peer of Debian's has LL-HLS."""
    lacked = lacking(NEEDED)
    how = (
        f"One RTMP stream of {KBITS / 1000:.0f} Mb/s in parts of {PART_MS} ms through ingest, origin and one "
        f"edge worker, all on one core; encoder and viewers on another. So many viewers wait for the playlist "
        f"that has the next part (blocking reload), one more for the part itself. Milliseconds after the "
        f"encoder sent the last octet of the part's last picture; a part is known to be whole when the next "
        f"picture comes, {1000 // RATE} ms later, which is counted."
    )
    if lacked:
        return Figures(title=TITLE, how=how, columns=COLUMNS, rows=[], lacked=tuple(lacked))
    with tempfile.TemporaryDirectory(prefix="hw") as made, appliance(Path(made) / "home") as box:
        key = box.channel("bench", segment_ms=2000, part_ms=PART_MS, window_s=120)
        box.pin(SERVER_CORE, "ingest", "origin", "edge", "control")
        seconds = 10 + sum(rounds for rounds in VIEWERS.values()) * 0.7
        command = ["taskset", "-c", LOAD_CORE, sys.executable, "-m", "bench.rtmp_streams"]
        words = [*command, str(box.rtmp), str(seconds), str(KBITS)]
        encoder = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            assert encoder.stdin is not None
            encoder.stdin.write(key)
            encoder.stdin.close()
            playlist, begun = _begins(box)
            found = {count: _waited(box, playlist, count, rounds) for count, rounds in VIEWERS.items()}
            assert encoder.stdout is not None
            sent = json.loads(encoder.stdout.read())["sent"]
        finally:
            encoder.kill()
            encoder.wait()
    rows = [_row(count, rounds, sent, begun) for count, rounds in found.items()]
    return Figures(title=TITLE, how=how, columns=COLUMNS, rows=rows)


def _begins(box: Appliance) -> tuple[str, int]:
    """The path of the picture's media playlist, and the decode time of the first picture that was sent."""
    base = f"http://127.0.0.1:{box.edge}"
    found = None
    until = time.perf_counter() + 30
    while found is None and time.perf_counter() < until:
        text = answering(f"{base}/live/bench/multivariant.m3u8").decode()
        found = re.search(r"^(\S+/v1/media\.m3u8)$", text, re.M)
    if found is None:
        raise TimeoutError("the channel has no picture")
    playlist = f"/live/bench/{found[1]}"
    text = answering(base + playlist).decode()
    number = re.search(r"#EXT-X-MEDIA-SEQUENCE:(\d+)", text)
    assert number is not None
    body = answering(f"{base}{playlist.rpartition('/')[0]}/{number[1]}.m4s")
    at, size = split_chunks(memoryview(body))[0]
    return playlist, read_chunk(memoryview(body)[at : at + size]).tfdt


def _waited(box: Appliance, playlist: str, count: int, rounds: int) -> list[dict[str, object]]:
    words = ["taskset", "-c", LOAD_CORE, sys.executable, "-m", "bench.waiters"]
    said = subprocess.run(
        [*words, str(box.edge), playlist, str(count), str(rounds)], capture_output=True, text=True, check=False
    )
    if said.returncode:
        raise RuntimeError(said.stderr)
    found: list[dict[str, object]] = json.loads(said.stdout)
    return found


def _row(count: int, rounds: list[dict[str, object]], sent: list[float], begun: int) -> tuple[str, ...]:
    parts, firsts, lasts = [], [], []
    for one in rounds:
        ticks = (int(str(one["tfdt"])) - begun) * RATE // _SCALE + int(str(one["samples"]))
        closed = sent[ticks - 1]
        playlists = one["playlists"]
        assert isinstance(playlists, list)
        parts.append(float(str(one["part"])) - closed)
        firsts.append(playlists[0] - closed)
        lasts.append(playlists[-1] - closed)
    return (f"{count:,}", *(f"{ms:.0f}" for row in (parts, firsts, lasts) for ms in _spread(row)))


def _spread(seconds: list[float]) -> tuple[float, float]:
    """Median and 99th percentile, in ms."""
    return 1000 * statistics.median(seconds), 1000 * statistics.quantiles(seconds, n=100)[98]


if __name__ == "__main__":
    for row in measure().rows:
        print(" | ".join(row))
