"""SubRip as it is found."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from base.problems import Problem
from packager.text import subrip
from packager.text.cues import Cue, Run, tidy
from packager.text.webvtt import clock
from tests.packager.text.texts import CUES


def printed(cues: tuple[Cue, ...]) -> str:
    return "\n".join(
        f"{at}\n{clock(cue.start).replace('.', ',')} --> {clock(cue.end).replace('.', ',')}\n{cue.text}\n"
        for at, cue in enumerate(cues, 1)
    )


@settings(deadline=None)
@given(st.lists(CUES, min_size=1, max_size=6))
def test_what_programs_write_reads_back(cues: list[Cue]) -> None:
    words = re.compile(r"[<>{}&\\]|\d")
    kept, _ = tidy(
        Cue(c.start, c.end, tuple((Run(words.sub("x", "".join(r.text for r in line))),) for line in c.lines))
        for c in cues
    )
    assert subrip.read(printed(kept)).cues == kept


@pytest.mark.parametrize(
    "row, start, end",
    [
        ("00:00:01,000 --> 00:00:02,500", 1000, 2500),
        ("0:0:1,000 --> 0:0:2,500", 1000, 2500),
        ("00:00:01.5 --> 00:00:02.25", 1500, 2250),
        ("00:00:01,5 --> 00:00:02,50", 1005, 2050),
        ("00:00:01:500 --> 00:00:02:500", 1500, 2500),
        ("01:02 --> 01:03,1", 62000, 63001),
        (" 00 : 00 : 01,000-->00:00:02,000  X1:10 X2:20 Y1:1 Y2:2", 1000, 2000),
        ("00:00:01,000 -> 00:00:02,000", 1000, 2000),
        ("100:00:00,000 --> 100:00:00,001", 360_000_000, 360_000_001),
    ],
)
def test_odd_but_usual_times(row: str, start: int, end: int) -> None:
    (found,) = subrip.read(f"1\n{row}\nx").cues
    assert (found.start, found.end) == (start, end)


def test_blank_lines_and_counters_do_no_harm() -> None:
    text = (
        "7\n00:00:01,000 --> 00:00:02,000\nOne\n\nmore\n\n\n00:00:03,000 --> 00:00:04,000\nTwo\n"
        "3\n00:00:05,0 --> 00:00:06,0\n1984\n"
    )
    assert [one.text for one in subrip.read(text).cues] == ["One\nmore", "Two", "1984"]


def test_what_ends_before_it_begins_is_left_out_and_said() -> None:
    found = subrip.read("1\n00:00:02,000 --> 00:00:01,000\nx\n\n2\n-00:00:01,000 --> 00:00:01,000\ny\n")
    assert found.cues == () and found.notes == ("2 cues left out: the end is not after the start",)


@pytest.mark.parametrize(
    "text, sentence",
    [
        ("hello\nworld", "line 1: no times such as"),
        ("title\n1\n00:00:01,000 --> 00:00:02,000\nx", "line 1: here the first cue should begin"),
        ("1\n00:00:01,000 --> soon\nx", "line 2: give times as"),
        ("1\n00:00:01,000 --> 00:00:02,000\nx\n\n2\n00:00:61,000 --> 00:01:02,000\ny", "line 6: minutes and seconds"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_line(text: str, sentence: str) -> None:
    with pytest.raises(Problem, match=re.escape(sentence)):
        subrip.read(text)
