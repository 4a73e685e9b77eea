"""Marks beside an asset: there as a whole, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from base.problems import Problem
from origin.mark_files import FILE, load, store
from packager.marks import Mark, Marks, of


def test_marks_are_kept_and_taken_away(tmp_path: Path) -> None:
    found = of([Mark(id="a", start=1.5, kind="ad", duration=2.0, values={"X": 1.5}, period=True)])
    assert load(tmp_path) == Marks()
    store(tmp_path, found)
    assert load(tmp_path) == found
    store(tmp_path, Marks())
    assert load(tmp_path) == Marks() and list(tmp_path.iterdir()) == []
    store(tmp_path, Marks())


def test_damaged_marks_are_none(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b'[{"id":"a"')
    assert load(tmp_path) == Marks()


def test_an_asset_that_has_gone(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="no asset gone"):
        store(tmp_path / "gone", of([Mark(id="a", start=1, kind="ad")]))
