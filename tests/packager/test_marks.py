"""Marks as they are sent: read, put in order, or refused with the place."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import pytest

from base.problems import Problem
from packager import marks
from packager.marks import LARGEST, MOST, Marks, from_bytes, of, parse

LASTS = Fraction(20)


def read(*given: Any) -> Marks:
    return parse(json.dumps(given).encode(), LASTS)


def mark(**fields: Any) -> dict[str, Any]:
    return {"id": "one", "start": 4, "kind": "chapter"} | fields


def test_marks_are_put_in_order_and_kept_as_they_are() -> None:
    found = read(mark(id="b", start=9.5), mark(id="c", start=2, duration=1.25, values={"A-B": 3, "C": "x"}), mark())
    assert [one.id for one in found.marks] == ["c", "one", "b"]
    assert (found.marks[0].begin, found.marks[0].end) == (2, Fraction(13, 4))
    assert from_bytes(found.to_bytes()) == found and len(found.edition) == 16
    assert read(*reversed(json.loads(found.to_bytes()))) == found, "the order in which they come means nothing"
    assert read(mark(title="x")).edition != read(mark(title="y")).edition
    assert not of([]) and of([]).edition == "" and read() == Marks()


@pytest.mark.parametrize(
    ("given", "pointer", "says"),
    [
        ({"id": "x"}, "", "list"),
        ([mark(), 3], "/1", "object"),
        ([{"start": 3, "kind": "ad"}], "/0", "id"),
        ([mark(start="3")], "/0/start", "number|float"),
        ([mark(colour="red")], "/0", "colour"),
        ([mark(), mark()], "/1/id", "twice"),
        ([mark(id="a b")], "/0/id", "letters"),
        ([mark(kind="")], "/0/kind", "chapter"),
        ([mark(start=-1)], "/0/start", "beginning"),
        ([mark(start=20)], "/0/start", "20.000 s"),
        ([mark(duration=-0.5)], "/0/duration", "seconds"),
        ([mark(title='say "x"')], "/0/title", "quotation"),
        ([mark(title="a\nb")], "/0/title", "line breaks"),
        ([mark(title="x" * 501)], "/0/title", "500"),
        ([mark(values={"a b": 1})], "/0/values/a b", "capital"),
        ([mark(values={"TITLE": "x"})], "/0/values/TITLE", "TITLE"),
        ([mark(values={"A": True})], "/0/values", "bool"),
        ([mark(values={"A": [1]})], "/0/values", "array"),
        ([mark(values={"A": 1e13})], "/0/values/A", "large"),
        ([mark(values={f"A{n}": 1 for n in range(17)})], "/0/values", "16"),
        ([mark(id=f"i{n}") for n in range(MOST + 1)], "", "1000"),
        ([mark(id=f"i{n}", start=n / 10, kind="ad") for n in range(101)], "", "100 Periods"),
    ],
)
def test_a_refusal_names_the_place(given: Any, pointer: str, says: str) -> None:
    with pytest.raises(Problem) as refused:
        parse(json.dumps(given).encode(), LASTS)
    assert refused.value.kind.name == "malformed" and refused.value.extra["pointer"] == pointer
    assert any(word in refused.value.detail for word in says.split("|")), refused.value.detail


def test_what_is_no_json_or_too_much() -> None:
    for body in (b"", b"[", b"\xff", b"[" * 100_000, b'[{"id": "a", "start": NaN, "kind": "ad"}]'):
        with pytest.raises(Problem, match="JSON"):
            parse(body, LASTS)
    with pytest.raises(Problem) as refused:
        parse(b" " * (LARGEST + 1), LASTS)
    assert refused.value.kind.name == "too-large"


def test_which_marks_are_in_a_stretch() -> None:
    found = read(mark(id="a", start=4), mark(id="b", start=2, duration=2), mark(id="c", start=1, duration=18))

    def within(begin: int, end: int) -> list[str]:
        return [one.id for one in found.within(Fraction(begin), Fraction(end))]

    assert within(0, 20) == ["c", "b", "a"] and within(4, 6) == ["c", "a"] and within(2, 4) == ["c", "b"]
    assert within(19, 20) == [] and within(0, 1) == []


def test_where_periods_begin() -> None:
    given = (mark(id="a", kind="ad", start=4, duration=2), mark(id="b", start=9, period=True), mark(id="c", start=8))
    assert read(*given).divisions() == [4, 6, 9]
    assert marks.AD == "ad" and read(mark(kind="ad")).divisions() == [4]
