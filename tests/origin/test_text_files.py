"""Texts on disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from base.problems import Problem
from origin import text_files
from tests.packager.text.texts import cue, film, sidecar


def test_what_is_stored_is_loaded_in_the_order_of_its_numbers(tmp_path: Path) -> None:
    for name in ("s10", "s2", "s1"):
        text_files.store(tmp_path, film(), name, sidecar([cue(0, 1000, name)]))
    found = text_files.load(tmp_path, film())
    assert [(plan.name, plan.text.cues[0].text) for plan in found] == [("s1", "s1"), ("s2", "s2"), ("s10", "s10")]
    text_files.drop(tmp_path, "s2")
    assert sorted(os.listdir(tmp_path / "text")) == ["s1.json", "s10.json"], "and nothing half written"


def test_a_damaged_text_is_left_out_and_the_others_are_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("s1", "s2"):
        text_files.store(tmp_path, film(), name, sidecar([cue(0, 1000)]))
    (tmp_path / "text" / "s1.json").write_bytes(b'{"language": 1')
    assert [plan.name for plan in text_files.load(tmp_path, film())] == ["s2"]


def test_what_cannot_be_done_changes_nothing(tmp_path: Path) -> None:
    with pytest.raises(Problem) as gone:
        text_files.store(tmp_path / "gone", film(), "s1", sidecar([]))
    with pytest.raises(Problem) as unknown:
        text_files.drop(tmp_path, "s1")
    dense = sidecar([cue(at, at + 50, "x" * 3000) for at in range(4000, 5000)])
    with pytest.raises(Problem) as unplayable:
        text_files.store(tmp_path, film(), "s1", dense)
    assert [p.value.kind.name for p in (gone, unknown, unplayable)] == ["unknown", "unknown", "unplayable"]
    assert os.listdir(tmp_path) == [] and text_files.load(tmp_path, film()) == ()
