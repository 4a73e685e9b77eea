"""The express lane: what it takes, what it leaves to aiohttp, and that nobody can tell which one answered."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections.abc import AsyncIterator

import pytest

from edge.lane import PLAIN_WITH_CMCD
from edge.request import CORS
from node.express import PLAIN
from tests.edge.conftest import Rig
from tests.kit.proxied import Proxied, proxied
from tests.kit.proxied import answer as response
from tests.kit.upstream import Wire, get, until

SEGMENT = "/live/news/e1/v1/100.m4s"
BODY = bytes(range(256)) * 400  # 100 KiB: header and body in one vector
SMALL = "/live/news/e1/v1/101.m4s"
PLAYLIST = "/live/news/e1/v1/media.m3u8"
YEAR = "public, max-age=31536000, immutable"


@pytest.fixture
async def hot(rig: Rig) -> Wire:
    """A connection to an edge that has SEGMENT and SMALL in its hot table."""
    rig.upstream.holds(SEGMENT, BODY, Cache_Control=YEAR, ETag='"a"')
    rig.upstream.holds(SMALL, b"small", Cache_Control=YEAR, ETag='"s"')
    await rig.get(SEGMENT)
    await rig.get(SMALL)
    wire = await rig.wire()
    wire.get(SMALL)  # the connection's handler is waiting from here on
    await wire.answer()
    rig.edge.counts.express = 0
    return wire


def express(rig: Rig) -> int:
    return rig.edge.counts.express


@pytest.mark.parametrize(("target", "body"), [(SEGMENT, BODY), (SMALL, b"small")])
async def test_both_lanes_give_the_same_answer(rig: Rig, hot: Wire, target: str, body: bytes) -> None:
    hot.get(target)
    lane = await hot.answer()
    assert express(rig) == 1
    hot.get(target, "Range: units=1")  # ignored by RFC 9110 14.2, not known to the lane
    full = await hot.answer()
    assert express(rig) == 1
    assert lane.status == full.status == 200
    assert lane.body == full.body == body
    full.headers.popall("X-Request-Id")
    assert sorted(lane.headers.items()) == sorted(full.headers.items())


async def test_back_to_back_on_one_connection(rig: Rig, hot: Wire) -> None:
    for _ in range(3):
        hot.get(SEGMENT)
        assert (await hot.answer()).body == BODY
        hot.get(SMALL)
        assert (await hot.answer()).body == b"small"
    assert express(rig) == 6


async def test_the_lane_comes_back_after_the_full_path(rig: Rig, hot: Wire) -> None:
    hot.get(SMALL, "Range: bytes=0-1")
    assert (await hot.answer()).body == b"sm"
    hot.get(SMALL)
    assert (await hot.answer()).body == b"small"
    assert express(rig) == 1


async def test_a_split_request_goes_to_aiohttp_and_the_next_one_is_express(rig: Rig, hot: Wire) -> None:
    whole = get(SMALL)
    hot.send(whole[:20])
    await until(lambda: any(getattr(c, "_tail", b"") for c in rig.runner.server.connections))
    hot.send(whole[20:])
    assert (await hot.answer()).body == b"small"
    assert express(rig) == 0
    hot.get(SMALL)
    assert (await hot.answer()).body == b"small"
    assert express(rig) == 1


async def test_a_get_inside_a_field_is_a_field(rig: Rig, hot: Wire) -> None:
    """Request smuggling: the second write looks like a plain GET and belongs to the first one's head."""
    hot.send(f"GET {SEGMENT} HTTP/1.1\r\nX: ".encode())
    await until(lambda: any(getattr(c, "_tail", b"") for c in rig.runner.server.connections))
    hot.send(get(SMALL))
    assert (await hot.answer()).body == BODY
    assert express(rig) == 0


async def test_a_get_inside_a_body_is_a_body(rig: Rig, hot: Wire) -> None:
    """Request smuggling: the second write looks like a request and is the first one's content (RFC 9112 6)."""
    inner = get(SMALL)
    hot.send(f"POST {SMALL} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(inner)}\r\n\r\n".encode())
    refused = await hot.answer()
    assert refused.status == 405
    hot.send(inner)
    hot.send(get(SEGMENT))
    assert (await hot.answer()).body == BODY
    assert express(rig) == 0


@pytest.mark.parametrize(
    "sent",
    [
        get(SMALL) + get(SMALL),
        get(SMALL, "Range: bytes=0-4"),
        get(SMALL, "range: bytes=0-4"),
        get(SMALL, 'If-None-Match: "x"'),
        get(SMALL, "If-Modified-Since: Mon, 01 Jan 2001 00:00:00 GMT"),
        get(SMALL, "Connection: close"),
        get(SMALL, "Connection: keep-alive, Upgrade", "Upgrade: h2c"),
        get(SMALL, "Content-Length: 0"),
        get(SMALL, "Transfer-Encoding: chunked") + b"0\r\n\r\n",
        get(SMALL, "Expect: 100-continue"),
        get(SMALL, version="1.0"),
        get("http://edge.example" + SMALL),
        get(SMALL + "?unknown=1"),
        get(SMALL + "?CMCD=a&b=1"),
        b"\r\n" + get(SMALL),
    ],
)
async def test_what_falls_through_is_answered_all_the_same(rig: Rig, hot: Wire, sent: bytes) -> None:
    hot.send(sent)
    first = await hot.answer()
    while first.status == 100:
        first = await hot.answer()
    assert first.status in (200, 206)
    assert first.body == b"small"
    assert express(rig) == 0
    if sent == 2 * get(SMALL):
        assert (await hot.answer()).body == b"small"
    assert rig.upstream.asked[SMALL] == 1


