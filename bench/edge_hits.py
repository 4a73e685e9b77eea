"""Hits of one edge worker beside nginx serving the same bytes from files (sendfile), server and load on a core each.

`python -m bench.edge_hits [RESULTS.json]` prints the table and adds it to the file's JSON object under `edge_hits`.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.figures import Figures
from bench.servers import LOAD_CORE, answering, found, free_ports, lacking, running

SIZES = {"1 KB": 1 << 10, "100 KB": 100 << 10, "1 MB": 1 << 20}
ROUNDS = 3
SECONDS = 2
CONNECTIONS = 32
NEEDED = ("nginx", "wrk", "taskset")
TITLE = "Edge hits"
COLUMNS = ("object", "edge, requests/s", "nginx, requests/s", "edge / nginx", "edge, Gbit/s")

_NGINX = """\
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 100000000;
  open_file_cache max=100;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{
    listen 127.0.0.1:{port} backlog=512;
    root {folder}/files;
    add_header Cache-Control "public, max-age=31536000, immutable";
  }}
}}
"""


def measure() -> Figures:
    """Medians of alternating runs (edge, nginx, edge, nginx ...). Under a minute."""
    lacked = lacking(NEEDED)
    how = (
        f"One edge worker and one nginx worker (static files, sendfile) on the same core in turn, "
        f"`wrk -t1 -c{CONNECTIONS} -d{SECONDS}s` on another core, medians of {ROUNDS} runs each."
    )
    if lacked:
        return Figures(title=TITLE, how=how, columns=COLUMNS, rows=[], lacked=tuple(lacked))
    rows = []
    with tempfile.TemporaryDirectory(prefix="hw") as made, _servers(Path(made)) as (edge, nginx):
        for label, size in SIZES.items():
            path = _path(size)
            runs: dict[str, list[float]] = {edge: [], nginx: []}
            for _ in range(ROUNDS):
                for base in (edge, nginx):
                    runs[base].append(_load(base + path))
            ours, theirs = (statistics.median(runs[base]) for base in (edge, nginx))
            gbits = f"{ours * size * 8 / 1e9:.2f}"
            rows.append((label, f"{ours:.0f}", f"{theirs:.0f}", f"{ours / theirs:.2f}", gbits))
    return Figures(title=TITLE, how=how, columns=COLUMNS, rows=rows)


def _path(size: int) -> str:
    return f"/vod/bench/e1/v1/{size}.m4s"


def _load(url: str) -> float:
    """Requests per second. Raises RuntimeError if an answer was not a 200."""
    command = ["taskset", "-c", LOAD_CORE, "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", url]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in said:
        raise RuntimeError(said)
    found = re.search(r"Requests/sec:\s+([\d.]+)", said)
    assert found is not None, said
    return float(found[1])


@contextmanager
def _servers(folder: Path) -> Iterator[tuple[str, str]]:
    """Base URLs of the edge and of nginx; nginx is also what the edge fetches from."""
    for size in SIZES.values():
        file = folder / "files" / _path(size).removeprefix("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(os.urandom(size))
    folder.chmod(0o755)  # nginx's worker runs as another user if we are root
    port, nginx_port = free_ports(2)
    (folder / "nginx.conf").write_text(_NGINX.format(folder=folder, port=nginx_port))
    home = folder / "home"
    for part in ("run", "secrets"):
        (home / part).mkdir(parents=True, mode=0o700)
    nginx_at, edge_at = f"http://127.0.0.1:{nginx_port}", f"http://127.0.0.1:{port}"
    nginx_binary = found("nginx")
    assert nginx_binary is not None
    nginx = [nginx_binary, "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]
    edge = [sys.executable, "-m", "edge", "--home", str(home)]
    edge += ["--set", f"edge.listen=127.0.0.1:{port}", "--set", f"edge.upstream={nginx_at}"]
    with running(nginx), running(edge):
        for base in (nginx_at, edge_at):
            for size in SIZES.values():
                answering(base + _path(size))  # which also fills the edge
        yield edge_at, nginx_at


def main() -> None:
    table = measure()
    if table.lacked:
        print(f"edge_hits: skipped, this machine lacks {', '.join(table.lacked)}")
        return
    print(f"| {' | '.join(table.columns)} |\n|{'---|' * len(table.columns)}")
    for row in table.rows:
        print(f"| {' | '.join(row)} |")
    if len(sys.argv) > 1:
        results = Path(sys.argv[1])
        known = json.loads(results.read_text()) if results.exists() else {}
        known["edge_hits"] = {"how": table.how, "columns": table.columns, "rows": table.rows}
        results.write_text(json.dumps(known, indent=1))


if __name__ == "__main__":
    main()
