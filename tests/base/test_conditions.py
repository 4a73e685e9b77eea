"""What shape an answer takes; sections of RFC 9110."""

from __future__ import annotations

import time

import pytest
from multidict import CIMultiDict

from base import conditions
from base.conditions import Shape

NOW = 1_700_000_000_000
MODIFIED = "Tue, 14 Nov 2023 22:13:10 GMT"
DATE = "Tue, 14 Nov 2023 22:13:20 GMT"
LATER = "Tue, 14 Nov 2023 22:13:11 GMT"
EARLIER = "Tue, 14 Nov 2023 22:13:09 GMT"


def shape(
    status: int = 200, etag: str = '"a"', length: int | None = 100, get: bool = True, **fields: str
) -> Shape | None:
    ask = CIMultiDict((name.replace("_", "-"), value) for name, value in fields.items())
    return conditions.shape(
        ask, status=status, etag=etag, last_modified=MODIFIED, date=DATE, length=length, now_ms=NOW, get=get
    )


@pytest.mark.parametrize(
    ("field", "etag", "same"),
    [
        ('"a"', '"a"', True),
        ('W/"a"', '"a"', True),  # 8.8.3.2: weak comparison
        ('"a"', 'W/"a"', True),
        ('"x", "a"', '"a"', True),
        (', "x",, "a" ,', '"a"', True),  # 5.6.1.2: empty members
        ("*", '"a"', True),
        ("*", "", True),
        ('*, "a"', '"a"', False),  # 13.1.2: invalid
        ('w/"a"', '"a"', False),  # 8.8.3: case-sensitive
        ("a", "a", False),
        ('"a" "b"', '"a"', False),
        ('""', '""', True),
        ('"A"', '"a"', False),
        ('"a"', "", False),
    ],
)
def test_if_none_match(field: str, etag: str, same: bool) -> None:
    assert conditions.none_match_fails(field, etag) is same


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"If_None_Match": '"a"'}, 304),
        ({"If_None_Match": '"b"'}, 200),
        ({"If_None_Match": '"b"', "If_Modified_Since": MODIFIED}, 200),  # 13.1.3: ignored beside If-None-Match
        ({"If_Modified_Since": MODIFIED}, 304),
        ({"If_Modified_Since": LATER}, 304),
        ({"If_Modified_Since": EARLIER}, 200),
        ({"If_Modified_Since": "rubbish"}, 200),
        ({"If_None_Match": '"a"', "Range": "bytes=0-1"}, 304),  # 13.2.2: conditions first
    ],
)
def test_conditions(fields: dict[str, str], status: int) -> None:
    found = shape(**fields)
    assert found is not None and found.status == status


@pytest.mark.parametrize(
    ("field", "status", "start", "stop"),
    [
        ("bytes=0-9", 206, 0, 10),
        ("bytes=0-0", 206, 0, 1),
        ("bytes=90-", 206, 90, 100),
        ("bytes=90-1000", 206, 90, 100),  # 14.1.2
        ("bytes=-10", 206, 90, 100),
        ("bytes=-1000", 206, 0, 100),
        ("BYTES=0-9", 206, 0, 10),
        ("bytes=99-" + "9" * 5000, 206, 99, 100),  # without overflow
        ("bytes=100-", 416, 0, 0),  # 15.5.17
        ("bytes=-0", 416, 0, 0),
        ("bytes=9-5", 200, 0, -1),  # 14.1.1: invalid as a whole
        ("bytes=0-0,-1", 200, 0, -1),  # several: ignored, as 14.2 allows
        ("bytes=-", 200, 0, -1),
        ("bytes=a-b", 200, 0, -1),
        ("items=0-1", 200, 0, -1),
    ],
)
def test_ranges(field: str, status: int, start: int, stop: int) -> None:
    found = shape(Range=field)
    assert found is not None
    assert (found.status, found.start, found.stop) == (status, start, stop)
    assert found.content_range == {206: f"bytes {start}-{stop - 1}/100", 416: "bytes */100"}.get(status, "")


def test_a_range_waits_for_a_length_that_is_not_known() -> None:
    assert shape(Range="bytes=0-9", length=None) is None
    assert shape(Range="bytes=9-0", length=None) == Shape(status=200)
    assert shape(length=None) == Shape(status=200)
    empty = shape(Range="bytes=-5", length=0)
    assert empty is not None and empty.status == 416


def test_range_counts_on_get_of_a_200_only() -> None:
    """14.2, 13.2.1"""
    assert shape(Range="bytes=0-9", get=False) == Shape(status=200)
    assert shape(404, Range="bytes=0-9", If_None_Match='"a"') == Shape(status=404)


