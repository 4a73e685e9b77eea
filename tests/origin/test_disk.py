from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from origin import disk
from tests.kit.optional import ROOT


def test_a_file_is_there_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "init.mp4"
    disk.write_whole(path, b"one")
    disk.write_whole(path, b"two")
    assert path.read_bytes() == b"two" and os.listdir(tmp_path) == ["init.mp4"]


def test_writers_of_one_name_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "init.mp4"
    bodies = [bytes((at,)) * 200_000 for at in range(8)]
    threads = [threading.Thread(target=disk.write_whole, args=(path, body)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes() in bodies and os.listdir(tmp_path) == ["init.mp4"]


def test_what_cannot_be_put_in_place_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError):
        disk.write_whole(tmp_path / "taken", b"one")
    assert os.listdir(tmp_path) == ["taken"]


def test_parts_lie_where_they_were_put(tmp_path: Path) -> None:
    path = tmp_path / "5.open"
    disk.write_at(path, b"first", 0)
    disk.write_at(path, b"second", 5)
    assert path.read_bytes() == b"firstsecond"
    assert disk.read_at(path, 5, 6) == b"second"
    disk.seal(path, 11)
    assert path.read_bytes() == b"firstsecond"


def test_sealing_cuts_off_what_a_failed_write_left(tmp_path: Path) -> None:
    path = tmp_path / "5.open"
    disk.write_at(path, b"first" + b"torn", 0)
    disk.seal(path, 5)
    assert path.read_bytes() == b"first"


# RLIMIT_FSIZE stands for a full disk: a write that begins within the limit is short, the next one fails.
_FULL = """
import resource, signal, sys
from pathlib import Path
from origin import disk
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
for size, offset in ((600, 0), (600, 600)):
    try:
        disk.write_at(Path(sys.argv[1]), bytes(size), offset)
    except OSError as fault:
        print(offset, fault.strerror)
try:
    disk.write_at(Path(sys.argv[1] + "2"), bytes(2000), 0)
except OSError as fault:
    print("new", fault.strerror)
"""


def test_a_full_disk_takes_back_what_it_could_not_store(tmp_path: Path) -> None:
    path = tmp_path / "5.open"
    command = [sys.executable, "-c", _FULL, str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "600 File too large\nnew File too large\n"
    assert path.stat().st_size == 600 and os.listdir(tmp_path) == ["5.open"]
