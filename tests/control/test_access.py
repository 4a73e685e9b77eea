from pathlib import Path

import pytest

from base.problems import Problem
from control.access import Access, open_access

TOKEN = "a" * 20 + "B-9_"


@pytest.mark.parametrize("field", [f"Bearer {TOKEN}", f"bearer {TOKEN}", f"BEARER  {TOKEN}"])
def test_the_token_is_let_in(field: str) -> None:
    Access(TOKEN).check(field)


@pytest.mark.parametrize(
    "field",
    ["", "Bearer", "Bearer ", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", "Bearer \udcff"],
)
def test_anything_else_is_refused_with_the_same_words(field: str) -> None:
    with pytest.raises(Problem) as refused:
        Access(TOKEN).check(field)
    assert refused.value.kind.status == 401
    assert refused.value.detail == "send `Authorization: Bearer <token>` with the admin token of this appliance"


def test_the_first_start_makes_a_private_token_and_the_next_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "admin-token"
    open_access(path)
    token = path.read_text().strip()
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(token) >= 40
    path.chmod(0o644)
    assert open_access(path).allows(f"Bearer {token}")
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", ["", "short", "x" * 20 + " y", "ü" * 30])
def test_an_unusable_file_is_refused_rather_than_used(tmp_path: Path, content: str) -> None:
    path = tmp_path / "admin-token"
    path.write_text(content)
    with pytest.raises(OSError, match="holds no usable token"):
        open_access(path)


def test_the_object_keeps_no_token() -> None:
    assert TOKEN not in repr(vars(Access(TOKEN)))
