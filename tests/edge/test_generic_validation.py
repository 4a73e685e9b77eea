"""Any origin: what is stale is validated; conditions and ranges of viewers."""

from __future__ import annotations

import asyncio

import pytest

from tests.kit.proxied import Proxied, answer
from tests.kit.upstream import until

DATE = "Tue, 14 Nov 2023 22:13:20 GMT"  # the clock's first moment


# Validation (RFC 9111 4.3)


@pytest.mark.rule("RFC 9111 4.3.1", "what is stale is validated with the validators that it has")
@pytest.mark.rule("RFC 9111 3.2", "a 304 replaces the fields that it brings and keeps the others")
async def test_a_304_renews_what_is_stored(edge: Proxied) -> None:
    edge.origin.says(200, b"x", Cache_Control="max-age=1", ETag='"v1"', X_Old="a", Content_Type="text/plain")
    await edge.ask()
    edge.passes(1)
    edge.origin.says(304, ETag='"v1"', Cache_Control="max-age=5", X_New="b", Content_Type="text/html")
    found = await edge.ask()
    assert (found.status, found.body) == (200, b"x")
    assert found.headers["Cache-Status"] == "Headwater; fwd=stale; fwd-status=304; stored"
    assert edge.origin.heard[1].headers["If-None-Match"] == '"v1"'
    edge.passes(4.9)
    again = await edge.ask()
    assert again.headers["Cache-Status"] == "Headwater; hit; ttl=0"
    assert (again.headers["X-Old"], again.headers["X-New"], again.headers["Content-Type"]) == ("a", "b", "text/html")
    assert again.headers["Age"] == "4"
    assert len(edge.origin.heard) == 2
    assert edge.counted("edge_fills", result="validated") == 1


@pytest.mark.rule("RFC 9111 4.3.3", "a full answer to a validation takes the stored one's place")
async def test_a_full_answer_to_a_validation(edge: Proxied) -> None:
    edge.origin.says(200, b"one", Cache_Control="max-age=1", ETag='"1"')
    await edge.ask()
    edge.passes(1)
    edge.origin.says(200, b"two", Cache_Control="max-age=5", ETag='"2"')
    assert (await edge.ask()).body == b"two"
    assert (await edge.ask()).body == b"two"
    assert len(edge.origin.heard) == 2


@pytest.mark.rule("RFC 9111 4.3.4", "a 304 about something else updates nothing: the object is asked for again")
async def test_a_304_of_something_else(edge: Proxied) -> None:
    edge.origin.says(200, b"one", Cache_Control="max-age=1", ETag='"1"')
    await edge.ask()
    edge.passes(1)

    edge.origin.reply = lambda one: (
        answer(304, ETag='"2"')
        if "If-None-Match" in one.headers
        else answer(200, b"two", ETag='"2"', Cache_Control="max-age=1")
    )
    assert (await edge.ask()).body == b"two"
    assert len(edge.origin.heard) == 3


@pytest.mark.rule("RFC 9111 4.3.1", "one validation for all who ask")
async def test_one_validation_for_all(edge: Proxied) -> None:
    edge.origin.says(200, b"x", Cache_Control="max-age=1", ETag='"1"')
    await edge.ask()
    edge.passes(1)
    edge.origin.says(304, ETag='"1"', Cache_Control="max-age=1")
    edge.origin.gate.clear()
    viewers = [asyncio.get_running_loop().create_task(edge.ask()) for _ in range(20)]
    await until(lambda: edge.counted("edge_followers") >= 19)
    edge.origin.gate.set()
    assert {(await viewer).body for viewer in viewers} == {b"x"}
    assert len(edge.origin.heard) == 2


@pytest.mark.rule("RFC 9111 5.2.2.4", "no-cache: kept, and validated before each use")
async def test_no_cache_is_kept_and_validated(edge: Proxied) -> None:
    edge.origin.says(200, b"x", Cache_Control="no-cache, max-age=99", ETag='"1"')
    await edge.ask()
    edge.origin.says(304, ETag='"1"')
    for _ in range(2):
        assert (await edge.ask()).body == b"x"
    assert [one.headers.get("If-None-Match") for one in edge.origin.heard] == [None, '"1"', '"1"']


