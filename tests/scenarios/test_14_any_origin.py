"""An edge alone, in front of a web server that knows nothing of it: one command, no control."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.kit.appliance import Appliance, free_port_base


@contextmanager
def web_server(folder: Path, port: int) -> Iterator[Path]:
    """Python's own, which says Last-Modified and knows If-Modified-Since; its log tells what it was asked."""
    log = folder.parent / "asked.log"
    words = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(folder)]
    with log.open("wb") as said:
        process = subprocess.Popen(words, stderr=said, stdout=subprocess.DEVNULL)
        try:
            until = time.monotonic() + 30
            while not reachable(f"http://127.0.0.1:{port}/"):
                assert time.monotonic() < until, "the web server does not come up"
                time.sleep(0.05)
            yield log
        finally:
            process.terminate()
            process.wait(10)


def reachable(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except OSError:
        return False


def get(url: str, method: str = "GET", **fields: str) -> tuple[int, dict[str, str], bytes]:
    """On a connection of its own: the kernel chooses the worker."""
    request = urllib.request.Request(url, method=method, headers={k.replace("_", "-"): v for k, v in fields.items()})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, dict(refused.headers), refused.read()


def test_an_edge_in_front_of_any_web_server(tmp_path: Path) -> None:
    folder = tmp_path / "www"
    folder.mkdir()
    page = folder / "page.html"
    page.write_bytes(b"<p>hello</p>" * 1000)
    os.utime(page, (1_600_000_000, 1_600_000_000))  # old: a tenth of its age is more than the longest heuristic
    origin = free_port_base() + 5
    with web_server(folder, origin) as log:
        words = ("--role", "edge", "--upstream", f"http://127.0.0.1:{origin}", "--workers", "2")
        with Appliance(*words, "--listen", f"127.0.0.1:{origin + 1}") as edge:
            url = f"http://127.0.0.1:{origin + 1}/page.html"
            answers = [get(url) for _ in range(30)]
            assert {(status, body) for status, _, body in answers} == {(200, page.read_bytes())}
            assert sum("hit" in fields["Cache-Status"] for _, fields, _ in answers) >= 28  # once for each worker
            assert log.read_text().count("GET /page.html") <= 2
            assert get(url, Range="bytes=3-7")[::2] == (206, b"hello")
            assert get(url, If_Modified_Since="Sun, 13 Sep 2020 12:26:40 GMT")[0] == 304
            assert get(url, method="POST")[0] == 501  # what the web server says of it
            assert get(f"{url}?x=1", method="HEAD")[1]["Content-Length"] == "12000"
            assert get(f"http://127.0.0.1:{origin + 1}/nothing")[0] == 404

            page.write_bytes(b"new")
            assert get(url, Cache_Control="no-cache")[2] == b"new"
            assert edge.metric("headwater_edge_answers_total", cache="hit") >= 28
            killed = edge.kill("edge", 1)
            edge.wait_for_new("edge", killed, 1)
            assert {get(url)[0] for _ in range(10)} == {200}
