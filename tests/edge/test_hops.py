from __future__ import annotations

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from edge.hops import Hop, head_of, joined, looped, onward


def test_what_belongs_to_one_hop_stays_behind() -> None:
    """RFC 9110 7.6.1, RFC 9111 3.1"""
    fields = CIMultiDictProxy(
        CIMultiDict(
            [
                ("Connection", "close, X-Hop"),
                ("X-Hop", "1"),
                ("Keep-Alive", "5"),
                ("Transfer-Encoding", "chunked"),
                ("Age", "5"),
                ("Server", "x/1.2"),
                ("Access-Control-Allow-Origin", "http://one.example"),
                ("X-End", "1"),
                ("ETag", '"a"'),
                ("Content-Length", "5"),
            ]
        )
    )
    head = head_of(200, fields, received_date="now")
    assert head.fields == (("X-End", "1"), ("ETag", '"a"'), ("Date", "now"))
    assert (head.etag, head.date) == ('"a"', "now")
    assert head.length is None  # RFC 9112 6.3: Transfer-Encoding overrides it


def test_lines_of_one_name_are_one_list() -> None:
    fields = CIMultiDictProxy(CIMultiDict([("Cache-Control", "max-age=5"), ("cache-control", "no-store")]))
    assert joined(fields)["Cache-Control"] == "max-age=5, no-store"


def test_any_origins_answer_keeps_what_it_says_to_pages() -> None:
    fields = CIMultiDictProxy(
        CIMultiDict([("Server", "x"), ("Access-Control-Allow-Origin", "*"), ("Set-Cookie", "a"), ("Set-Cookie", "b")])
    )
    head = head_of(200, fields, received_date="now", ours=False)
    assert head.fields == (*fields.items(), ("Date", "now"))
    alone = head.without(frozenset({"set-cookie"}))
    assert alone.once == (("Set-Cookie", "a"), ("Set-Cookie", "b"))
    assert "Set-Cookie" not in dict(alone.fields)


def hop(**more: object) -> Hop:
    given: dict[str, object] = {"version": "1.1", "scheme": "http", "host": "h", "peer": "2001:db8::1", "node": "n"}
    return Hop(**(given | more))  # type: ignore[arg-type]


@pytest.mark.rule("RFC 7239 6", "an address of IPv6 stands in brackets and quotes; without one it is unknown")
def test_forwarded() -> None:
    fields = CIMultiDictProxy(CIMultiDict({"Forwarded": "for=10.0.0.1"}))
    assert onward(fields, hop(), safe=True)["Forwarded"] == 'for="[2001:db8::1]";host="h";proto=http'
    assert onward(fields, hop(peer="", host=""), safe=True)["Forwarded"] == "for=unknown;proto=http"
    assert onward(fields, hop(trusted=True, peer="10.0.0.2", host=""), safe=True)["Forwarded"] == (
        "for=10.0.0.1, for=10.0.0.2;proto=http"
    )


def test_what_would_change_the_method_goes_with_what_is_not_shared_only() -> None:
    fields = CIMultiDictProxy(CIMultiDict({"X-HTTP-Method-Override": "PUT"}))
    assert "X-HTTP-Method-Override" not in onward(fields, hop(), safe=True)
    assert onward(fields, hop(), safe=False)["X-HTTP-Method-Override"] == "PUT"


@pytest.mark.rule("RFC 8586 2", "each node adds itself to CDN-Loop and never takes another out")
def test_loops() -> None:
    fields = CIMultiDict([("CDN-Loop", "a; x=1"), ("CDN-Loop", "b")])
    sent = onward(CIMultiDictProxy(fields), hop(), safe=True)
    assert sent["CDN-Loop"] == "a; x=1, b, n"
    assert looped(joined(fields), "a") and looped(joined(fields), "b") and not looped(joined(fields), "x=1")
    assert not looped({}, "a")