@pytest.mark.rule("RFC 9111 4.3.2", "a viewer's condition is answered from what is stored, before and after validation")
async def test_conditions_of_viewers(edge: Proxied) -> None:
    edge.origin.says(200, b"x", Cache_Control="max-age=1", ETag='"1"')
    assert (await edge.ask("/a", 'If-None-Match: "1"')).status == 304
    assert "If-None-Match" not in edge.origin.heard[0].headers
    assert (await edge.ask("/a", 'If-None-Match: "0", W/"1"')).status == 304
    edge.passes(1)
    edge.origin.says(304, ETag='"1"', Cache_Control="max-age=1")
    assert (await edge.ask("/a", 'If-None-Match: "0"')).body == b"x"  # 304 to us, 200 to the viewer
    edge.passes(1)
    edge.origin.says(304, Cache_Control="max-age=1")  # one that says little
    assert (await edge.ask("/a", 'If-None-Match: "1"')).status == 304
    edge.passes(1)
    assert (await edge.ask("/a", "If-None-Match: *")).status == 304
    assert [one.headers.get("If-None-Match") for one in edge.origin.heard] == [None, *['"1"'] * 3]


@pytest.mark.rule("RFC 9110 13.1.1", "If-Match that what is stored does not fulfil is left to the origin")
async def test_if_match(edge: Proxied) -> None:
    edge.origin.says(200, b"x", Cache_Control="max-age=9", ETag='"1"', Last_Modified=DATE)
    await edge.ask()
    assert (await edge.ask("/a", 'If-Match: "0", "1"')).headers["Cache-Status"] == "Headwater; hit; ttl=9"
    assert (await edge.ask("/a", f"If-Unmodified-Since: {DATE}")).headers["Cache-Status"] == "Headwater; hit; ttl=9"
    edge.origin.says(412)
    assert (await edge.ask("/a", 'If-Match: W/"1"')).status == 412
    assert edge.origin.heard[-1].headers["If-Match"] == 'W/"1"'
    assert (await edge.ask("/a", "If-Unmodified-Since: Mon, 13 Nov 2023 22:13:20 GMT")).status == 412
    assert len(edge.origin.heard) == 3


@pytest.mark.rule("RFC 9111 4.3.5", "a HEAD that agrees renews what is stored, another one makes it ask")
async def test_head(edge: Proxied) -> None:
    edge.origin.says(200, b"four", Cache_Control="max-age=2", ETag='"1"')
    await edge.ask()
    head = await edge.ask(method="HEAD")
    assert (head.headers["Content-Length"], head.headers["Cache-Status"]) == ("4", "Headwater; hit; ttl=2")
    edge.passes(2)
    edge.origin.reply = lambda one: answer(200, length=4, Cache_Control="max-age=5", ETag='"1"')
    assert (await edge.ask(method="HEAD")).headers["Cache-Status"] == "Headwater; fwd=stale; stored"
    assert (await edge.ask()).headers["Cache-Status"] == "Headwater; hit; ttl=5"
    edge.passes(5)
    edge.origin.reply = lambda one: answer(200, length=5, Cache_Control="max-age=5", ETag='"2"')
    await edge.ask(method="HEAD")
    edge.origin.says(200, b"fifth", Cache_Control="max-age=5", ETag='"2"')
    assert (await edge.ask()).body == b"fifth"
    assert edge.origin.asked() == ["GET /a", "HEAD /a", "HEAD /a", "GET /a"]


@pytest.mark.rule("RFC 9110 9.3.2", "HEAD of what is not stored is asked as HEAD, and kept for HEAD alone")
async def test_head_alone(edge: Proxied) -> None:
    edge.origin.reply = lambda one: answer(200, length=7, Cache_Control="max-age=5")
    for _ in range(2):
        assert (await edge.ask(method="HEAD")).headers["Content-Length"] == "7"
    assert edge.origin.asked() == ["HEAD /a"]
    edge.origin.says(200, b"7 bytes", Cache_Control="max-age=5")
    assert (await edge.ask()).body == b"7 bytes"


