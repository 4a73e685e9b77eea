from __future__ import annotations

import pytest
from multidict import CIMultiDict

from edge.directives import age_value, delta_seconds, directives, names, of_answer, of_request, targeted


@pytest.mark.rule("RFC 9111 5.2", "directives: any case, token or quoted string; what cannot be read is left out")
@pytest.mark.parametrize(
    ("field", "found"),
    [
        ("max-age=9, No-Store", {"max-age": "9", "no-store": None}),
        ('MAX-AGE="9",private="a, b"', {"max-age": "9", "private": "a, b"}),
        (r'x="a\"b, no-store", public', {"x": 'a"b, no-store', "public": None}),
        (",, max-age=9 ,,", {"max-age": "9"}),
        ("max-age=1, max-age=2", {"max-age": "1"}),
        ("max-age=", {"max-age": ""}),
        ("@@, =5, public", {"public": None}),
        ('private="open, no-store', {"private": None, "no-store": None}),
        ("", {}),
    ],
)
def test_directives(field: str, found: dict[str, str | None]) -> None:
    assert directives(field) == found


@pytest.mark.rule("RFC 9213 2.1", "a targeted field is a Dictionary: one fault in it and it is as if absent")
@pytest.mark.parametrize(
    ("field", "found"),
    [
        ("max-age=60, private", {"max-age": "60", "private": None}),
        ("max-age=1, max-age=2", {"max-age": "2"}),  # RFC 9651 4.2.2: the last
        ('max-age="60", no-store', {"no-store": None}),
        ("max-age=1.5, public=?1", {"public": None}),
        ("public=?0, x=token, y=:YQ==:", {}),
        ("max-age=-1", {"max-age": "-1"}),
        ('no-cache="a"', {"no-cache": "a"}),
        ("a=(1 2), stale-if-error=5;x", {"stale-if-error": "5"}),
        ("Max-Age=60", None),
        ("max-age=60,", None),
        ("max-age=", None),
        ("é", None),
        ("", None),
    ],
)
def test_targeted(field: str, found: dict[str, str | None] | None) -> None:
    assert targeted(field) == found


@pytest.mark.rule("RFC 9213 2.2", "the most specific field that can be used decides alone")
def test_who_speaks() -> None:
    fields = CIMultiDict({"Cache-Control": "max-age=1", "CDN-Cache-Control": "max-age=2"})
    assert of_answer(fields) == ({"max-age": "2"}, True)
    assert of_answer(CIMultiDict(fields, **{"Headwater-Cache-Control": "max-age=3"})) == ({"max-age": "3"}, True)
    assert of_answer(CIMultiDict(fields, **{"Headwater-Cache-Control": "?"})) == ({"max-age": "2"}, True)
    assert of_answer(CIMultiDict({"Cache-Control": "max-age=1"})) == ({"max-age": "1"}, False)


@pytest.mark.rule("RFC 9111 5.4", "Pragma counts where there is no Cache-Control")
def test_requests() -> None:
    assert of_request({"Pragma": "x, No-Cache"}) == {"no-cache": None}
    assert of_request({"Pragma": "no-cache", "Cache-Control": "max-age=1"}) == {"max-age": "1"}
    assert of_request({}) == {}


@pytest.mark.rule("RFC 9111 1.2.2", "delta-seconds: too large is 2^31; what is none is 0")
def test_numbers() -> None:
    assert [delta_seconds(text) for text in ("5", "05", "9" * 40, "", "-1", "1.5", "٣", None)] == [
        *(5, 5, 2147483648),
        *(0, 0, 0, 0, 0),
    ]
    assert [age_value(text) for text in ("5, 9", "x, 9", "", None)] == [5, 0, 0, 0]
    assert names(" A ,b,") == {"a", "b"} and names(None) == frozenset()
