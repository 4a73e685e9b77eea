"""Segments on demand beside nginx-vod-module, on the same title, one core each in turn, the load on another.

Set HEADWATER_NGINX_VOD_MODULE to the path of ngx_http_vod_module.so, built for the nginx that is installed.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.figures import Figures
from bench.servers import Load, answering, found, free_ports, lacking, load, running
from bench.titles import title

TITLE = "Segments on demand"
COLUMNS = (
    "what",
    "origin, requests/s",
    "nginx-vod, requests/s",
    "ratio",
    "origin, MB/s",
    "origin, µs of processor",
    "nginx-vod, µs",
)
MODULE = "HEADWATER_NGINX_VOD_MODULE"
SECONDS, ROUNDS, SEGMENT_S = 600, 3, 4

_NGINX = """\
load_module {module};
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
  vod_mode local;
  vod_segment_duration {segment_ms};
  vod_align_segments_to_key_frames on;
  vod_metadata_cache metadata 256m;
  server {{
    listen 127.0.0.1:{port} backlog=512;
    location /dash/ {{ vod dash; alias {folder}/files/; }}
    location /ts/ {{ vod hls; alias {folder}/files/; }}
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class Server:
    """Where one listens, and its paths by what is measured."""

    port: int
    pid: int
    paths: dict[str, list[str]]


def measure() -> Figures:
    """Medians of alternating runs. Two minutes."""
    lacked = lacking(("ffmpeg", "taskset"))
    how = (
        f"A title of {SECONDS // 60} minutes at 4 Mb/s (720p25, AAC 128 kb/s, interleaved as FFmpeg writes it) in "
        f"{SEGMENT_S} s segments, all asked for in turn by 16 connections that throw bodies away, medians of {ROUNDS} "
        f"runs of 3 s each, origin and nginx in turn on the same core. Both have opened the title before; neither "
        f"keeps segments."
    )
    if lacked:
        return Figures(title=TITLE, how=how, columns=COLUMNS, rows=[], lacked=tuple(lacked))
    module = os.environ.get(MODULE, "")
    if not module or found("nginx") is None:
        lacked.append(f"nginx-vod-module (set {MODULE}; see bench/origin_segments.py)")
    with tempfile.TemporaryDirectory(prefix="hw") as made, ExitStack() as stack:
        folder = Path(made)
        folder.chmod(0o755)
        (folder / "files").mkdir()
        ffmpeg = found("ffmpeg")
        assert ffmpeg is not None
        film = title(ffmpeg, folder / "files" / "film.mp4", seconds=SECONDS, gop_s=SEGMENT_S)
        ours = stack.enter_context(_origin(folder, film))
        theirs = None if lacked else stack.enter_context(_nginx(folder, module))
        rows = [_row(what, ours, theirs) for what in ours.paths]
    return Figures(title=TITLE, how=how, columns=COLUMNS, rows=rows, lacked=tuple(lacked))


def _row(what: str, ours: Server, theirs: Server | None) -> tuple[str, ...]:
    runs: dict[int, list[Load]] = {}
    for _ in range(ROUNDS):
        for one in (ours, theirs):
            if one is not None and what in one.paths:
                runs.setdefault(one.port, []).append(load(one.port, one.paths[what], one.pid))

    def median(one: Server, of: str) -> float:
        return float(statistics.median(getattr(run, of) for run in runs[one.port]))

    mine = median(ours, "answers")
    peer = median(theirs, "answers") if theirs is not None and theirs.port in runs else 0
    return (
        what,
        f"{mine:,.0f}",
        f"{peer:,.0f}" if peer else "-",
        f"{mine / peer:.2f}" if peer else "-",
        f"{median(ours, 'octets') / 1e6:,.0f}",
        f"{median(ours, 'cpu_us'):,.0f}",
        f"{median(theirs, 'cpu_us'):,.0f}" if theirs is not None and peer else "-",
    )


@contextmanager
def _origin(folder: Path, film: Path) -> Iterator[Server]:
    """An origin alone, as `headwater up --role origin` runs it, with the title added."""
    (port,) = free_ports(1)
    home = folder / "home"
    for part in ("run", "secrets"):
        (home / part).mkdir(parents=True, mode=0o700)
    command = [sys.executable, "-m", "origin", "--home", str(home), "--set", f"origin.listen=127.0.0.1:{port}"]
    with running(command) as process:
        _put(f"http://127.0.0.1:{port}/vod/film/mezzanine.mp4?target_ms={SEGMENT_S * 1000}", film)
        report = json.loads(answering(f"http://127.0.0.1:{port}/vod/film/status.json"))
        below = f"/vod/film/{report['edition']}"
        numbers = range(report["segments"] - 1)
        video = [f"{below}/v1/{n}.m4s" for n in numbers]
        audio = [f"{below}/a1/{n}.m4s" for n in numbers]
        yield Server(
            port,
            process.pid,
            {
                "fMP4, video": video,
                "fMP4, audio": audio,
                "fMP4, video and audio in turn": [path for pair in zip(video, audio, strict=True) for path in pair],
                "MPEG-TS, video": [f"{below}/v1/{n}.ts" for n in numbers],
                "HLS media playlist": [f"{below}/v1/media.m3u8"],
                "DASH manifest": ["/vod/film/manifest.mpd"],
            },
        )


@contextmanager
def _nginx(folder: Path, module: str) -> Iterator[Server]:
    (port,) = free_ports(1)
    binary = found("nginx")
    assert binary is not None
    text = _NGINX.format(folder=folder, port=port, module=module, segment_ms=SEGMENT_S * 1000)
    (folder / "nginx.conf").write_text(text)
    with running([binary, "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]) as process:
        answering(f"http://127.0.0.1:{port}/dash/film.mp4/manifest.mpd")
        numbers = range(1, SECONDS // SEGMENT_S)
        video = [f"/dash/film.mp4/fragment-{n}-v1-x3.m4s" for n in numbers]
        audio = [f"/dash/film.mp4/fragment-{n}-a1-x3.m4s" for n in numbers]
        yield Server(
            port,
            process.pid,
            {
                "fMP4, video": video,
                "fMP4, audio": audio,
                "fMP4, video and audio in turn": [path for pair in zip(video, audio, strict=True) for path in pair],
                "MPEG-TS, video": [f"/ts/film.mp4/seg-{n}-v1.ts" for n in numbers],
                "HLS media playlist": ["/ts/film.mp4/index-v1.m3u8"],
                "DASH manifest": ["/dash/film.mp4/manifest.mpd"],
            },
        )


def _put(url: str, film: Path) -> None:
    """Raises TimeoutError if no origin takes it."""
    answering(url.replace("/vod/film/", "/").partition("?")[0].rpartition("/")[0] + "/healthz")
    with open(film, "rb") as body:
        request = urllib.request.Request(url, body, {"Content-Length": str(film.stat().st_size)}, method="PUT")
        urllib.request.urlopen(request, timeout=120).close()


if __name__ == "__main__":
    for row in measure().rows:
        print(" | ".join(row))
