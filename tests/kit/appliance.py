"""The whole appliance as a test's actor: started with the real command, spoken to over its real ports.

Synchronous on purpose: one appliance may serve tests with different event loops.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from node.home import port_number
from tests.kit.optional import ROOT

COMMAND = Path(sys.executable).with_name("headwater")
_READY_WITHIN_S = 60
_STOPPED_WITHIN_S = 20


def free_port_base(ports: int = 10) -> int:
    """A base with `ports` free TCP ports from it on, outside of the range that the kernel gives to clients."""
    for base in range(20_000 + os.getpid() % 120 * 100, 32_000, ports):
        try:
            for port in range(base, base + ports):
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(("0.0.0.0", port))
        except OSError:
            continue
        return base
    raise AssertionError("no free ports")


class Appliance:
    """`with Appliance(demo=True) as box: box.url["edge"]`. Its home is a short new folder, removed at the end."""

    def __init__(self, *words: str, demo: bool = False, origin_door: bool = False, home: Path | None = None) -> None:
        self.words = [*words, *(["--demo"] if demo else [])]
        # sun_path holds 108 bytes: a test's own folder may be too deep for the sockets in it
        self._made = None if home else Path(tempfile.mkdtemp(prefix="hw-"))
        self.home: Path = home or self._made or Path()
        self.port_base = free_port_base()
        # Behind the ports of the table: for an origin that listens for edges elsewhere.
        self.origin_address = f"127.0.0.1:{self.port_base + 4}"
        if origin_door:
            self.words += ["--set", f"origin.listen={self.origin_address}"]
        self.url: dict[str, str] = {}
        self.token = ""
        self.process: subprocess.Popen[bytes] | None = None
        self._said: list[str] = []

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if kind is not None:
            print(self.logs())
        if self._made is not None:
            shutil.rmtree(self._made, ignore_errors=True)

    def start(self) -> None:
        """Start it and wait for the line that says it is ready."""
        listens = ("edge.listen", "control.listen", "ingest.rtmp_listen")
        local = [f"--set={name}=127.0.0.1:{self.port_base + at}" for at, name in enumerate(listens)]
        doors = {"ingest.whip_listen": "whip", "ingest.whip_media": "whip-media", "ingest.srt_listen": "srt"}
        local += [f"--set={name}=127.0.0.1:{port_number(door, self.port_base)}" for name, door in doors.items()]
        self.process = subprocess.Popen(
            [
                str(COMMAND),
                "up",
                "--home",
                str(self.home),
                f"--port-base={self.port_base}",
                "--json",
                *local,
                *self.words,
            ],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        threading.Thread(target=self._listen, args=(self.process,), daemon=True).start()
        ready = self._ready_line(self.process)
        self.url = {name: url for name, url in ready.items() if isinstance(url, str) and "://" in url}
        self.token = ready["admin_token"]

    def stop(self) -> int:
        """End it as Ctrl-C does; returns its exit code. Kills it if it does not end in time, which is a fault."""
        if self.process is None:
            return 0
        process, self.process = self.process, None
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            code = process.wait(_STOPPED_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"not stopped {_STOPPED_WITHIN_S} s after SIGINT\n{self.logs()}") from None
        return code

    def kill(self, role: str, worker: int = 0) -> int:
        """SIGKILL one role process; returns its pid."""
        pid = self.pid(role, worker)
        os.kill(pid, signal.SIGKILL)
        return pid

    def pid(self, role: str, worker: int = 0) -> int:
        """The pid of a role process, waiting until it runs."""
        return int(self._role(role, worker, lambda row: row["pid"] is not None)["pid"])

    def wait_for_new(self, role: str, old_pid: int, worker: int = 0) -> int:
        """Wait until another process than `old_pid` has taken the role and answers."""

        def is_new(row: dict[str, Any]) -> bool:
            return row["pid"] not in (None, old_pid) and row["state"] == "ready"

        return int(self._role(role, worker, is_new)["pid"])

    def _role(self, role: str, worker: int, right: Any, within: float = 30) -> dict[str, Any]:
        until = time.monotonic() + within
        while True:
            rows: list[dict[str, Any]] = self.ask("ops", "/status")["roles"]
            for row in rows:
                if row["role"] == role and row["worker"] == worker and right(row):
                    return row
            assert time.monotonic() < until, f"{role}-{worker} is not back\n{rows}\n{self.logs()}"
            time.sleep(0.05)

    def ask(self, door: str, path: str, *, method: str = "GET", body: Any = None) -> Any:
        """JSON from a door; control's get the admin token. Raises AssertionError that shows a refusal's body."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url[door] + path, data=data, method=method)
        if door == "control":
            request.add_header("Authorization", f"Bearer {self.token}")
        if data is not None:
            kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
            request.add_header("Content-Type", kind)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                text = answer.read()
        except urllib.error.HTTPError as refusal:
            raise AssertionError(f"{method} {path}: {refusal.code} {refusal.read().decode()}") from refusal
        return json.loads(text) if text else None

    def metric(self, name: str, **labels: str) -> float:
        """The sum of one metric over all roles and workers, of the samples that carry these labels."""
        from prometheus_client.parser import text_string_to_metric_families

        with urllib.request.urlopen(self.url["ops"] + "/metrics", timeout=10) as answer:
            text = answer.read().decode()
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def command(self, *words: str) -> Any:
        """Run `headwater --json WORDS` in this home; its JSON."""
        done = subprocess.run(
            [str(COMMAND), *words, "--home", str(self.home), "--json"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"headwater {' '.join(words)}: {done.stderr}"
        return json.loads(done.stdout) if done.stdout.strip() else None

    def stream_key(self, channel: str) -> str:
        keys: dict[str, str] = json.loads((self.home / "secrets" / "stream-keys.json").read_text())
        return keys[channel]

    def logs(self, lines: int = 25) -> str:
        """The ends of all logs: what to read when a test failed."""
        found = ["--- the command said", *self._said[-lines:]]
        for path in sorted((self.home / "logs").glob("*.log")):
            found += [f"--- {path.name}", *path.read_text(errors="replace").splitlines()[-lines:]]
        return "\n".join(found)

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stderr is not None
        for line in process.stderr:
            self._said.append(line.decode(errors="replace").rstrip())

    def _ready_line(self, process: subprocess.Popen[bytes]) -> dict[str, Any]:
        """The first line on standard output; a timer ends a command that never says it."""
        timer = threading.Timer(_READY_WITHIN_S, process.kill)
        timer.start()
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
        finally:
            timer.cancel()
        assert line, f"headwater up ended or was not ready within {_READY_WITHIN_S} s\n{self.logs()}"
        ready: dict[str, Any] = json.loads(line)
        return ready
