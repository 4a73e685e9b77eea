"""Octets to cues: formats and encodings."""

from __future__ import annotations

import codecs
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from base.problems import Problem
from packager.text import reading
from tests.kit.optional import program

SRT = "1\r\n00:00:01,000 --> 00:00:02,000\r\nÄpfel, œufs – “größer” 你好\r\n"
LATIN = "1\n00:00:01,000 --> 00:00:02,000\nÄpfel, œufs – “größer”\n"


@pytest.mark.parametrize(
    "data",
    [
        SRT.encode(),
        codecs.BOM_UTF8 + SRT.encode(),
        codecs.BOM_UTF16_LE + SRT.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + SRT.encode("utf-16-be"),
        codecs.BOM_UTF8 + b"WEBVTT\r\r00:01.000 --> 00:02.000\r" + SRT.splitlines()[2].encode() + b"\r",
    ],
)
def test_marked_encodings_say_nothing(data: bytes) -> None:
    found = reading.read(data)
    assert [(one.start, one.text) for one in found.cues] == [(1000, "Äpfel, œufs – “größer” 你好")]
    assert found.notes == ()


@pytest.mark.parametrize(
    "encoding, note",
    [("cp1252", "read as Windows-1252, since line 3"), ("utf-16-le", "UTF-16-LE"), ("utf-16-be", "UTF-16-BE")],
)
def test_a_guess_is_said(encoding: str, note: str) -> None:
    found = reading.read(LATIN.encode(encoding))
    assert found.cues[0].text == "Äpfel, œufs – “größer”" and note in found.notes[0]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1"])
def test_xml_says_how_it_is_encoded(encoding: str) -> None:
    declared = "utf-8" if encoding.startswith("utf-8") else encoding
    text = (
        f'<?xml version="1.0" encoding="{declared}"?><tt xmlns="http://www.w3.org/ns/ttml" xml:lang="de"><body><div>'
        '<p begin="1s" end="2s">Größe</p></div></body></tt>'
    )
    found = reading.read(text.encode(encoding))
    assert (found.format, found.cues[0].text, found.language) == ("TTML", "Größe", "de")


@pytest.mark.parametrize(
    "data, kind, sentence",
    [
        (b"", "unplayable", "empty"),
        (b" \r\n\0", "unplayable", "empty"),
        (b"[Script Info]\nTitle: x", "unplayable", "Advanced SubStation"),
        (b"Scenarist_SCC V1.0", "unplayable", "SCC is not read"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "unplayable", "no times such as"),
        (b"<!DOCTYPE html><html>", "unplayable", "line 1: a document type declaration is not allowed"),
        (b"x" * (reading.LARGEST + 1), "too-large", "8 MB"),
    ],
)
def test_what_is_no_text_is_refused(data: bytes, kind: str, sentence: str) -> None:
    with pytest.raises(Problem, match=sentence) as problem:
        reading.read(data)
    assert problem.value.kind.name == kind


@settings(deadline=None)
@given(
    st.binary(max_size=400) | st.text(max_size=400).map(lambda text: ("WEBVTT\n\n" + text).encode("utf-8", "replace"))
)
def test_anything_is_a_text_or_a_problem(data: bytes) -> None:
    try:
        reading.read(data)
    except Problem as problem:
        assert problem.kind.name == "unplayable"


def test_what_ffmpeg_makes_of_it_reads_the_same(tmp_path: Path) -> None:
    """One text, written by FFmpeg as SubRip, WebVTT and TTML."""
    source = tmp_path / "source.srt"
    source.write_text(
        "1\n00:00:01,000 --> 00:00:02,500\n<i>One</i> & two\nlines\n\n2\n01:00:00,040 --> 01:00:01,000\nlate < later\n"
    )
    cues = reading.read(source.read_bytes()).cues
    for end in ("srt", "vtt", "ttml"):
        made = tmp_path / f"made.{end}"
        subprocess.run([program("ffmpeg"), "-v", "error", "-i", str(source), str(made)], check=True)
        found = reading.read(made.read_bytes()).cues
        assert [(one.start, one.end, one.text) for one in found] == [(one.start, one.end, one.text) for one in cues], (
            end
        )
