"""The model of cues: what is kept, and what is refused before it can cost anything."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from base.problems import Problem
from packager.text import cues
from packager.text.cues import Cue, Place, Run, lines_of, place, tidy
from tests.packager.text.texts import cue


@settings(deadline=None)
@given(st.lists(st.builds(Run, st.text(max_size=20), st.booleans())))
def test_lines_are_never_empty_and_never_hold_what_cannot_be_printed(runs: list[Run]) -> None:
    for line in lines_of(runs):
        text = "".join(run.text for run in line)
        assert text == text.strip() and text and text.splitlines() == [text]
        assert all(a.italic != b.italic for a, b in pairwise(line)), "neighbours differ"


def test_cues_are_put_in_order_and_those_that_are_never_shown_go() -> None:
    kept, notes = tidy([cue(5, 9), cue(1, 3), cue(4, 4), cue(7, 2), Cue(0, 1, ())])
    assert [(one.start, one.end) for one in kept] == [(1, 3), (5, 9)]
    assert notes == ("1 cue left out: without text", "2 cues left out: the end is not after the start")


def test_too_many_cues_at_once_are_refused_and_as_many_in_a_row_are_not() -> None:
    tidy([cue(at, at + 10) for at in range(0, 10 * cues.MOST_AT_ONCE * 3, 10)])
    tidy([cue(0, 10) for _ in range(cues.MOST_AT_ONCE)])
    with pytest.raises(Problem, match="at once at 0 s"):
        tidy([cue(0, 10) for _ in range(cues.MOST_AT_ONCE + 1)])


def test_limits_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Problem, match="4000 characters"):
        tidy([cue(0, 1, "x" * 4001)])
    with pytest.raises(Problem, match="1000 hours"):
        tidy([cue(0, cues.LATEST_MS + 1)])
    monkeypatch.setattr(cues, "MOST_CUES", 3)
    with pytest.raises(Problem, match="4 cues, at most 3"):
        tidy([cue(at, at + 1) for at in range(4)])


@pytest.mark.rule("WebVTT 6.3", "settings with values that are not allowed are left out")
def test_settings_that_are_none_are_left_out() -> None:
    assert place(line="101%", position="x", size="50%", align="middle", vertical="up", region="r") == Place(size="50%")
    assert place(line="-1,end", position="10%,line-left") == Place(line="-1,end", position="10%,line-left")
