"""Who runs in a home: two locks and `state/running.json`, by which the commands find the appliance.

`state/lock` is held by the supervisor. `state/roles-lock` is held by every role process as well (they inherit the
open file), so a new supervisor can wait for the roles of one that was killed. Both are flock(2): they fall with their
last holder, whatever ended it. Neither file is ever removed, for a lock on a removed file guards nothing.
"""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from node.home import Home


class Held(Exception):
    """Somebody else holds the lock."""


class Lock:
    """An exclusive flock on a file. `fd` may be inherited by children, who then hold the same lock."""

    def __init__(self, path: Path) -> None:
        """Raises Held, or OSError."""
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as fault:
            os.close(self.fd)
            raise Held(str(path)) from fault

    def release(self) -> None:
        os.close(self.fd)


def supervisor_lock(home: Home) -> Path:
    return home.state / "lock"


def roles_lock(home: Home) -> Path:
    return home.state / "roles-lock"


@dataclass(slots=True)
class Running:
    """What `running.json` says. `urls`: name of a door (edge, control, rtmp, ops) -> its URL. No secrets."""

    pid: int
    port_base: int
    urls: dict[str, str]
    roles: list[dict[str, Any]] = field(default_factory=list)  # role, worker, pid

    def write(self, home: Home) -> None:
        made = home.state / "running.json.new"
        made.write_text(json.dumps(asdict(self)) + "\n")
        made.replace(home.state / "running.json")


def read(home: Home) -> Running | None:
    """What the last supervisor of this home wrote, whether it still runs or not."""
    try:
        return Running(**json.loads((home.state / "running.json").read_text()))
    except (OSError, ValueError, TypeError):
        return None


def find(home: Home) -> Running | None:
    """The appliance that runs in this home now, or None."""
    try:
        Lock(supervisor_lock(home)).release()
    except Held:
        return read(home)
    except OSError:
        return None
    return None


def forget(home: Home) -> None:
    (home.state / "running.json").unlink(missing_ok=True)


def left_behind(home: Home) -> list[int]:
    """Role processes of a killed supervisor that still live: pids of `running.json` that are roles of this home."""
    last = read(home)
    found = []
    for entry in last.roles if last else []:
        pid = int(entry.get("pid", 0))
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"--worker" in words and os.fsencode(home.root) in words:
            found.append(pid)
    return found
