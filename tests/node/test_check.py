"""`headwater check`."""

import json
from pathlib import Path

import pytest

from node.main import run


def test_a_good_file_is_told_with_what_it_changes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "s.toml"
    path.write_text('[edge]\nmemory = "1G"\nworkers = 0\n[control]\ndemo = true\n')
    assert run(["check", str(path)]) == 0
    assert (
        capsys.readouterr().out
        == "ok: 3 settings\n  edge.memory   1G  (default 256M)\n  control.demo  true  (default false)\n"
    )
    assert run(["check", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == {"ok": True, "settings": 3, "changed": {"edge.memory": "1G", "control.demo": True}}


def test_every_fault_is_told_with_file_and_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "s.toml"
    path.write_text("[edge]\nworkers = -1\nlsiten = 1\n")
    assert run(["check", str(path)]) == 1
    assert capsys.readouterr().err.splitlines() == [
        f"{path}:2: edge.workers: give a number from 0 to 256, not -1",
        f"{path}:3: edge.lsiten: no such setting; did you mean edge.listen?",
    ]
    assert run(["--json", "check", str(path)]) == 1
    assert len(json.loads(capsys.readouterr().out)["faults"]) == 2


def test_a_file_that_is_not_there_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", str(tmp_path / "none")]) == 1
    assert "no such file or directory" in capsys.readouterr().err
    assert run(["check", str(tmp_path)]) == 1
    assert "is a directory" in capsys.readouterr().err


def test_an_empty_file_is_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "s.toml").touch()
    assert run(["check", str(tmp_path / "s.toml")]) == 0
    assert capsys.readouterr().out == "ok: 0 settings\n"
