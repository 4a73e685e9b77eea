from pathlib import Path

from control.files import put_in_place, write_private


def test_a_file_is_replaced_whole_and_private(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [child.name for child in tmp_path.iterdir()] == ["token"]


def test_what_an_earlier_kill_left_is_not_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "token.tmp").write_text("half")
    (tmp_path / "token.tmp").chmod(0o666)
    write_private(tmp_path / "token", b"whole")
    assert (tmp_path / "token").read_bytes() == b"whole"
    assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600


def test_put_in_place_renames(tmp_path: Path) -> None:
    (tmp_path / "next").write_text("x")
    put_in_place(tmp_path / "next", tmp_path / "now")
    assert (tmp_path / "now").read_text() == "x" and not (tmp_path / "next").exists()
