"""Marks of a channel at the origin: on the disk before anybody is told, and there again after a restart."""

from __future__ import annotations

from pathlib import Path

import pytest

from base.push import MarkNote
from origin.journal import Journal
from origin.live_marks import LiveMarks

AT = 1_700_000_000
OUT = MarkNote(
    action="out", kind="insert", event=7, start=AT, timescale=1, number=5, planned_ms=30_000, section=b"\xfc"
)
IN = MarkNote(action="in", kind="insert", event=7, start=AT + 30, timescale=1, number=20, section=b"\xfc\1")


async def test_they_are_kept_over_a_restart_and_repetitions_say_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    marks = LiveMarks(journal, "news", "e1")
    assert await marks.take([OUT]) and not await marks.take([OUT])
    journal.close()

    again = Journal(tmp_path / "journal.db")
    marks = LiveMarks(again, "news", "e1", again.marks("news", "e1"))
    assert not await marks.take([OUT]), "an encoder that sends again after the origin came back"
    assert await marks.take([IN])
    (mark,) = marks.within(0)
    assert (mark.id, mark.start, mark.end, mark.back) == ("insert-7-5", AT * 10**6, (AT + 30) * 10**6, b"\xfc\1")
    assert again.marks("news", "e1") == [mark] and again.marks("news", "e2") == []
    await marks.drop((AT + 30) * 10**6)
    assert again.marks("news", "e1") == [mark]
    await marks.drop((AT + 31) * 10**6)
    assert again.marks("news", "e1") == [] and marks.within(0) == ()
    await marks.take([OUT])
    await again.remove("news")
    assert again.marks("news", "e1") == []
    again.close()


async def test_what_cannot_be_stored_is_not_announced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path / "journal.db")
    marks = LiveMarks(journal, "news", "e1")

    async def full(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(journal, "_submit", full)
    with pytest.raises(OSError, match="full"):
        await marks.take([OUT])
    assert marks.within(0) == ()
    monkeypatch.undo()
    assert await marks.take([OUT]), "it is asked for again"
    journal.close()
