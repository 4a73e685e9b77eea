"""RFC 9111 as a dialogue: what upstream says, what the edge makes of it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from edge import freshness
from edge.freshness import Lifetime, Use

NOW = 1_700_000_000_000  # Tue, 14 Nov 2023 22:13:20 GMT
DATE = "Tue, 14 Nov 2023 22:13:20 GMT"


def said(
    status: int = 200, *, ask: dict[str, str] | None = None, use: Use = Use.OTHER, delay: float = 0.0, **f: str
) -> Lifetime:
    fields = CIMultiDict((name.replace("_", "-"), value) for name, value in f.items())
    return freshness.lifetime(CIMultiDict(ask or {}), status, fields, use=use, delay_s=delay, received_ms=NOW)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"Cache_Control": "no-store, max-age=9"}, "no-store"),  # 5.2.2.5
        ({"Cache_Control": "max-age=9, No-Store"}, "no-store"),
        ({"Cache_Control": "private, max-age=9"}, "private"),  # 5.2.2.7
        ({"Cache_Control": 'private="a, b", max-age=9'}, "private"),
        ({"Cache_Control": 'private, community="x"'}, "private"),  # 5.2.3
        ({"Cache_Control": "no-cache, max-age=9"}, "no-cache"),  # 5.2.2.4
        ({"Cache_Control": "max-age=9", "Set_Cookie": "a=b"}, "set-cookie"),
        ({"Cache_Control": "max-age=9", "Vary": "*"}, "vary"),  # 4.1
        ({"Cache_Control": "max-age=9", "Vary": "Accept-Encoding, *"}, "vary"),
        ({"Cache_Control": "max-age=9", "Vary": "User-Agent"}, "vary"),
        ({"Cache_Control": "max-age=9", "Vary": "accept-encoding", "Content_Encoding": "gzip"}, "vary"),
        ({}, "no-lifetime"),  # 4.2.2: no heuristics here
        ({"Last_Modified": DATE}, "no-lifetime"),
        ({"Cache_Control": "public"}, "no-lifetime"),
        ({"Cache_Control": "max-age=0"}, "stale"),
        ({"Cache_Control": "max-age="}, "stale"),  # 4.2.1: what cannot be read is stale
        ({"Cache_Control": "max-age=-1"}, "stale"),
        ({"Cache_Control": "max-age=1.5"}, "stale"),
        ({"Cache_Control": "max-age=0", "Expires": "Tue, 14 Nov 2024 22:13:20 GMT"}, "stale"),  # 5.3
        ({"Expires": "0"}, "stale"),  # 5.3
        ({"Expires": "-1"}, "stale"),
        ({"Expires": "Tue, 14 Nov 2024 22:13:20 EST"}, "stale"),  # 4.2: zones other than GMT are invalid
        ({"Cache_Control": "max-age=5", "Age": "5"}, "stale"),  # 4.2: equal is stale
    ],
)
def test_what_is_not_stored(fields: dict[str, str], why: str) -> None:
    found = said(**fields)
    assert (found.store, found.why) == (False, why)


@pytest.mark.parametrize(
    ("fields", "fresh", "age"),
    [
        ({"Cache_Control": "max-age=9"}, 9, 0),
        ({"Cache_Control": "s-maxage=3, max-age=9"}, 3, 0),  # 5.2.2.10
        ({"Cache_Control": "max-age=3, max-age=9"}, 3, 0),  # 4.2.1: the first of two
        ({"Cache_Control": 'max-age="60"'}, 60, 0),  # 5.2: token or quoted string
        ({"Cache_Control": 'foo="a, no-store", max-age=9'}, 9, 0),
        ({"Cache_Control": "@@, max-age=9"}, 9, 0),
        ({"Cache_Control": "max-age=" + "9" * 20}, 2147483648, 0),  # 1.2.2
        ({"Cache_Control": "max-age=9", "Age": "4"}, 9, 4),  # 4.2.3
        ({"Cache_Control": "max-age=9", "Age": "4, 8"}, 9, 4),  # 5.1
        ({"Cache_Control": "max-age=9", "Age": "-4"}, 9, 0),
        ({"Expires": "Tue, 14 Nov 2023 22:14:20 GMT", "Date": DATE}, 60, 0),
        ({"Expires": "Tuesday, 14-Nov-23 22:14:20 GMT", "Date": DATE}, 60, 0),
        ({"Expires": "Tue Nov 14 22:14:20 2023"}, 60, 0),  # no Date: the time of receipt
        ({"Cache_Control": "max-age=9", "Expires": "0"}, 9, 0),  # 5.3: max-age decides
        ({"Cache_Control": "max-age=9", "Vary": "Accept-Encoding"}, 9, 0),
    ],
)
def test_what_is_stored_and_for_how_long(fields: dict[str, str], fresh: float, age: float) -> None:
    found = said(**fields)
    assert (found.store, found.fresh_s, found.age_s) == (True, fresh, age)


def test_age_counts_from_the_request() -> None:
    """4.2.3: corrected_age_value = age_value + response_delay."""
    assert said(Cache_Control="max-age=9", Age="1", delay=3.0).age_s == 4.0


@pytest.mark.parametrize(("status", "stored"), [(200, True), (404, True), (410, True), (301, True)])
def test_statuses_that_are_understood(status: int, stored: bool) -> None:
    assert said(status, Cache_Control="max-age=9").store is stored


@pytest.mark.parametrize("status", [206, 302, 304, 403, 425, 500, 503])
def test_statuses_that_are_passed(status: int) -> None:
    assert said(status, Cache_Control="public, max-age=9").why == "status"


def test_authorization_needs_leave() -> None:
    """3.5"""
    ask = {"Authorization": "Bearer x"}
    assert said(ask=ask, Cache_Control="max-age=9").why == "authorization"
    for leave in ("public", "s-maxage=9", "must-revalidate"):
        assert said(ask=ask, Cache_Control=f"max-age=9, {leave}").store
    assert said(ask={"Cache-Control": "no-store"}, Cache_Control="max-age=9").why == "request-no-store"  # 5.2.1.5


def test_stale_use_by_sort_of_object() -> None:
    assert said(use=Use.IMMUTABLE, Cache_Control="max-age=9").stale_s == math.inf
    assert said(use=Use.MANIFEST, Cache_Control="max-age=1").stale_s == 2
    assert said(use=Use.MANIFEST, Cache_Control="max-age=12").stale_s == 12
    assert said(use=Use.OTHER, Cache_Control="max-age=9").stale_s == 0
    assert said(use=Use.OTHER, Cache_Control="max-age=9, stale-if-error=7").stale_s == 7  # RFC 5861 4
    for ban in ("must-revalidate", "proxy-revalidate", "s-maxage=9"):  # 4.2.4
        assert said(use=Use.IMMUTABLE, Cache_Control=f"max-age=9, {ban}, stale-if-error=7").stale_s == 0
    assert said(404, use=Use.IMMUTABLE, Cache_Control="max-age=9").stale_s == 0


# Of any origin: RFC 9111 as it stands


@pytest.mark.parametrize(
    ("status", "fields", "why"),
    [
        (200, {"Cache_Control": "no-store, max-age=9"}, "no-store"),
        (206, {"Cache_Control": "max-age=9"}, "status"),
        (304, {"Cache_Control": "max-age=9"}, "status"),
        (302, {}, "status"),
        (500, {}, "status"),
        (299, {"Cache_Control": "must-understand, no-store, max-age=9"}, "status"),
        (200, {"Cache_Control": "private, max-age=9"}, "private"),
        (200, {"Cache_Control": "max-age=9", "Set_Cookie": "a"}, "set-cookie"),
        (200, {"Cache_Control": "max-age=9", "Vary": "a, *"}, "vary"),
        (200, {"Cache_Control": "max-age=9", "Vary": ",".join("abcdefghijklmnopq")}, "vary"),
        (200, {"Cache_Control": "max-age=9", "Content_Range": "bytes 0-1/2"}, "partial"),
        (200, {}, "no-lifetime"),
        (200, {"Cache_Control": "max-age=0"}, "stale"),  # no validator: it would never be used
        (200, {"Cache_Control": "no-cache, max-age=9"}, "stale"),
        (200, {"CDN_Cache_Control": "public", "Expires": "Tue, 14 Nov 2024 22:13:20 GMT"}, "no-lifetime"),
    ],
)
@pytest.mark.rule("RFC 9111 3", "what a shared cache may not keep")
def test_what_is_not_stored_of_any_origin(status: int, fields: dict[str, str], why: str) -> None:
    found = said(status, use=Use.ANY, **fields)
    assert (found.store, found.why) == (False, why)


@pytest.mark.rule("RFC 9111 4.2.1", "the lifetime of what is kept")
@pytest.mark.parametrize(
    ("status", "fields", "fresh"),
    [
        (302, {"Cache_Control": "max-age=9"}, 9),
        (599, {"Expires": "Tue, 14 Nov 2023 22:14:20 GMT"}, 60),
        (204, {"Last_Modified": "Tue, 14 Nov 2023 22:11:40 GMT"}, 10),
        (200, {"Last_Modified": "Tue, 14 Nov 2000 22:11:40 GMT"}, 86400),
        (302, {"Cache_Control": "public", "Last_Modified": "Tue, 14 Nov 2023 22:11:40 GMT"}, 10),
        (200, {"ETag": '"a"'}, 0),
        (200, {"Cache_Control": "max-age=0", "ETag": '"a"'}, 0),
        (200, {"Cache_Control": "max-age=0, stale-while-revalidate=9"}, 0),
        (200, {"Cache_Control": "max-age=1", "CDN_Cache_Control": "max-age=9", "Expires": "0"}, 9),
        (200, {"Cache_Control": "public, max-age=9", "Set_Cookie": "a"}, 9),
        (200, {"CDN_Cache_Control": "max-age=9", "Set_Cookie": "a"}, 9),
        (200, {"Cache_Control": "max-age=9", "Vary": "Cookie, User-Agent", "Content_Encoding": "gzip"}, 9),
    ],
)
def test_what_is_stored_of_any_origin(status: int, fields: dict[str, str], fresh: float) -> None:
    found = said(status, use=Use.ANY, **fields)
    assert (found.store, found.fresh_s) == (True, fresh)


@pytest.mark.rule("RFC 9111 4.2.4", "what forbids stale use forbids what else would permit it")
def test_strictness() -> None:
    loose = said(use=Use.ANY, Cache_Control="max-age=9, stale-while-revalidate=3, stale-if-error=4")
    assert (loose.strict, loose.ask_first, loose.while_s, loose.stale_s) == (False, False, 3, 4)
    for ban in ("must-revalidate", "proxy-revalidate", "s-maxage=9"):
        found = said(use=Use.ANY, Cache_Control=f"max-age=9, stale-while-revalidate=3, stale-if-error=4, {ban}")
        assert (found.strict, found.while_s, found.stale_s) == (True, 0, 0)
    asking = said(use=Use.ANY, Cache_Control="max-age=9, no-cache, stale-if-error=4", ETag='"a"')
    assert (asking.store, asking.ask_first, asking.stale_s) == (True, True, 0)
    named = said(use=Use.ANY, Cache_Control='max-age=9, no-cache="X-A, x-b", private="X-C"')
    assert (named.store, named.ask_first) == (True, False)
    assert named.leave_out == {"x-a", "x-b", "x-c", "set-cookie"}


def test_negative_answers() -> None:
    def kept(status: int, **fields: str) -> Lifetime:
        made = CIMultiDict({name.replace("_", "-"): value for name, value in fields.items()})
        return freshness.lifetime({}, status, made, use=Use.ANY, delay_s=0, received_ms=NOW, negative_s=5.0)

    assert kept(404).fresh_s == kept(410).fresh_s == 5 and not kept(200).store and not kept(503).store
    assert kept(404, Cache_Control="max-age=2").fresh_s == 2
    for status in (405, 414, 501):  # what one request brought about is nobody else's answer
        assert not kept(status).store


DIRECTIVES = st.sampled_from(
    [
        *("no-store", "no-cache", "private", "public", "must-revalidate", "proxy-revalidate", "must-understand"),
        *("max-age=5", "max-age=0", "max-age=x", "s-maxage=3", "stale-while-revalidate=4", "stale-if-error=6"),
        *('private="a"', 'no-cache="b"', "unknown", "@"),
    ]
)


@given(
    said=st.lists(DIRECTIVES, max_size=5),
    status=st.sampled_from([200, 204, 302, 404, 500]),
    authorized=st.booleans(),
    etag=st.booleans(),
    age=st.integers(0, 9),
)
def test_whatever_is_said_a_shared_cache_keeps_its_promises(
    said: list[str], status: int, authorized: bool, etag: bool, age: int
) -> None:
    fields = CIMultiDict({"Cache-Control": ", ".join(said), "Age": str(age)})
    if etag:
        fields["ETag"] = '"a"'
    ask = {"Authorization": "x"} if authorized else {}
    found = freshness.lifetime(ask, status, fields, use=Use.ANY, delay_s=0, received_ms=NOW)
    words = {word.partition("=")[0] for word in said}
    if found.store:
        assert "private" not in said[: said.index('private="a"')] if 'private="a"' in said else "private" not in said
        assert "no-store" not in words or "must-understand" in words
        assert not authorized or words & {"public", "s-maxage", "must-revalidate"}
        assert found.fresh_s <= 5 and found.age_s == age
        if words & {"must-revalidate", "proxy-revalidate", "s-maxage"}:
            assert found.stale_s == found.while_s == 0 and found.strict
    else:
        assert found.why
