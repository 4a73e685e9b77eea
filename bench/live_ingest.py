"""What RTMP streams cost: processor time of ingest and origin for each stream, and nginx-rtmp's for the same ones.

`python -m bench.live_ingest` prints the table.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.appliance import appliance
from bench.figures import Figures
from bench.servers import LOAD_CORE, SERVER_CORE, found, free_ports, lacking, listening, running, spent

NEEDED = ("taskset",)
KBITS = 6000
STREAMS = (1, 10, 40)
SECONDS = 16
ROUNDS = 3
TITLE = "Live: RTMP in"
COLUMNS = (
    "streams",
    "ingest, ms for a stream's second",
    "origin",
    "both",
    "nginx-rtmp",
    "nginx-rtmp / ours",
    "most waiting, KB",
)
_MODULE = Path("/usr/lib/nginx/modules/ngx_rtmp_module.so")
_NGINX = """\
load_module {module};
worker_processes 1;
daemon off;
user root;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 512; }}
rtmp {{
  server {{
    listen 127.0.0.1:{port};
    chunk_size 60000;
    application live {{ live on; hls on; hls_path {folder}/hls; hls_fragment 2s; hls_playlist_length 60s; }}
  }}
}}
"""


def measure() -> Figures:
    """Medians of alternating runs. Six minutes."""
    lacked = lacking(NEEDED)
    how = (
        f"RTMP streams of {KBITS / 1000:.0f} Mb/s for {SECONDS} s, sent from one core. Ingest and origin "
        f"together on another core, publishing parts of 500 ms, journalled and synced; nginx-rtmp, one worker "
        f"there in turn, writing HLS in segments of 2 s (MPEG-TS, not synced, no parts, no DASH). Processor "
        f"time, user and system; medians of {ROUNDS} runs. 1,000 divided by it is how many streams fill a "
        f"core. Waiting: octets that the server let lie at worst."
    )
    if lacked:
        return Figures(title=TITLE, how=how, columns=COLUMNS, rows=[], lacked=tuple(lacked))
    if found("nginx") is None or not _MODULE.exists():
        lacked.append("nginx-rtmp (Debian: libnginx-mod-rtmp)")
    rows = []
    with tempfile.TemporaryDirectory(prefix="hw") as made:
        folder = Path(made)
        folder.chmod(0o755)
        with appliance(folder / "home", "pictures.on=false") as box:
            names = [box.channel(f"bench-{at}", window_s=30) for at in range(max(STREAMS))]
            box.pin(SERVER_CORE, "ingest", "origin")
            pids = box.pids["ingest"], box.pids["origin"]
            rows += [_row(count, box.rtmp, names, pids, folder, not lacked) for count in STREAMS]
    return Figures(title=TITLE, how=how, columns=COLUMNS, rows=rows, lacked=tuple(lacked))


def _row(
    count: int, port: int, names: Sequence[str], pids: tuple[int, int], folder: Path, compared: bool
) -> tuple[str, ...]:
    ours: list[list[float]] = []
    theirs: list[float] = []
    waited = 0
    for _ in range(ROUNDS):
        costs, most = _run(port, names[:count], pids)
        ours.append(costs)
        waited = max(waited, most)
        if compared:
            with _nginx(folder) as (peer, pid):
                theirs += _run(peer, names[:count], (pid,))[0]
    ingest, origin = (statistics.median(run[at] for run in ours) for at in range(2))
    both = statistics.median(sum(run) for run in ours)
    peer_ms = statistics.median(theirs) if theirs else 0
    figures = (ingest, origin, both, peer_ms)
    shown = [f"{ms:.1f}" if ms else "-" for ms in figures]
    return (str(count), *shown, f"{peer_ms / both:.2f}" if peer_ms else "-", f"{waited / 1000:.0f}")


def _run(port: int, names: Sequence[str], pids: Sequence[int]) -> tuple[list[float], int]:
    """Milliseconds of each process for each second of a stream, and the most octets that waited for the server."""
    before = [spent(pid) for pid in pids]
    words = [
        "taskset",
        "-c",
        LOAD_CORE,
        sys.executable,
        "-m",
        "bench.rtmp_streams",
        str(port),
        str(SECONDS),
        str(KBITS),
    ]
    said = subprocess.run(words, input="\n".join(names), capture_output=True, text=True, check=False)
    if said.returncode:
        raise RuntimeError(said.stderr)
    made = json.loads(said.stdout)
    if made["lost"]:
        raise RuntimeError("the server closed streams: it cannot take so many")
    each = 1000 / len(names) / SECONDS
    return [(spent(pid) - was) * each for pid, was in zip(pids, before, strict=True)], int(made["waited"])


@contextmanager
def _nginx(folder: Path) -> Iterator[tuple[int, int]]:
    """Its port, and the process id."""
    (port,) = free_ports(1)
    binary = found("nginx")
    assert binary is not None
    (folder / "nginx.conf").write_text(_NGINX.format(folder=folder, port=port, module=_MODULE))
    command = [binary, "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]
    with running(command) as process:
        listening(port)
        yield port, process.pid


if __name__ == "__main__":
    for row in measure().rows:
        print(" | ".join(row))
