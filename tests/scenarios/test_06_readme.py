"""The README's quick start is executed: its shell blocks that are marked `check`, in order, as a newcomer would."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.home import PORTS, port_number
from tests.kit.appliance import free_port_base
from tests.kit.optional import ROOT, program

_BLOCK = re.compile(r"^```sh check(?P<stays> stays)?\n(?P<text>.*?)^```$", re.M | re.S)


def blocks() -> list[tuple[bool, str]]:
    """(runs until the end?, shell text) in order."""
    return [(bool(row["stays"]), row["text"]) for row in _BLOCK.finditer((ROOT / "README.md").read_text())]


def with_ports(text: str, base: int) -> str:
    """The same text for an appliance that was started with another --port-base: the defaults may be taken here."""
    for row in PORTS.values():
        text = re.sub(rf"\blocalhost:{row.default}\b", f"localhost:{port_number(row.name, base)}", text)
    return text


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder like a clone that is set up: everything of the repository, and no data yet.

    Set-up comes first, and in the repository itself: done by way of the links it would install the links' paths.
    """
    subprocess.run(["make", "setup"], cwd=ROOT, check=True)
    for entry in ROOT.iterdir():
        if entry.name != "headwater-home":
            (tmp_path / entry.name).symlink_to(entry)
    return tmp_path


@pytest.fixture
def terminal(clone: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The first block, in a terminal of its own, and its port base."""
    base = free_port_base()
    stays = [text for left, text in blocks() if left]
    assert len(stays) == 1
    output = (clone / "terminal.txt").open("wb")
    environment = os.environ | {"ARGS": f"--port-base {base}", "MAKEFLAGS": ""}
    process = subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", stays[0]],
        cwd=clone,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield process, base
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
        output.close()


def test_the_quick_start_does_what_it_says(terminal: tuple[subprocess.Popen[bytes], int], clone: Path) -> None:
    program("ffmpeg")
    process, base = terminal
    until = time.monotonic() + 60
    while "Ctrl-C stops" not in (said := (clone / "terminal.txt").read_text()):
        assert process.poll() is None and time.monotonic() < until, said
        time.sleep(0.1)
    assert f"localhost:{port_number('control', base)}" in said
    for stays, text in blocks():
        if stays:
            continue
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", with_ports(text, base)],
            cwd=clone,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}\n{(clone / 'terminal.txt').read_text()}"
    os.killpg(process.pid, signal.SIGINT)
    process.wait(15)
    assert "stopped" in (clone / "terminal.txt").read_text()


def test_the_addresses_of_the_readme_are_those_of_the_table() -> None:
    text = (ROOT / "README.md").read_text()
    spelt = {int(port) for port in re.findall(r"localhost:(\d+)", text)}
    assert spelt and spelt <= {row.default for row in PORTS.values()}
