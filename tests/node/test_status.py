"""`headwater status`."""

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from node import running
from node.home import Home
from node.main import run
from tests.node.conftest import headwater


async def test_a_running_box_is_shown(appliances: Any, home: Home) -> None:
    box = await appliances("--json", "--role", "origin", "--role", "edge")
    ready = await box.ready()
    code, out, _ = await headwater("status", "--home", str(home.root))
    assert code == 0
    assert ["edge", ready["edge"]] in [line.split() for line in out.splitlines()]
    code, out, _ = await headwater("status", "--home", str(home.root), "--json")
    found = json.loads(out)
    assert (code, found["running"], found["pid"]) == (0, True, box.process.pid)
    assert all(role["state"] == "ready" for role in found["roles"])

    os.kill(box.role_pids()["edge-0"], signal.SIGKILL)
    await box.says("edge died")
    async with asyncio.timeout(20):
        while code or "restarts 1" not in out:
            code, out, _ = await headwater("status", "--home", str(home.root))
    assert out.count("restarts 0") == 2  # origin and pictures


def test_a_home_where_nothing_runs_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["status", "--home", str(tmp_path)]) == 1
    assert "start it with headwater up" in capsys.readouterr().err
    assert run(["status", "--home", str(tmp_path), "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == {"running": False, "home": str(tmp_path)}


def test_a_supervisor_that_is_just_starting_is_told(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    lock = running.Lock(running.supervisor_lock(home))
    try:
        running.Running(pid=1, port_base=0, urls={"ops": "http://127.0.0.1:9"}).write(home)
        assert run(["status", "--home", str(home.root)]) == 1
        assert "it may be starting or stopping" in capsys.readouterr().err
    finally:
        lock.release()
