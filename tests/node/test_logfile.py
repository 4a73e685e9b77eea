"""A role's log on disk."""

import itertools
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from node.logfile import LogFile, LogStream


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=5))
def test_lines_are_the_same_however_the_pipe_cuts_them(text: bytes, cuts: list[int]) -> None:
    whole, pieces = LogFile(Path("/dev/null")), LogFile(Path("/dev/null"))
    edges = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    found = [line for start, end in itertools.pairwise(edges) for line in pieces.write(text[start:end])]
    assert found == whole.write(text)
    whole.close()
    pieces.close()


def test_the_file_is_turned_over_and_the_oldest_turn_is_dropped(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "edge-0.log", largest=100, turns=3)
    for number in range(40):
        log.write(f"line {number:02}\n".encode())
    log.close()
    names = ["edge-0.log.2", "edge-0.log.1", "edge-0.log"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)
    assert all((tmp_path / name).stat().st_size <= 100 for name in names)
    kept = [line for name in names for line in (tmp_path / name).read_text().splitlines()]
    assert kept == [f"line {number:02}" for number in range(40 - len(kept), 40)]


def test_a_later_run_appends(tmp_path: Path) -> None:
    for text in (b"one\n", b"two\n"):
        log = LogFile(tmp_path / "log")
        log.write(text)
        log.close()
    assert (tmp_path / "log").read_text() == "one\ntwo\n"


def test_a_last_line_without_an_end_is_kept(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "log")
    log.write(b"Killed")
    log.close()
    assert (tmp_path / "log").read_text() == "Killed\n"
    assert list(log.tail) == ["Killed"]


def test_a_disk_that_is_gone_costs_lines_only(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "no such folder" / "log")
    assert log.write(b"still said\n") == ["still said"]
    assert list(log.tail) == ["still said"]


def test_a_stream_writes_at_once(tmp_path: Path) -> None:
    stream = LogStream(LogFile(tmp_path / "log"))
    assert stream.write('{"a": 1}\n') == 9
    stream.flush()
    assert (tmp_path / "log").read_text() == '{"a": 1}\n'