# Ranges (RFC 9110 14)


@pytest.mark.rule("RFC 9110 14.2", "ranges of what is stored: one, the last bytes, several, none that can be")
async def test_ranges(edge: Proxied) -> None:
    body = bytes(range(256)) * 4
    edge.origin.says(200, body, Cache_Control="max-age=99", ETag='"1"', Content_Type="video/mp4")
    first = await edge.ask("/a", "Range: bytes=10-19")
    assert (first.status, first.body, first.headers["Content-Range"]) == (206, body[10:20], "bytes 10-19/1024")
    last = await edge.ask("/a", "Range: bytes=-5")
    assert (last.body, last.headers["Accept-Ranges"]) == (body[-5:], "bytes")
    beyond = await edge.ask("/a", "Range: bytes=1024-")
    assert (beyond.status, beyond.headers["Content-Range"]) == (416, "bytes */1024")
    parts = await edge.ask("/a", "Range: bytes=0-1, 500-501, -2")
    assert parts.status == 206 and "Content-Range" not in parts.headers
    boundary = parts.headers["Content-Type"].removeprefix("multipart/byteranges; boundary=")
    pieces = parts.body.split(f"--{boundary}".encode())
    assert [piece.split(b"\r\n\r\n")[1][:2] for piece in pieces[1:-1]] == [body[:2], body[500:502], body[-2:]]
    assert b"Content-Range: bytes 500-501/1024" in pieces[2] and b"Content-Type: video/mp4" in pieces[2]
    near = await edge.ask("/a", "Range: bytes=0-1, 5-6")  # what is nearer than a part's header is sent along
    assert (near.headers["Content-Range"], near.body) == ("bytes 0-6/1024", body[:7])
    many = await edge.ask("/a", "Range: bytes=" + ",".join(f"{at}-{at}" for at in range(0, 1024, 40)))
    assert (many.status, many.body) == (206, body[:1001])
    assert len(edge.origin.heard) == 1


@pytest.mark.rule("RFC 9110 13.1.5", "If-Range: the range if it is the same object, else all of it")
async def test_if_range(edge: Proxied) -> None:
    edge.origin.says(
        200, b"0123456789", Cache_Control="max-age=99", ETag='"1"', Last_Modified="Tue, 14 Nov 2023 22:13:18 GMT"
    )
    await edge.ask()
    for same, status in (
        ('"1"', 206),
        ('W/"1"', 200),
        ('"2"', 200),
        ("Tue, 14 Nov 2023 22:13:18 GMT", 206),
        ("Tue, 14 Nov 2023 22:13:19 GMT", 200),
    ):
        assert (await edge.ask("/a", "Range: bytes=0-1", f"If-Range: {same}")).status == status, same


@pytest.mark.rule(
    "RFC 9110 14.2", "a range of an object that is still coming is answered as soon as its bytes are there"
)
async def test_a_range_of_what_is_still_coming(edge: Proxied) -> None:
    edge.origin.dripping = True
    edge.origin.reply = lambda _: answer(200, b"0123", length=12, Cache_Control="max-age=99")
    wire, late, several = await edge.wire(), await edge.wire(), await edge.wire()
    wire.get("/a", "Range: bytes=1-2")
    part = await wire.answer()
    assert (part.status, part.body, part.headers["Content-Range"]) == (206, b"12", "bytes 1-2/12")
    late.get("/a", "Range: bytes=-4")
    several.get("/a", "Range: bytes=0-0,11-11")
    edge.origin.drips.put_nowait(b"456789ab")
    edge.origin.drips.put_nowait(None)
    assert (await late.answer()).body == b"89ab"
    assert (await several.answer()).headers["Content-Range"] == "bytes 0-11/12"
    assert len(edge.origin.heard) == 1
