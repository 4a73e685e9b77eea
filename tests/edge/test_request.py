"""What a request wants and what shape its answer takes; sections of RFC 9110."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict

from base.problems import Problem
from edge import request
from edge.freshness import Use
from edge.request import Action, Shape

NOW = 1_700_000_000_000
MODIFIED = "Tue, 14 Nov 2023 22:13:10 GMT"
DATE = "Tue, 14 Nov 2023 22:13:20 GMT"
LATER = "Tue, 14 Nov 2023 22:13:11 GMT"
EARLIER = "Tue, 14 Nov 2023 22:13:09 GMT"


def shape(
    status: int = 200, etag: str = '"a"', length: int | None = 100, get: bool = True, **fields: str
) -> Shape | None:
    ask = CIMultiDict((name.replace("_", "-"), value) for name, value in fields.items())
    return request.shape(
        ask, status=status, etag=etag, last_modified=MODIFIED, date=DATE, length=length, now_ms=NOW, get=get
    )


@pytest.mark.parametrize(
    ("path", "query", "key", "use", "held"),
    [
        ("/live/a/multivariant.m3u8", "CMCD=x", "/live/a/multivariant.m3u8", Use.MANIFEST, False),
        ("/vod/a/manifest.mpd", "_HLS_msn=1", "/vod/a/manifest.mpd", Use.MANIFEST, False),
        ("/live/a/e/v1/media.m3u8", "", "/live/a/e/v1/media.m3u8", Use.MANIFEST, False),
        (
            "/live/a/e/v1/media.m3u8",
            "_HLS_part=1&x=y&_HLS_msn=2",
            "/live/a/e/v1/media.m3u8?_HLS_msn=2&_HLS_part=1",
            Use.MANIFEST,
            True,
        ),
        ("/live/a/e/v1/media.m3u8", "_HLS_skip=YES", "/live/a/e/v1/media.m3u8?_HLS_skip=YES", Use.MANIFEST, False),
        ("/live/a/e/v1/init-00112233.mp4", "a=b", "/live/a/e/v1/init-00112233.mp4", Use.IMMUTABLE, False),
        ("/live/a/e/v1/7.m4s", "", "/live/a/e/v1/7.m4s", Use.IMMUTABLE, True),
        ("/vod/a/e/v1/7.m4s", "", "/vod/a/e/v1/7.m4s", Use.IMMUTABLE, False),
    ],
)
def test_what_is_wanted(path: str, query: str, key: str, use: Use, held: bool) -> None:
    assert request.wanted(path, query) == (key, use, held)


@pytest.mark.parametrize(
    ("method", "path", "query", "kind"),
    [
        ("POST", "/live/a/manifest.mpd", "", "method"),
        ("PURGE", "/live/a/manifest.mpd", "", "method"),
        ("POST", "/~cbcs/vod/a/manifest.mpd", "", "method"),
        ("POST", "/licence/clearkey/x", "", "method"),
        ("POST", "/licence", "", "method"),
        ("GET", "/licence/clearkey", "", "method"),
        ("PUT", "/licence/clearkey", "", "method"),
        ("GET", "/~cbcs/vod/a/mezzanine.mp4", "", "unknown"),
        ("GET", "/~aaaa/vod/a/manifest.mpd", "", "unknown"),
        ("GET", "/", "", "unknown"),
        ("GET", "/live/a/e/session.json", "", "unknown"),
        ("GET", "/live/a/status.json", "", "unknown"),
        ("GET", "/live/a/../b/manifest.mpd", "", "unknown"),
        ("GET", "/live/a/e/v1/media.m3u8", "_HLS_part=1", "malformed"),
        ("GET", "/live/a/e/v1/media.m3u8", "_HLS_msn=-1", "malformed"),
    ],
)
def test_what_is_refused_without_asking_upstream(method: str, path: str, query: str, kind: str) -> None:
    with pytest.raises(Problem) as refused:
        request.plan(method, path, query, CIMultiDict())
    assert refused.value.kind.name == kind


def test_what_the_edge_answers_itself() -> None:
    assert request.plan("OPTIONS", "/x", "", CIMultiDict()).action is Action.PREFLIGHT
    assert request.plan("HEAD", "/time", "", CIMultiDict()).action is Action.TIME
    assert request.time_body(NOW + 7) == b"2023-11-14T22:13:20.007Z"


def test_protected_names_are_objects_of_their_own() -> None:
    for path in ("/~cenc/vod/a/manifest.mpd", "/~cbcs/vod/a/p1/v1/0.m4s"):
        plan = request.plan("GET", path, "CMCD=q", CIMultiDict())
        assert (plan.action, plan.key) == (Action.OBJECT, path)


def test_a_licence_request_is_handed_on_and_nothing_else_is() -> None:
    plan = request.plan("POST", "/licence/clearkey", "x=1", CIMultiDict())
    assert (plan.action, plan.key) == (Action.LICENCE, "/licence/clearkey")
    assert dict(request.preflight("/licence/clearkey"))["Access-Control-Allow-Methods"] == "POST, OPTIONS"
    assert "POST" not in dict(request.preflight("/vod/a/manifest.mpd"))["Access-Control-Allow-Methods"]


def test_cmcd_fields_come_before_the_query() -> None:
    """CTA-5004-B 6"""
    assert request.cmcd("a=b&CMCD=bl%3D1", CIMultiDict()) == b"bl%3D1"
    assert request.cmcd("CMCD=q", CIMultiDict({"cmcd-request": "bl=2"})) == b"bl=2"
    assert request.cmcd("XCMCD=q", CIMultiDict()) == b""


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
    assert request.none_match_fails(field, etag) is same


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
