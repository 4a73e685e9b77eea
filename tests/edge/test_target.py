from __future__ import annotations

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from base.problems import Problem
from edge import target
from edge.target import Target


def fields(*given: tuple[str, str]) -> CIMultiDictProxy[str]:
    return CIMultiDictProxy(CIMultiDict(given))


def to(raw: str, host: str = "www.example", fixed: str = "") -> Target:
    return target.target(raw, fields(("Host", host)), upstream_host="up:1", fixed_host=fixed)


@pytest.mark.rule("RFC 9110 4.2.3", "one key for the spellings of one URI")
@pytest.mark.parametrize(
    ("raw", "host", "key"),
    [
        ("/a?b", "www.example", "www.example/a?b"),
        ("/a?b", "WWW.Example:80", "www.example/a?b"),
        ("/%7Ea/%41%2f%c3", "h", "h/~a/A%2F%C3"),
        ("http://WWW.example/a", "other", "www.example/a"),
        ("http://h:80?x", "other", "h/?x"),
        ("/a?CMCD=bl%3D1&b=c", "h", "h/a?b=c"),
        ("/a?CMCD=x", "h", "h/a"),
        ("/a?", "h", "h/a"),
        ("//x/a", "h", "h//x/a"),
        ("/a/../b", "h", "h/a/../b"),
        ("/a", "[2001:DB8::1]:8080", "[2001:db8::1]:8080/a"),
    ],
)
def test_keys(raw: str, host: str, key: str) -> None:
    assert to(raw, host).key == key


def test_a_fixed_host_is_sent_and_not_part_of_the_key() -> None:
    assert to("/a", "one", "app") == Target(viewer="one", host="app", target="/a", key="*/a")
    assert to("/a", "two", "app").key == "*/a"
    assert to("/a", "").host == "up:1"  # HTTP/1.0


@pytest.mark.parametrize("raw", ["a", "*", "ftp://h/a", "/a#b", "/a b", "/é", "/\x00", "http://h h/"])
def test_targets_that_are_none(raw: str) -> None:
    with pytest.raises(Problem):
        to(raw)


@pytest.mark.parametrize("host", ["a b", "a/b", "a@b", "a:b", "a,b?", "[::1", "a:123456", "h\nx"])
def test_hosts_that_are_none(host: str) -> None:
    for raw in ("/a", "http://h/a"):
        with pytest.raises(Problem):
            to(raw, f"x{host}")


@pytest.mark.rule("RFC 9112 6.3", "a request whose length could be read in two ways is refused")
@pytest.mark.parametrize(
    ("method", "version", "given", "kind"),
    [
        ("POST", (1, 1), [("Transfer-Encoding", "gzip, chunked")], "malformed"),
        ("POST", (1, 1), [("Transfer-Encoding", "chunked, chunked")], "malformed"),
        ("POST", (1, 1), [("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "chunked")], "malformed"),
        ("POST", (1, 1), [("Transfer-Encoding", "chunked"), ("Content-Length", "1")], "malformed"),
        ("POST", (1, 1), [("Content-Length", "1"), ("Content-Length", "1")], "malformed"),
        ("POST", (1, 0), [("Transfer-Encoding", "chunked")], "malformed"),
        ("GET", (2, 0), [], "malformed"),
        ("GET", (0, 9), [], "malformed"),
        ("GET", (1, 1), [("Content-Length", "3")], "malformed"),
        ("GET", (1, 1), [("Host", "a"), ("Host", "b")], "malformed"),
        ("TRACE", (1, 1), [], "method"),
        ("CONNECT", (1, 1), [], "method"),
    ],
)
def test_what_is_not_admitted(method: str, version: tuple[int, int], given: list[tuple[str, str]], kind: str) -> None:
    with pytest.raises(Problem) as refused:
        target.admit(method, version, fields(*given), body=("Content-Length", "3") in given)
    assert refused.value.kind.name == kind


def test_what_is_admitted() -> None:
    target.admit("POST", (1, 1), fields(("Transfer-Encoding", "Chunked")), body=True)
    target.admit("GET", (1, 0), fields(), body=False)


@pytest.mark.rule("RFC 9111 4.4", "what an answer names is touched on the same origin only")
@pytest.mark.parametrize(
    ("reference", "key"),
    [
        ("/b", "www.example/b"),
        ("c?d#e", "www.example/x/c?d"),
        ("http://WWW.EXAMPLE:80/b", "www.example/b"),
        ("//www.example", "www.example/"),
        ("http://other.example/b", None),
        ("mailto:a@b", None),
        ("http://[", None),
    ],
)
def test_references(reference: str, key: str | None) -> None:
    assert target.named_by(reference, to("/x/y?z")) == key
