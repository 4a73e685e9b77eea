"""In CI a skipped test is a failed one, unless its reason is excused: no suite is green by running nothing."""

import os
import subprocess
import sys
from pathlib import Path

from tests.kit.optional import ROOT

PLANTED = """
import pytest
from tests.kit.optional import lacks

def test_lacks_a_program(): lacks("program", "made up")
def test_lacks_media(): lacks("shared media", "made up")
def test_runs(): pass
@pytest.mark.xfail(strict=True)
def test_is_known_to_fail(): assert False
"""


def outcome(folder: Path, ci: str) -> str:
    path = folder / "test_planted.py"
    path.write_text(PLANTED)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", str(ROOT / "pyproject.toml")]
    command += ["-p", "tests.conftest", f"--rootdir={ROOT}", str(path)]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"CI": ci}, capture_output=True, text=True, timeout=60, check=False
    )
    return f"{done.returncode} {done.stdout.splitlines()[-1].rpartition(' in ')[0]}"


def test_on_a_newcomers_machine_a_skip_is_a_skip(tmp_path: Path) -> None:
    assert outcome(tmp_path, "") == "0 1 passed, 2 skipped, 1 xfailed"


def test_in_ci_only_an_excused_one_is(tmp_path: Path) -> None:
    assert outcome(tmp_path, "true") == "1 1 failed, 1 passed, 1 skipped, 1 xfailed"
