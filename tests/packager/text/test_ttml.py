"""TTML documents: times, lines, styles and regions, and what is refused."""

from __future__ import annotations

import re

import pytest

from base.problems import Problem
from packager.text import ttml
from packager.text.cues import Cue, Place, Run
from tests.packager.text.texts import cue

LOOP = '<styling><style xml:id="a" style="b"/><style xml:id="b" style="a"/></styling>'
HEAD = (
    '<tt xmlns="http://www.w3.org/ns/ttml" xmlns:tts="http://www.w3.org/ns/ttml#styling" '
    'xmlns:ttp="http://www.w3.org/ns/ttml#parameter" xml:lang="de"'
)


def document(body: str, head: str = "", parameters: str = "") -> bytes:
    return f"{HEAD} {parameters}>{head and f'<head>{head}</head>'}<body{body}</body></tt>".encode()


def cues(body: str, head: str = "", parameters: str = "") -> list[tuple[int, int, str]]:
    found = ttml.read(document(body, head, parameters)).cues
    return [(one.start, one.end, one.text) for one in found]


@pytest.mark.rule("TTML2 12.2", "times count from the parent's, in a sequence from the end of the element before")
def test_times_are_nested() -> None:
    assert cues(
        ' begin="10s"><div begin="1s" end="5s"><p begin="1s" dur="2s">a</p><p begin="3s" dur="9s">b</p></div>'
    ) == [
        (12000, 14000, "a"),
        (14000, 15000, "b"),
    ]
    assert cues('><div timeContainer="seq"><p dur="1s">a</p><p begin="1s" dur="2s">b</p><p dur="1s">c</p></div>') == [
        (0, 1000, "a"),
        (2000, 4000, "b"),
        (4000, 5000, "c"),
    ]


def test_spans_with_times_of_their_own_make_cues() -> None:
    assert cues(
        '><div><p begin="5s" end="8s"><span end="1s">A</span> <span begin="0.5s" end="2s">B</span></p></div>'
    ) == [
        (5000, 5500, "A"),
        (5500, 6000, "A B"),
        (6000, 7000, "B"),
    ]


def test_blanks_and_breaks() -> None:
    assert cues('><div><p begin="0s" end="1s">\n  a   b<br/>\n  <span>c\n</span></p></div>') == [(0, 1000, "a b\nc")]
    assert cues('><div><p begin="0s" end="1s" xml:space="preserve">a   b\nc</p></div>') == [(0, 1000, "a   b\nc")]


def test_styles_are_referred_to_and_inherited() -> None:
    head = (
        '<styling><style xml:id="a" tts:fontStyle="italic"/>'
        '<style xml:id="b" style="a" tts:fontWeight="bold"/></styling>'
    )
    span = '<span tts:fontStyle="normal" tts:textDecoration="underline">y</span>'
    (found,) = ttml.read(document(f'><div style="b"><p begin="0s" end="1s">x{span}</p></div>', head)).cues
    assert found.lines == ((Run("x", italic=True, bold=True), Run("y", bold=True, underline=True)),)


@pytest.mark.parametrize("hidden", ['tts:display="none"', 'tts:visibility="hidden"', 'tts:ruby="text"'])
def test_what_is_hidden_is_left_out(hidden: str) -> None:
    assert cues(f'><div><p begin="0s" end="1s">a<span {hidden}>b</span></p></div>') == [(0, 1000, "a")]


def test_a_region_is_a_place() -> None:
    head = (
        '<layout><region xml:id="t" tts:origin="10% 10%" tts:extent="80% 20%">'
        '<style tts:displayAlign="before"/></region></layout>'
    )
    (found,) = ttml.read(
        document('><div region="t"><p begin="0s" end="1s" tts:textAlign="left">x</p></div>', head)
    ).cues
    assert found == Cue(0, 1000, cue(0, 1, "x").lines, Place(line="10%", position="10%,line-left", align="left"))


def test_a_document_of_before_the_recommendation_reads_as_well() -> None:
    text = (
        b'<tt xmlns="http://www.w3.org/2006/10/ttaf1" xmlns:s="http://www.w3.org/2006/10/ttaf1#styling">'
        b'<body><div><p begin="1s" end="2s" s:fontStyle="italic">x</p></div></body></tt>'
    )
    assert ttml.read(text).cues[0].lines == ((Run("x", italic=True),),)


@pytest.mark.parametrize(
    "data, sentence",
    [
        (b'<!DOCTYPE x [<!ENTITY a "aaaa">]>\n<tt xmlns="http://www.w3.org/ns/ttml"/>', "line 1: a document type"),
        (b"<tt>\n<body>", "line 2: no well-formed XML"),
        (b'\n\n<svg xmlns="x"/>', "line 3: the document's element is not tt"),
        (document('>\n<div>\n<p begin="5x" end="6s">x</p></div>'), "line 3: '5x' is no time"),
        (document('><div>\n<p begin="5s">x</p></div>'), "line 2: give the paragraph an end"),
        (document("><div/>", parameters='ttp:timeBase="clock"'), "line 1: times of a clock"),
        (document('><div><image xmlns="urn:x"/></div>'), "the subtitles are images"),
        (document("><div>" + "<div>" * 80 + "</div>" * 80 + "</div>"), "64 in one another"),
        (document('><div><p begin="0s" end="1s">' + "<span>x</span>" * 200 + "</p></div>"), "over 100 spans"),
        (document("><div style='a'/>", LOOP), "refers to itself"),
        (b"<?xml version='1.0' encoding='klingon'?><tt/>", "line 1"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named_with_its_line(data: bytes, sentence: str) -> None:
    with pytest.raises(Problem, match=re.escape(sentence)) as problem:
        ttml.read(data)
    assert problem.value.kind.name == "unplayable"


def test_a_document_without_text_is_empty() -> None:
    assert ttml.read(document(">")).cues == ()
