"""The `headwater` command."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from node.home import PORTS
from node.main import COMMANDS, run

HEADWATER = str(Path(sys.executable).with_name("headwater"))


@pytest.mark.parametrize(
    "words", [["--help"], ["ports"], ["version"], ["add", "--help"], ["status", "--home", "/nowhere"]]
)
def test_small_commands_load_no_web_server(words: list[str]) -> None:
    """They must start at once: what takes long to load is for those who serve."""
    code = (
        f"import sys; from node.main import run\n"
        f"try: run({words!r})\n"
        f"except SystemExit: pass\n"
        f"print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())
    assert loaded & {"aiohttp", "uvloop", "structlog", "numpy", "av", "asyncio", "prometheus_client"} == set()


def test_help_documents_every_command_and_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 0
    out = capsys.readouterr().out
    for row in COMMANDS.values():
        assert f"{row.name} " in out and row.what in out
    assert "exit codes:" in out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run([name, "--help"])
    assert ended.value.code == 0
    assert "--home" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words", [["dance"], ["up", "--role", "dancer"], ["channel"], ["check"], ["ports", "--port-base", "x"]]
)
def test_a_wrong_command_line_ends_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(words)
    assert ended.value.code == 2
    assert "usage: headwater" in capsys.readouterr().err


def test_ports_are_printed_from_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["ports"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [[row.name, str(row.default)] for row in PORTS.values()]
    assert run(["ports", "--port-base", "9000", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {name: 9000 + row.offset for name, row in PORTS.items()}


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["version", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["version"].count(".") == 2


def test_a_reader_that_stops_reading_is_no_traceback() -> None:
    read, write = os.pipe()
    os.close(read)  # gone before a word is written
    try:
        done = subprocess.run([HEADWATER, "ports"], stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (1, "")


def test_a_fault_is_a_sentence_on_standard_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["assets", "--home", str(tmp_path / "h")]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert (
        said.err
        == f"headwater: no appliance runs in {tmp_path / 'h'}: start it with headwater up --home {tmp_path / 'h'}\n"
    )