def test_a_head_with_a_report_is_told_apart() -> None:
    head = b"Host: 127.0.0.1:8080\r\nCMCD-Request: bl=100\r\n\r\n"
    assert not PLAIN.fullmatch(head)
    assert PLAIN_WITH_CMCD.fullmatch(head)


async def test_the_cmcd_report_is_no_part_of_the_key_and_is_set_aside(rig: Rig, hot: Wire) -> None:
    rig.upstream.holds(PLAYLIST + "?_HLS_msn=7", b"#EXTM3U", Cache_Control="max-age=9")
    await rig.get(PLAYLIST + "?_HLS_msn=7")
    for target, fields, report in (
        (SMALL + "?CMCD=bl%3D100", (), b"bl%3D100"),
        (PLAYLIST + "?_HLS_msn=7&CMCD=x", (), b"x"),
        (SMALL, ("CMCD-Request: bl=1", "CMCD-Session: sid=2"), b"bl=1\nsid=2"),
        (SMALL + "?CMCD=q", ("CMCD-Object: br=5",), b"br=5"),
    ):
        hot.get(target, *fields)
        assert (await hot.answer()).status == 200
        assert rig.deliveries[-1].cmcd == report
        assert (rig.deliveries[-1].cache, rig.deliveries[-1].duration_ms) == ("hit", 0)
    assert express(rig) == 4
    assert len({d.request for d in rig.deliveries[-4:]}) == 4


async def test_age_goes_on_and_a_stale_object_leaves_the_lane(rig: Rig, hot: Wire) -> None:
    rig.upstream.holds(PLAYLIST, b"#EXTM3U", Cache_Control="max-age=2", Age="1")
    await rig.get(PLAYLIST)
    for ms, age in ((0, "1"), (600, "1"), (399, "1")):
        rig.clock.advance(ms)
        hot.get(PLAYLIST)
        assert (await hot.answer()).headers["Age"] == age
    assert express(rig) == 3
    rig.clock.advance(1)  # RFC 9111 4.2: equal is stale
    hot.get(PLAYLIST)
    assert (await hot.answer()).headers["Cache-Status"] == "Headwater; fwd=stale; stored"
    assert express(rig) == 3


async def test_an_object_that_was_crowded_out_leaves_the_lane(rig: Rig, hot: Wire) -> None:
    rig.edge.store.drop(SMALL)
    hot.get(SMALL)
    assert (await hot.answer()).headers["Cache-Status"] == "Headwater; fwd=uri-miss; stored"
    assert express(rig) == 0


async def test_hits_keep_a_connection_from_being_idle(rig: Rig, hot: Wire) -> None:
    (protocol,) = [c for c in rig.runner.server.connections if c._request_count]
    before = protocol._next_keepalive_close_time
    served = protocol._request_count
    await asyncio.sleep(0.01)
    hot.get(SMALL)
    await hot.answer()
    assert protocol._next_keepalive_close_time > before
    assert protocol._request_count == served + 1
    protocol._keepalive_timeout = 0.05
    hot.get(SMALL)
    await hot.answer()
    protocol._next_keepalive_close_time = 0.0
    protocol._process_keepalive()  # and one that is idle is closed
    assert await hot.reader.read() == b""


async def test_slow_readers_of_a_large_object_cost_no_memory(rig: Rig) -> None:
    large = bytes(8 << 20)
    rig.upstream.holds(SEGMENT, large, Cache_Control=YEAR)
    await rig.get(SEGMENT)
    gc.collect()
    tracemalloc.start()
    try:
        wires = [await rig.wire(limit=4096) for _ in range(20)]
        for wire in wires:
            wire.get(SEGMENT)
            await wire.header()
            for _ in range(8):  # asked again and again, nothing read
                wire.get(SEGMENT)
        await until(lambda: rig.edge.counts.express >= len(wires))
        for wire in wires:
            await wire.read(1 << 16)
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert used < 16 << 20, f"20 readers who are behind hold {used >> 20} MiB; the object has 8"
    assert rig.edge.counts.express == len(wires)
    assert (await wires[0].read(len(large) - (1 << 16))) == large[1 << 16 :]
    assert (await wires[0].answer()).body == large  # and they get what they asked for, in order


