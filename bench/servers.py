"""How things are measured: servers on a core of their own and on free ports, load on another, work by the clock."""

from __future__ import annotations

import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SERVER_CORE, LOAD_CORE = "0", "1"
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Load:
    """What a run gave: answers and octets a second, and what the server's core spent on each answer."""

    answers: float
    octets: float
    cpu_us: float


def found(command: str) -> str | None:
    """The path of a command, that of an administrator too."""
    return shutil.which(command, path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def lacking(commands: Sequence[str]) -> list[str]:
    """What this machine would need and has not."""
    lacked = [name for name in commands if found(name) is None]
    if len(os.sched_getaffinity(0)) < 2:
        lacked.append("a second core for the load")
    return lacked


def median_s(passes: int, work: Callable[..., object], *arguments: object) -> float:
    """Seconds that the work took, the median of so many passes."""
    found = []
    for _ in range(passes):
        begun = time.perf_counter()
        work(*arguments)
        found.append(time.perf_counter() - begun)
    return statistics.median(found)


def free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(one.getsockname()[1]) for one in held]
    for one in held:
        one.close()
    return ports


@contextmanager
def running(command: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    """The command on the server's core; a role ends with its standard input."""
    process = subprocess.Popen(["taskset", "-c", SERVER_CORE, *command], stdin=subprocess.PIPE)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(10)
        if process.stdin is not None:
            process.stdin.close()


def answering(url: str, seconds: float = 20) -> bytes:
    """The body, once there is one. Raises TimeoutError."""
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return bytes(answer.read())
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise TimeoutError(f"{url} does not answer")


def listening(port: int, seconds: float = 10) -> None:
    """Wait until connections are taken. Raises TimeoutError."""
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise TimeoutError(f"nobody listens on port {port}")


def load(port: int, paths: Sequence[str], pid: int, *, seconds: float = 3, connections: int = 16) -> Load:
    """Ask on the load's core. `pid`: the server's process, whose processor time is counted with its children's."""
    before = spent(pid)
    words = ["taskset", "-c", LOAD_CORE, sys.executable, "-m", "bench.load", str(port), str(seconds), str(connections)]
    said = subprocess.run(words, input="\n".join(paths), capture_output=True, text=True, check=False)
    if said.returncode:
        raise RuntimeError(said.stderr)
    made = json.loads(said.stdout)
    took = spent(pid) - before
    answers = max(made["answers"], 1)
    return Load(answers / made["seconds"], made["octets"] / made["seconds"], took / answers * 1e6)


def spent(pid: int) -> float:
    """Seconds of processor time of a process and of those that it started."""
    total = 0.0
    for one in [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]:
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / _TICKS
    return total