@pytest.mark.parametrize(
    ("field", "etag", "status"),
    [
        ('"a"', '"a"', 206),
        ('"b"', '"a"', 200),
        ('W/"a"', 'W/"a"', 200),  # 13.1.5: weak never holds
        (MODIFIED, '"a"', 206),
        (LATER, '"a"', 200),  # equal, not "not later"
        ("rubbish", '"a"', 200),
    ],
)
def test_if_range(field: str, etag: str, status: int) -> None:
    found = shape(etag=etag, Range="bytes=0-9", If_Range=field)
    assert found is not None and found.status == status


@pytest.mark.rule("RFC 9110 14.2", "several ranges: those that can be, near ones joined, and not too many")
@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("bytes=0-1,500-501", Shape(status=206, parts=((0, 2), (500, 502)))),
        ("bytes=500-501 , 0-1", Shape(status=206, parts=((500, 502), (0, 2)))),
        ("Bytes=0-1,,900-", Shape(status=206, parts=((0, 2), (900, 1000)))),
        ("bytes=0-1,-1", Shape(status=206, parts=((0, 2), (999, 1000)))),
        ("bytes=0-1,2000-", Shape(status=206, start=0, stop=2, content_range="bytes 0-1/1000")),
        ("bytes=0-9,5-19,0-0", Shape(status=206, start=0, stop=20, content_range="bytes 0-19/1000")),
        ("bytes=0-9,300-309,600-609,200-250", Shape(status=206, parts=((0, 10), (200, 310), (600, 610)))),
        ("bytes=0-,0-,0-", Shape(status=206, start=0, stop=1000, content_range="bytes 0-999/1000")),
        ("bytes=1000-,-0", Shape(status=416, stop=0, content_range="bytes */1000")),
        ("bytes=0-1,9-5", Shape(status=200)),
        ("bytes=0-1,x", Shape(status=200)),
        ("lines=0-1,3-4", Shape(status=200)),
        ("bytes=,", Shape(status=200)),
        ("bytes=" + ",".join(f"{at * 100}-{at * 100}" for at in range(20)), None),
    ],
)
def test_several_ranges(field: str, expected: Shape | None) -> None:
    found = conditions.shape(
        {"Range": field}, status=200, etag="", last_modified="", date="", length=1000, now_ms=0, multipart=True
    )
    if expected is None:  # ten of them exist
        assert found is not None and len(found.parts) == 10
    else:
        assert found == expected


def test_too_many_ranges_are_ignored() -> None:
    field = "bytes=" + ",".join(f"{at * 100}-{at * 100}" for at in range(conditions.MOST_PARTS + 1))
    for length, status in ((1 << 20, 200), (None, None)):
        found = conditions.shape(
            {"Range": field}, status=200, etag="", last_modified="", date="", length=length, now_ms=0, multipart=True
        )
        assert (found and found.status) == status


def test_a_list_of_tags_is_read_once_over() -> None:
    begun = time.process_time()
    assert conditions.tags("," + " " * 100_000 + '"a"') == {'"a"'}
    assert conditions.tags('"a" ,' * 20_000) == {'"a"'}
    assert time.process_time() - begun < 5


@pytest.mark.rule("RFC 9110 13.1.1", "If-Match compares strongly, and comes before If-Unmodified-Since")
@pytest.mark.parametrize(
    ("ask", "etag", "holds"),
    [
        ({}, '"a"', True),
        ({"If-Match": "*"}, "", True),
        ({"If-Match": '"b", "a"'}, '"a"', True),
        ({"If-Match": '"b"'}, '"a"', False),
        ({"If-Match": 'W/"a"'}, 'W/"a"', False),
        ({"If-Match": '"a" x'}, '"a"', False),
        ({"If-Unmodified-Since": "Tue, 14 Nov 2023 22:13:20 GMT"}, "", True),
        ({"If-Unmodified-Since": "Tue, 14 Nov 2023 22:13:19 GMT"}, "", False),
        ({"If-Unmodified-Since": "yesterday"}, "", True),
        ({"If-Match": '"a"', "If-Unmodified-Since": "Tue, 14 Nov 2023 22:13:19 GMT"}, '"a"', True),
    ],
)
def test_preconditions(ask: dict[str, str], etag: str, holds: bool) -> None:
    modified = "Tue, 14 Nov 2023 22:13:20 GMT"
    assert conditions.preconditions_hold(ask, etag=etag, last_modified=modified, now_ms=0) is holds
