"""The whole appliance as a benchmark's subject: started by its command, its processes put on a core that is named."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

_PORTS = 16
_STOPS_WITHIN_S = 30


@dataclass(frozen=True, slots=True)
class Appliance:
    """Ports of its doors on loopback, and the process ids of its roles by name (`ingest`, `origin`, `edge`)."""

    edge: int
    control: int
    rtmp: int
    token: str
    pids: dict[str, int]

    def pin(self, core: str, *roles: str) -> None:
        """Put every thread of these roles on one core."""
        for role in roles:
            words = ["taskset", "-acp", core, str(self.pids[role])]
            subprocess.run(words, check=True, stdout=subprocess.DEVNULL)

    def channel(self, name: str, **fields: object) -> str:
        """Make a channel; its stream key."""
        body = json.dumps({"channel": name, "title": name, **fields}).encode()
        head = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"http://127.0.0.1:{self.control}/api/v1/channels", body, head, method="POST")
        with urllib.request.urlopen(request, timeout=30) as answer:
            return str(json.loads(answer.read())["publish"]["key"])


@contextmanager
def appliance(home: Path, *settings: str) -> Iterator[Appliance]:
    """One with a single edge worker, until the block ends. Raises RuntimeError, with its words, if it fails to."""
    words = [str(Path(sys.executable).with_name("headwater")), "up", "--home", str(home), "--json"]
    words += ["--port-base", str(_base()), *(f"--set={one}" for one in ("edge.workers=1", *settings))]
    with open(home.with_suffix(".said"), "w+b") as said:
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said)
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                said.seek(0)
                raise RuntimeError(said.read().decode())
            ready = json.loads(line)
            with urllib.request.urlopen(f"{ready['ops']}/status", timeout=10) as answer:
                roles = json.loads(answer.read())["roles"]
            edge, control, rtmp = (urlsplit(ready[door]).port or 0 for door in ("edge", "control", "rtmp"))
            yield Appliance(edge, control, rtmp, ready["admin_token"], {role["role"]: role["pid"] for role in roles})
        finally:
            process.terminate()
            process.communicate(timeout=_STOPS_WITHIN_S)


def _base() -> int:
    """Where a row of ports lies free, outside of the range that the kernel gives to clients."""
    for base in range(20_000 + os.getpid() % 100 * 100, 32_000, _PORTS):
        try:
            for port in range(base, base + _PORTS):
                with socket.socket() as probe:
                    probe.bind(("0.0.0.0", port))
        except OSError:
            continue
        return base
    raise RuntimeError("no free ports")
