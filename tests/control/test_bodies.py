from itertools import islice

import pytest

from base.names import is_title
from base.problems import Problem
from control import bodies
from control.rows import Asset, AssetState


def refused(call: object, *given: object) -> Problem:
    with pytest.raises(Problem) as found:
        call(*given)  # type: ignore[operator]
    assert found.value.kind.status == 400
    return found.value


def test_a_channel_has_defaults() -> None:
    found = bodies.new_channel(b'{"channel": "news"}')
    assert (found.segment_ms, found.part_ms, found.window_s, found.title) == (2000, 500, 1800, None)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{}", "channel"),
        (b'{"channel": 5}', "channel"),
        (b'{"channel": "News"}', "channel"),
        (b'{"channel": "-news"}', "channel"),
        (b'{"channel": "a/../b"}', "channel"),
        (b'{"channel": "news\\n"}', "channel"),
        (b'{"channel": "news", "segment_ms": "2000"}', "segment_ms"),
        (b'{"channel": "news", "segment_ms": 10}', "segment_ms"),
        (b'{"channel": "news", "segment_ms": 1000, "part_ms": 1500}', "part_ms"),
        (b'{"channel": "news", "segment_ms": 20000, "window_s": 30}', "window_s"),
        (b'{"channel": "news", "window_s": 1e9}', "window_s"),
        (b'{"channel": "news", "colour": "red"}', "colour"),
    ],
)
def test_a_bad_body_names_its_field(body: bytes, field: str) -> None:
    found = refused(bodies.new_channel, body)
    assert found.extra["field"] == field
    assert field in found.detail


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"channel": "\xff"}'])
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    refused(bodies.new_channel, body)


@pytest.mark.parametrize(
    ("title", "filename", "name", "shown"),
    [
        ("Büro Tour (final)", "x.mp4", "buro-tour-final", "Büro Tour (final)"),
        ("", "Big Buck Bunny.mp4", "big-buck-bunny", "Big Buck Bunny"),
        ("", "C:\\films\\night.mov", "night", "night"),
        ("", "../../etc/passwd", "passwd", "passwd"),
        ("", ".hidden", "hidden", ".hidden"),
        ("東京", "", "asset", "東京"),
        ("  two\n lines ", "", "two-lines", "two lines"),
        ("x" * 150, "", "x" * 64, "x" * 150),
    ],
)
def test_an_asset_is_named_after_its_title_or_file(title: str, filename: str, name: str, shown: str) -> None:
    assert bodies.asset_name_and_title(title, filename) == (name, shown)
    assert is_title(name)


@pytest.mark.parametrize(("title", "filename"), [("", ""), ("a\x00b", ""), ("x" * 201, ""), (" ", "")])
def test_a_title_that_cannot_be_shown_is_refused(title: str, filename: str) -> None:
    refused(bodies.asset_name_and_title, title, filename)


@pytest.mark.parametrize("wanted", ["tour", "x" * 64, "x" * 61 + "-yz"])
def test_further_names_are_numbered_and_valid(wanted: str) -> None:
    found = list(islice(bodies.names_for(wanted), 12))
    assert found[0] == wanted and found[1].endswith("-2") and found[9].endswith("-10")
    assert len(set(found)) == 12 and all(map(is_title, found))


@pytest.mark.parametrize(
    ("field", "revs"),
    [
        (None, None),
        ("*", None),
        ('"12"', frozenset({12})),
        ('"12", "13"', frozenset({12, 13})),
        ('W/"12"', frozenset()),
        ('"abc"', frozenset()),
    ],
)
def test_if_match(field: str | None, revs: frozenset[int] | None) -> None:
    """RFC 9110 13.1.1: strong comparison."""
    assert bodies.if_match(field) == revs


def test_an_unquoted_tag_is_malformed() -> None:
    assert "quotes" in refused(bodies.if_match, "12").detail


def test_a_cursor_comes_back() -> None:
    row = Asset(
        asset="tour-2", title="T", state=AssetState.READY, report=None, reason="", bytes=0, created_ms=1234, rev=1
    )
    assert bodies.after(bodies.cursor(row)) == (1234, "tour-2")
    assert bodies.after(None) is None


@pytest.mark.parametrize("text", ["", "!!", "YWJj", "MTIzNA", "é", "a" * 1000])
def test_a_foreign_cursor_is_refused(text: str) -> None:
    refused(bodies.after, text)


@pytest.mark.parametrize("text", ["0", "501", "-1", "ten", "", "1e2"])
def test_a_limit_out_of_range_is_refused(text: str) -> None:
    refused(bodies.limit, text)
