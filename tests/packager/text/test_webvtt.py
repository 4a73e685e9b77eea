"""WebVTT files and segments."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from base.problems import Problem
from packager.text import webvtt
from packager.text.cues import Cue, Place, tidy
from tests.packager.text.texts import CUES, cue


@settings(deadline=None)
@given(st.lists(CUES, max_size=8))
def test_a_printed_file_reads_back(cues: list[Cue]) -> None:
    kept, _ = tidy(cues)
    assert webvtt.read(webvtt.file(kept)).cues == kept
    assert webvtt.read(webvtt.segment(kept, start=0, zero=0)).cues == kept


def test_a_file_with_everything() -> None:
    found = webvtt.read(
        "WEBVTT - a title\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:900000\n\n"
        "STYLE\n::cue { color: red }\n\nREGION\nid:fred\n\nNOTE a remark\nof two lines\n\n"
        "intro\n00:01.000 --> 00:02.500 line:0 align:start region:fred\nOne\nline\n\n"
        "123456:59:59.999 --> 123457:00:00.000\nlate\n".replace("123456", "0098").replace("123457", "0099")
    )
    assert found.cues == (
        Cue(1000, 2500, cue(0, 1, "One\nline").lines, Place(line="0", align="start")),
        cue(98 * 3_600_000 + 3_599_999, 99 * 3_600_000, "late"),
    )
    assert found.notes == (
        "the time stamp map of the file left out: cue times count from the start of the film",
        "REGION blocks left out",
        "STYLE blocks left out",
    )


def test_a_cue_without_a_blank_line_before_it_is_its_own() -> None:
    found = webvtt.read("WEBVTT\n\n00:01.000 --> 00:02.000\nOne\n00:03.000 --> 00:04.000\nTwo")
    assert [(one.start, one.text) for one in found.cues] == [(1000, "One"), (3000, "Two")]


@pytest.mark.parametrize(
    "text, sentence",
    [
        ("1\n00:01.000 --> 00:02.000\nx", "line 1: a WebVTT file begins with WEBVTT"),
        ("WEBVTTX", "line 1"),
        ("WEBVTT\n\nwords\nwords\n", "line 3: here a cue should begin"),
        ("WEBVTT\n\n00:01 --> 00:02\nx", "line 3: give times as"),
        ("WEBVTT\n\nid\n00:61.000 --> 00:62.000\nx", "line 4: minutes and seconds go up to 59"),
        ("WEBVTT\n\n00:01.000 --> " + " " * 100_000 + "x", "line 3: give times as"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_line(text: str, sentence: str) -> None:
    with pytest.raises(Problem, match=re.escape(sentence)) as problem:
        webvtt.read(text)
    assert problem.value.kind.name == "unplayable" and len(problem.value.detail) < 250


@pytest.mark.rule("RFC 8216bis 3.1.4", "a WebVTT segment begins with WEBVTT and maps its times to those of the media")
@pytest.mark.parametrize(
    "start, zero, line",
    [
        (0, 0, "X-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0"),
        (180_000, 7200, "X-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:7200"),
        # after the clock of 33 bits went round: 27 h = 8748000000 ticks
        (8_748_000_000, 0, f"X-TIMESTAMP-MAP=LOCAL:27:00:00.000,MPEGTS:{8_748_000_000 - (1 << 33)}"),
        (8_748_000_045, 45, f"X-TIMESTAMP-MAP=LOCAL:27:00:00.000,MPEGTS:{8_748_000_045 - (1 << 33)}"),
    ],
)
def test_a_segment_maps_its_times(start: int, zero: int, line: str) -> None:
    assert webvtt.segment([], start=start, zero=zero) == f"WEBVTT\n{line}\n\n"


def test_clock() -> None:
    assert webvtt.clock(3_723_045) == "01:02:03.045" and webvtt.clock(360_000_000) == "100:00:00.000"
