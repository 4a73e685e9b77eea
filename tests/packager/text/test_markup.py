"""Markup within a cue, read and written."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packager.text import markup
from packager.text.cues import Line, Place, Run
from tests.packager.text.texts import lines


@settings(deadline=None)
@given(lines())
def test_what_is_written_reads_back(made: tuple[Line, ...]) -> None:
    text = markup.written(made)
    assert "-->" not in text and "\n\n" not in text
    assert markup.read(text, webvtt=True) == (made, Place())


@settings(deadline=None)
@given(st.text(max_size=200), st.booleans())
def test_anything_reads_as_something(text: str, webvtt: bool) -> None:
    markup.read(text, webvtt=webvtt)


@pytest.mark.rule("WebVTT 6.4", "tags, classes, voices and time stamps within a cue are no text")
def test_what_is_left_out_of_webvtt() -> None:
    text = "<v.loud Mary>Hi <c.yellow.bg>there</c></v> <00:01.000><lang de>du</lang> <ruby>漢<rt>kan</rt></ruby> <x>"
    assert plain(text, webvtt=True) == "Hi there du 漢"


def test_entities_and_styles() -> None:
    (line,), _ = markup.read("a &amp; <i>b <b>c</b></i> <u>d</u>&nbsp;&lt;", webvtt=True)
    assert line == (
        Run("a & "), Run("b ", italic=True), Run("c", italic=True, bold=True), Run(" "), Run("d", underline=True),
        Run("\u00a0<"),
    )  # fmt: skip


def test_subrip_keeps_what_is_no_tag() -> None:
    assert plain("I <3 you & 1 < 2 <shrug>", webvtt=False) == "I <3 you & 1 < 2 <shrug>"
    assert plain('<font color="red">red</font><br>two', webvtt=False) == "red\ntwo"


@pytest.mark.parametrize(
    "code, where",
    [
        ("an8", Place(line="0")), ("an2", Place()), ("an7", Place(line="0", align="left")),
        ("an6", Place(line="50%,center", align="right")), ("a6", Place(line="0")), ("a10", Place(line="50%,center")),
        ("a4", Place()),
    ],
)  # fmt: skip
def test_places_of_subrip(code: str, where: Place) -> None:
    made, found = markup.read(f"{{\\{code}}}top", webvtt=False)
    assert (made[0][0].text, found) == ("top", where)


def test_styles_in_braces() -> None:
    (line,), _ = markup.read("{\\i1}slanted{\\i0} not", webvtt=False)
    assert line == (Run("slanted", italic=True), Run(" not"))


def plain(text: str, *, webvtt: bool) -> str:
    made, _ = markup.read(text, webvtt=webvtt)
    return "\n".join("".join(run.text for run in line) for line in made)
