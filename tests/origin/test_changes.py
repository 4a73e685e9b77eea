"""The count of changes: every process that maps it sees it move, and it never goes back to what somebody has seen."""

import subprocess
import sys
from pathlib import Path

from origin.changes import Changes
from tests.kit.optional import ROOT


def test_who_maps_the_same_file_sees_the_count_move(tmp_path: Path) -> None:
    writer, reader = Changes(tmp_path / "changes"), Changes(tmp_path / "changes")
    assert writer.count == reader.count == 0
    assert [writer.bump(), reader.count, writer.bump(), reader.count] == [1, 1, 2, 2]


def test_another_process_sees_it_at_once_and_a_kill_does_not_turn_it_back(tmp_path: Path) -> None:
    path = tmp_path / "changes"
    reader = Changes(path)
    words = (
        "import os, signal, sys; from pathlib import Path; from origin.changes import Changes;"
        "changes = Changes(Path(sys.argv[1])); changes.bump(); changes.bump(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", words, str(path)], cwd=ROOT, timeout=30)
    assert reader.count == 2
    assert Changes(path).count == 2, "opening it does not begin again"


def test_the_file_has_room_on_disk_before_it_is_mapped(tmp_path: Path) -> None:
    Changes(tmp_path / "changes")
    assert (tmp_path / "changes").stat().st_size == 8


def test_the_count_goes_round_instead_of_failing(tmp_path: Path) -> None:
    (tmp_path / "changes").write_bytes(b"\xff" * 8)
    changes = Changes(tmp_path / "changes")
    assert changes.bump() == 0
