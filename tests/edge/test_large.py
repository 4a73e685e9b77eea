"""Objects as long as a film: handed through with ranges and conditions, in bounded memory, and never kept."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from edge import large
from tests.edge.conftest import Rig
from tests.kit.upstream import Answer, until

FILM = "/vod/film/e1/download-v1-a1.mp4"
TRACK = "/vod/film/e1/v1/track.mp4"
BODY = bytes(range(256)) * 4096


def ranged(body: bytes = BODY) -> object:
    """An upstream that knows ranges, as an origin does."""

    async def script(request: web.Request) -> web.StreamResponse:
        fields = {"ETag": '"f"', "Content-Type": "video/mp4", "Cache-Control": "public, max-age=31536000, immutable"}
        if request.headers.get("If-None-Match") == '"f"':
            return web.Response(status=304, headers=fields)
        wanted = request.http_range
        if wanted.start is None or request.headers.get("If-Range", '"f"') != '"f"':
            return web.Response(body=body, headers=fields)
        if wanted.start >= len(body):
            return web.Response(status=416, headers={"Content-Range": f"bytes */{len(body)}"})
        part = body[wanted]
        start = wanted.start % len(body)
        fields["Content-Range"] = f"bytes {start}-{start + len(part) - 1}/{len(body)}"
        return web.Response(status=206, body=part, headers=fields)

    return script


@pytest.mark.rule("RFC 9110 14.2", "a range goes to the one who knows the length, and its answer comes back")
@pytest.mark.parametrize("path", [FILM, TRACK])
async def test_a_range_goes_upstream_and_its_answer_comes_back(rig: Rig, path: str) -> None:
    rig.upstream.on(path, ranged())
    answer = await rig.get(path, "Range: bytes=1000-1999", 'If-Range: "f"', "Accept-Language: de")
    assert (answer.status, answer.body) == (206, BODY[1000:2000])
    assert answer.headers["Content-Range"] == f"bytes 1000-1999/{len(BODY)}"
    assert answer.headers["Accept-Ranges"] == "bytes" and answer.headers["ETag"] == '"f"'
    assert answer.headers["Cache-Status"] == "Headwater; fwd=bypass"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    seen = rig.upstream.seen[-1]
    assert (seen["Range"], seen["If-Range"]) == ("bytes=1000-1999", '"f"') and "Accept-Language" not in seen


async def test_nothing_of_it_is_kept(rig: Rig) -> None:
    rig.upstream.on(FILM, ranged())
    for _ in range(2):
        answer = await rig.get(FILM)
        assert (answer.status, answer.body) == (200, BODY)
    assert rig.upstream.asked[FILM] == 2 and len(rig.edge.store) == 0 and len(rig.edge.fills) == 0
    assert [delivery.cache for delivery in rig.deliveries] == ["pass", "pass"]


@pytest.mark.rule("RFC 9110 15.5.17", "a range beyond the end says how long the object is")
async def test_conditions_and_ranges_that_cannot_be(rig: Rig) -> None:
    rig.upstream.on(FILM, ranged())
    same = await rig.get(FILM, 'If-None-Match: "f"')
    assert (same.status, same.body, same.headers["ETag"]) == (304, b"", '"f"')
    beyond = await rig.get(FILM, f"Range: bytes={len(BODY)}-")
    assert (beyond.status, beyond.body, beyond.headers["Content-Range"]) == (416, b"", f"bytes */{len(BODY)}")
    other = await rig.get(FILM, "Range: bytes=5-9", 'If-Range: "of yesterday"')
    assert (other.status, other.body) == (200, BODY)


async def test_head_is_head_upstream(rig: Rig) -> None:
    methods = []

    async def script(request: web.Request) -> web.StreamResponse:
        methods.append(request.method)
        return web.Response(headers={"Content-Length": "123456789012", "ETag": '"f"'})

    rig.upstream.on(FILM, script)
    wire = await rig.wire()
    wire.send(f"HEAD {FILM} HTTP/1.1\r\nHost: e\r\n\r\n".encode())
    answer = await wire.answer(head=True)
    assert (answer.status, answer.headers["Content-Length"], methods) == (200, "123456789012", ["HEAD"])


async def test_a_slow_reader_costs_no_memory_and_misses_nothing(rig: Rig) -> None:
    """Upstream is read at the viewer's pace: a hundred times what is buffered waits where it is."""
    block, blocks = bytes(1 << 20), 200
    written = 0

    async def script(request: web.Request) -> web.StreamResponse:
        nonlocal written
        response = web.StreamResponse(headers={"Content-Length": str(blocks << 20), "ETag": '"f"'})
        await response.prepare(request)
        for _ in range(blocks):
            await response.write(block)
            written += 1
        return response

    rig.upstream.on(FILM, script)
    wire = await rig.wire(limit=1 << 16)
    wire.get(FILM)
    head = await wire.header()
    assert head.headers["Content-Length"] == str(blocks << 20)
    before = -1
    while before != written:  # until nothing moves any more
        before = written
        await asyncio.sleep(0.2)
    assert written < 24  # what sockets and buffers hold
    assert rig.edge.large.open == 1
    left = blocks << 20
    while left:
        left -= len(await wire.read(min(left, 1 << 20)))
    await until(lambda: rig.edge.large.open == 0)
    assert written == blocks and rig.deliveries[-1].size == blocks << 20


async def test_a_download_that_broke_off_is_resumed(rig: Rig) -> None:
    """The body must not end cleanly; what is missing is asked for by range."""
    steps = rig.upstream.steps(FILM, length=len(BODY), ETag='"f"')
    wire = await rig.wire()
    wire.get(FILM)
    steps.give(BODY[:5000], ConnectionResetError)
    head = await wire.header()
    assert head.status == 200
    got = b""
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        while True:
            got += await wire.read(1)
    assert got == BODY[: len(got)]
    rig.upstream.on(FILM, ranged())
    rest = await rig.get(FILM, f"Range: bytes={len(got)}-", f"If-Range: {head.headers['ETag']}")
    assert rest.status == 206 and got + rest.body == BODY
    assert rig.deliveries[0].whole is False and rig.deliveries[1].whole is True


async def test_so_many_at_once(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large, "MOST", 1)
    steps = rig.upstream.steps(FILM, length=4, ETag='"f"')
    wire = await rig.wire()
    wire.get(FILM)
    await steps.begun.wait()
    refused = await rig.get(FILM)
    assert refused.status == 503 and refused.headers["Retry-After"] == "1"
    rig.upstream.holds("/vod/film/manifest.mpd", b"<MPD/>", Cache_Control="max-age=9")
    assert (await rig.get("/vod/film/manifest.mpd")).status == 200  # the others do not wait
    steps.give(b"film", None)
    done: Answer = await wire.answer()
    assert done.body == b"film"
    rig.upstream.on(FILM, ranged())
    await until(lambda: rig.edge.large.open == 0)
    assert (await rig.get(FILM)).status == 200


async def test_an_origin_that_is_away_is_a_problem(rig: Rig) -> None:
    await rig.upstream.stop()
    answer = await rig.get(FILM)
    assert answer.status == 502 and rig.edge.large.open == 0
