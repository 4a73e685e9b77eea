from __future__ import annotations

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from edge.freshness import Lifetime
from edge.hops import head_of
from edge.store import Stored
from edge.validation import conditions, confirms, merged, renewed, same_by_head

MODIFIED = "Tue, 14 Nov 2023 22:13:20 GMT"


def stored(etag: str = "", last_modified: str = "", fields: tuple[tuple[str, str], ...] = ()) -> Stored:
    return Stored(
        key="h/a",
        status=200,
        fields=fields,
        body=b"body",
        etag=etag,
        last_modified=last_modified,
        born=0.0,
        fresh_s=1.0,
    )


@pytest.mark.rule("RFC 9111 4.3.1", "both validators, if there are two")
def test_conditions() -> None:
    assert conditions(stored('"a"', MODIFIED)) == {"If-None-Match": '"a"', "If-Modified-Since": MODIFIED}
    assert conditions(stored()) == {}


@pytest.mark.rule("RFC 9111 4.3.4", "which object a 304 speaks of")
@pytest.mark.parametrize(
    ("had", "said", "same"),
    [
        ('"a"', '"a"', True),
        ('"a"', '"b"', False),
        ('W/"a"', 'W/"a"', True),
        ('W/"a"', '"a"', True),
        ('"a"', 'W/"a"', True),
        ('W/"a"', 'W/"b"', False),
        ('"a"', "", True),
        ("", '"a"', True),
    ],
)
def test_tags(had: str, said: str, same: bool) -> None:
    assert confirms(stored(had), {"ETag": said} if said else {}) is same


def test_dates() -> None:
    assert confirms(stored("", MODIFIED), {"Last-Modified": MODIFIED})
    assert not confirms(stored("", MODIFIED), {"Last-Modified": "Tue, 14 Nov 2023 22:13:21 GMT"})


@pytest.mark.rule("RFC 9111 3.2", "all lines of a name that came are replaced; lengths are of the message")
def test_update() -> None:
    it = stored('"a"', fields=(("X", "1"), ("X", "2"), ("Y", "3"), ("Content-Type", "a/b")))
    came = CIMultiDict(
        [("x", "4"), ("Content-Length", "0"), ("Content-Range", "bytes 0-0/1"), ("Connection", "Z"), ("Z", "5")]
    )
    fields = merged(it, head_of(304, CIMultiDictProxy(came), received_date="now", ours=False))
    assert fields == (("Y", "3"), ("Content-Type", "a/b"), ("x", "4"), ("Date", "now"))
    life = Lifetime(store=True, fresh_s=9.0, age_s=1.0, leave_out=frozenset({"y"}))
    new = renewed(it, (*fields, ("ETag", '"b"')), life, 5.0)
    assert (new.body, new.etag, new.born, new.fresh_s, new.date) == (b"body", '"b"', 5.0, 9.0, "now")
    assert "Y" not in dict(new.fields)


@pytest.mark.rule("RFC 9111 4.3.5", "an answer to HEAD is about the same object if what it says is the same")
@pytest.mark.parametrize(
    ("said", "same"),
    [
        ({}, True),
        ({"ETag": '"a"', "Last-Modified": MODIFIED, "Content-Length": "4"}, True),
        ({"ETag": '"b"'}, False),
        ({"Last-Modified": "x"}, False),
        ({"Content-Length": "5"}, False),
    ],
)
def test_head(said: dict[str, str], same: bool) -> None:
    assert same_by_head(stored('"a"', MODIFIED), said) is same