async def test_who_is_behind_is_answered_by_the_full_path_which_waits(rig: Rig) -> None:
    large = bytes(8 << 20)
    rig.upstream.holds(SEGMENT, large, Cache_Control=YEAR)
    await rig.get(SEGMENT)
    wire = await rig.wire(limit=4096)
    wire.get(SEGMENT)
    await wire.header()
    assert rig.edge.counts.express == 1
    wire.get(SEGMENT)  # the transport is above its high-water mark
    await until(lambda: any(c._request_in_progress for c in rig.runner.server.connections))
    full = rig.edge.counts.full
    assert await wire.read(len(large)) == large
    assert (await wire.answer()).body == large
    assert (rig.edge.counts.express, rig.edge.counts.full) == (1, full + 1)


async def test_pages_of_any_origin_may_read_the_answer(rig: Rig, hot: Wire) -> None:
    hot.get(SMALL)
    answer = await hot.answer()
    assert dict(CORS).items() <= dict(answer.headers).items()


# Of any origin


@pytest.fixture
async def wide() -> AsyncIterator[Proxied]:
    async with proxied() as edge:
        yield edge


async def ready(edge: Proxied) -> Wire:
    """A connection whose handler waits for a request."""
    wire = await edge.wire()
    wire.get("/ready", "Cache-Control: only-if-cached")
    assert (await wire.answer()).status == 504
    edge.edge.counts.express = 0
    return wire


async def test_both_lanes_give_the_same_answer_of_any_origin(wide: Proxied) -> None:
    fields = {"Cache_Control": "max-age=9", "ETag": '"a"', "Server": "x", "Cache_Status": "up; hit", "X_Name": "\u00e9"}
    wide.origin.says(200, b"body", **fields)
    wire = await ready(wide)
    wire.get("/a?b=c")
    await wire.answer()
    for ms in (0, 600, 400, 7999):
        wide.clock.advance(ms)
        wire.get("/a?b=c")
        lane = await wire.answer()
        wire.get("/a?b=c", "Range: units=1")
        full = await wire.answer()
        full.headers.popall("X-Request-Id")
        assert lane.body == full.body == b"body"
        assert sorted(lane.headers.items()) == sorted(full.headers.items())
    assert lane.headers["Cache-Status"] == "up; hit, Headwater; hit; ttl=0"
    assert wide.edge.counts.express == 4
    assert [(d.path, d.cache) for d in wide.deliveries[-2:]] == [("/a", "hit")] * 2
    wide.clock.advance(2)
    wire.get("/a?b=c")
    assert "fwd=stale" in (await wire.answer()).headers["Cache-Status"]
    assert wide.edge.counts.express == 4


async def test_hosts_and_variants_are_told_apart(wide: Proxied) -> None:
    wide.origin.reply = lambda one: response(
        200,
        f"{one.headers['Host']} {one.headers.get('Accept-Encoding')}".encode(),
        Cache_Control="max-age=9",
        Vary="Accept-Encoding",
    )
    wire = await ready(wide)
    asked = [("edge.example", "gzip"), ("edge.example", "br, gzip"), ("other.example", "gzip")]
    for _ in range(3):
        for host, coding in asked:
            wire.send(f"GET /a HTTP/1.1\r\nHost: {host}\r\nAccept-Encoding: {coding}\r\n\r\n".encode())
            assert (await wire.answer()).body == f"{host} {coding}".encode()
    assert wide.edge.counts.express == 6 and len(wide.origin.heard) == 3
    wire.send(b"GET /a HTTP/1.1\r\nHost: EDGE.example:80\r\naccept-encoding: GZIP;q=0.3 , br\r\n\r\n")
    assert (await wire.answer()).body == b"edge.example br, gzip"
    assert wide.edge.counts.express == 7
    wide.edge.store.drop_all("edge.example/a")
    assert list(wide.edge.lane.wide) == [b"other.example/a"]


@pytest.mark.parametrize(
    "fields",
    [
        ("Cache-Control: no-cache",),
        ("Pragma: no-cache",),
        ("CDN-Loop: x",),
        ("Authorization: Basic eDp5",),
        ("Range: bytes=0-0",),
        ("If-Match: *",),
    ],
)
async def test_what_viewers_want_is_for_the_full_path(wide: Proxied, fields: tuple[str, ...]) -> None:
    wide.origin.says(200, b"body", Cache_Control="max-age=9")
    wire = await ready(wide)
    wire.get("/a")
    await wire.answer()
    for _ in range(2):
        wire.get("/a", *fields)
        assert (await wire.answer()).status in (200, 206)
    assert wide.edge.counts.express == 0


async def test_a_path_that_begins_like_a_host_is_a_path(wide: Proxied) -> None:
    wide.origin.reply = lambda one: response(200, one.target.encode(), Cache_Control="max-age=9")
    wire = await ready(wide)
    for target in ("/a", "//edge.example/a", "/edge.example/a"):
        for _ in range(2):
            wire.get(target)
            assert (await wire.answer()).body == target.encode()
    assert wide.edge.counts.express == 3


async def test_with_one_host_upstream_all_hosts_share_the_hits() -> None:
    async with proxied(host="app.internal") as edge:
        edge.origin.says(200, b"body", Cache_Control="max-age=9")
        wire = await ready(edge)
        for host in ("one.example", "two.example"):
            wire.send(f"GET /a HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            assert (await wire.answer()).body == b"body"
        assert edge.edge.counts.express == 1 and len(edge.origin.heard) == 1
