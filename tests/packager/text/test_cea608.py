"""Captions as encoders send them, decoded; and octets that nobody would send."""

from __future__ import annotations

import re
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packager.text import reading
from packager.text.cea608 import decode
from packager.text.cues import Cue, Place, Run, tidy
from packager.text.sei import pairs
from tests.kit.captions import (
    BS,
    CR,
    DER,
    EDM,
    EOC,
    RCL,
    RDC,
    RU2,
    RU3,
    TR,
    Caption608,
    index_of,
    odd,
    with_captions,
)
from tests.kit.media import Films
from tests.kit.optional import program

END = 60_000


def cues(made: Caption608, channel: str = "CC1", field: int = 1) -> list[Cue]:
    """One pair each 40 ms."""
    sent = [(at * 40, odd(first), odd(second)) for at, (first, second) in enumerate(made.pairs)]
    return decode(*((sent, []) if field == 1 else ([], sent)), END).get(channel, [])


def shown(found: list[Cue]) -> list[tuple[int, int, str]]:
    return [(cue.start // 40, cue.end // 40, cue.text) for cue in found]


@pytest.mark.rule("47 CFR 79.101", "pop-on captions are loaded out of sight and change places with what is displayed")
def test_pop_on() -> None:
    made = Caption608().pop_on("HELLO\nWORLD", shown=50, gone=100).pop_on("NEXT", shown=150).pop_on("LAST", shown=200)
    assert shown(cues(made)) == [(50, 100, "HELLO\nWORLD"), (150, 200, "NEXT"), (200, END // 40, "LAST")]


@pytest.mark.rule("47 CFR 79.101", "a carriage return rolls up to so many rows")
def test_roll_up() -> None:
    made = Caption608().code(RU2).code(CR).at(15).text("ONE").until(50).code(CR).text("TWO").until(100)
    made.code(CR).text("THREE").until(150).code(EDM)
    found = shown(cues(made))
    assert [text for _, _, text in found] == ["ONE", "ONE\nTWO", "TWO\nTHREE"]
    assert [end for _, end, _ in found] == [50, 100, 150]
    assert [start for start, _, _ in found] == [6, 52, 102], "from the first letter of the row on"
    moved = Caption608().code(RU3).code(CR).at(15).text("ONE").at(4).text(" TWO").until(50).code(EDM)
    (cue,) = cues(moved)
    assert cue.text == "TWO" and cue.place == Place(line="23%")


def test_paint_on() -> None:
    made = Caption608().code(RDC).at(14).text("ONE").until(40).code(RDC).at(15).text("TWO").until(80).code(EDM)
    assert [text for _, _, text in shown(cues(made))] == ["ONE", "ONE\nTWO"]


def test_places_and_styles() -> None:
    made = Caption608().code(RCL).at(1, italic=True, underline=True).text("TOP").until(20).code(EOC)
    (cue,) = cues(made)
    assert cue.lines == ((Run("TOP", italic=True, underline=True),),) and cue.place == Place(line="5%")
    made = Caption608().code(RCL).at(15).text("A").code(0x2E, 0x11).text("B").code(0x20, 0x11).text("C").code(EOC)
    (cue,) = cues(made)
    assert cue.lines == ((Run("A "), Run("B", italic=True), Run(" C")),)


def test_letters_by_two_octets_and_corrections() -> None:
    made = Caption608().code(RCL).at(15).text("E").code(0x21, 0x12).text("TA").code(BS).code(0x37, 0x11).code(EOC)
    assert [cue.text for cue in cues(made)] == ["ÉT♪"]
    made = Caption608().code(RCL).at(15).text("ABCD").at(15, 4).text("EF").at(15, 4).code(DER).code(EOC)
    assert [cue.text for cue in cues(made)] == ["ABCD"]
    made = Caption608().code(RCL).at(15).code(0x22, 0x17).text("AB").code(EOC)
    assert [cue.text for cue in cues(made)] == ["AB"]


@pytest.mark.parametrize("channel, field, name", [(1, 1, "CC1"), (2, 1, "CC2"), (1, 2, "CC3"), (2, 2, "CC4")])
def test_channels(channel: int, field: int, name: str) -> None:
    made = Caption608(channel).pop_on("WHO", shown=20, gone=40)
    assert shown(cues(made, name, field)) == [(20, 40, "WHO")]


def test_what_is_no_caption_is_passed_over() -> None:
    made = Caption608().code(TR).text("TICKER").until(20).pop_on("WORDS", shown=60, gone=80)
    made.pairs[30:34] = [(0x01, 0x03), (0x41, 0x42), (0x0F, 0x1D), (0, 0)]  # extended data
    assert [cue.text for cue in cues(made)] == ["WORDS"]
    sent = [(0, 0x14, 0x20), (40, odd(0x14), odd(0x20))]
    assert decode(sent, [], END) == {}, "parity says that the first was damaged"


@settings(deadline=None, max_examples=200)
@given(st.lists(st.tuples(st.integers(0, 127), st.integers(0, 127)), max_size=300))
def test_any_octets_are_cues_that_follow_one_another(sent: list[tuple[int, int]]) -> None:
    made = [(at * 40, odd(first), odd(second)) for at, (first, second) in enumerate(sent)]
    for found in decode(made, made, END).values():
        kept, notes = tidy(found)
        assert list(kept) == found and notes == ()
        assert all(a.end <= b.start for a, b in pairwise(found))


@pytest.mark.parametrize("film", ["plain", "bframes", "hevc-ac3"])
def test_ffmpeg_decodes_the_same_of_a_film(films: Films, tmp_path: Path, film: str) -> None:
    made = Caption608().pop_on("HELLO\nWORLD", shown=30, gone=60, italic=True).pop_on("AGAIN", shown=80, gone=95)
    body = with_captions(films(film).read_bytes(), made.pairs, Caption608().pop_on("HOLA", shown=40, gone=70).pairs)
    index = index_of(body)
    found = decode(*pairs(index.video[0], memoryview(body)), 8000)
    assert [(cue.start, cue.end, cue.text) for cue in found["CC1"]] == [
        (1200, 2400, "HELLO\nWORLD"),
        (3200, 3800, "AGAIN"),
    ]
    assert [(cue.start, cue.end, cue.text) for cue in found["CC3"]] == [(1600, 2800, "HOLA")]
    path, read = tmp_path / "film.mp4", tmp_path / "read.srt"
    path.write_bytes(body)
    command = [
        program("ffmpeg"),
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        f"movie={path}[out0+subcc]",
        "-map",
        "0:s",
        str(read),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    theirs = reading.read(read.read_bytes()).cues
    assert [re.sub(r"\\h", "", cue.text) for cue in theirs] == ["HELLO\nWORLD", "AGAIN"]
    for own, other in zip(found["CC1"], theirs, strict=True):
        assert abs(own.start - other.start) <= 120 and abs(own.end - other.end) <= 120
