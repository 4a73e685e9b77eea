"""The edge in front of a real HTTP upstream, from simple to complex."""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
import tempfile
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from base import signing
from base.names import parse
from edge import service
from node.clock import SteppedClock
from node.home import Home
from node.process import Context
from node.settings import Settings
from tests.edge.conftest import Rig
from tests.kit.upstream import Answer, ScriptedUpstream, Wire, until

SEGMENT = "/live/news/e1/v1/100.m4s"
PLAYLIST = "/live/news/e1/v1/media.m3u8"
YEAR = "public, max-age=31536000, immutable"


async def test_a_miss_then_hits(rig: Rig) -> None:
    rig.upstream.holds(SEGMENT, b"segment" * 100, Cache_Control=YEAR, ETag='"a"', Content_Type="video/iso.segment")
    first = await rig.get(SEGMENT)
    assert (first.status, first.body) == (200, b"segment" * 100)
    assert first.headers["Cache-Status"] == "Headwater; fwd=uri-miss; stored"
    rig.clock.advance(3000)
    second = await rig.get(SEGMENT)
    assert second.body == first.body
    assert second.headers["Cache-Status"] == "Headwater; hit"
    assert second.headers["Age"] == "3"
    for answer in (first, second):
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "Age" in answer.headers["Access-Control-Expose-Headers"]
        assert answer.headers["Timing-Allow-Origin"] == "*"
        assert answer.headers["Content-Type"] == "video/iso.segment"
        assert answer.headers["Server"] == "Headwater"
    assert rig.upstream.asked[SEGMENT] == 1
    assert rig.counted("edge_answers", cache="miss") == 1
    assert rig.counted("edge_answers", cache="hit") == 1
    assert rig.counted("edge_lane", lane="express") == 1
    assert rig.counted("edge_bytes") == 2 * len(first.body)
    assert rig.counted("edge_stored_objects") == 1
    assert [(d.cache, d.status, d.size, d.whole) for d in rig.deliveries] == [
        ("miss", 200, 700, True),
        ("hit", 200, 700, True),
    ]


async def test_only_the_request_id_goes_upstream(rig: Rig) -> None:
    rig.upstream.holds(SEGMENT, b"x", Cache_Control=YEAR)
    await rig.get(SEGMENT + "?CMCD=bl%3D100&x=1", "Cookie: a=b", "Authorization: Bearer t", "X-Request-Id: viewer-0001")
    (seen,) = rig.upstream.seen
    assert {name.lower() for name in seen} == {"host", "accept-encoding", "x-request-id", "via"}
    assert seen["X-Request-Id"] == "viewer-0001"
    assert rig.deliveries[0].cmcd == b"bl%3D100"


async def test_two_hundred_clients_for_one_cold_name_are_one_request(rig: Rig) -> None:
    steps = rig.upstream.steps(SEGMENT, length=8, Cache_Control=YEAR)
    wires = [await rig.wire() for _ in range(200)]
    for wire in wires:
        wire.get(SEGMENT)
    await steps.begun.wait()
    steps.give(b"half")
    for wire in wires:  # everybody has the first bytes before the fill has ended
        assert (await wire.header()).status == 200
        assert await wire.read(4) == b"half"
    steps.give(b"rest", None)
    for wire in wires:
        assert await wire.read(4) == b"rest"
    assert rig.upstream.asked[SEGMENT] == 1
    assert rig.counted("edge_followers") == 199
    assert rig.counted("edge_fills", result="stored") == 1


async def test_a_failed_fill_cuts_its_followers_and_stores_nothing(rig: Rig) -> None:
    steps = rig.upstream.steps(SEGMENT, length=8, Cache_Control=YEAR)
    wires = [await rig.wire() for _ in range(3)]
    for wire in wires:
        wire.get(SEGMENT)
    steps.give(b"half")
    for wire in wires:
        await wire.header()
        assert await wire.read(4) == b"half"
    steps.give(ConnectionResetError)
    for wire in wires:
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await wire.read(4)
    assert len(rig.edge.store) == 0
    assert rig.counted("edge_fills", result="failed") == 1
    rig.upstream.holds(SEGMENT, b"halfrest", Cache_Control=YEAR)
    assert (await rig.get(SEGMENT)).body == b"halfrest"
    assert {d.whole for d in rig.deliveries[:3]} == {False}


async def test_a_cut_body_without_a_stated_length_has_no_clean_end(rig: Rig) -> None:
    steps = rig.upstream.steps(SEGMENT, length=None, Cache_Control=YEAR)
    wire = await rig.wire()
    wire.get(SEGMENT)
    steps.give(b"half")
    assert (await wire.header()).headers["Transfer-Encoding"] == "chunked"
    assert await wire.read(9) == b"4\r\nhalf\r\n"
    steps.give(ConnectionResetError)
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await wire.read(5)


async def test_a_cut_body_that_ends_with_its_connection_ends_with_a_reset(rig: Rig) -> None:
    """An HTTP/1.0 client takes the close for the end of the body (RFC 9112 6.3), so it must not be a clean one."""
    steps = rig.upstream.steps(SEGMENT, length=None, Cache_Control=YEAR)
    wire = await rig.wire()
    wire.send(f"GET {SEGMENT} HTTP/1.0\r\nHost: a\r\n\r\n".encode())
    steps.give(b"half")
    assert "Transfer-Encoding" not in (await wire.header()).headers
    assert await wire.read(4) == b"half"
    steps.give(ConnectionResetError)
    with pytest.raises(ConnectionResetError):
        await wire.reader.read()


async def test_a_client_that_goes_away_does_not_stop_the_fill(rig: Rig) -> None:
    steps = rig.upstream.steps(SEGMENT, length=4, Cache_Control=YEAR)
    wire = await rig.wire()
    wire.get(SEGMENT)
    await steps.begun.wait()
    wire.writer.transport.abort()
    follower = await rig.wire()
    follower.get(SEGMENT)
    steps.give(b"body", None)
    assert (await follower.answer()).body == b"body"
    assert rig.upstream.asked[SEGMENT] == 1


async def test_an_origin_restart_is_not_seen_by_a_viewer(rig: Rig) -> None:
    rig.upstream.holds(SEGMENT, b"there", Cache_Control=YEAR)
    await rig.upstream.stop()
    viewer = asyncio.get_running_loop().create_task(rig.get(SEGMENT))
    await until(lambda: rig.counted("edge_upstream_retries") >= 3)
    await rig.upstream.start()
    answer = await viewer
    assert (answer.status, answer.body) == (200, b"there")


async def test_5xx_is_asked_again_before_a_viewer_sees_it(rig: Rig) -> None:
    rig.upstream.holds(SEGMENT, b"", status=503)
    viewer = asyncio.get_running_loop().create_task(rig.get(SEGMENT))
    await until(lambda: rig.upstream.asked[SEGMENT] >= 2)
    rig.upstream.holds(SEGMENT, b"there", Cache_Control=YEAR)
    assert (await viewer).body == b"there"


async def test_upstream_that_stays_broken_is_a_problem(rig: Rig) -> None:
    rig.upstream.holds(SEGMENT, b"secret trace", status=500)
    answer = await rig.get(SEGMENT)
    assert answer.status == 502
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert b"secret" not in answer.body


async def test_a_playlist_is_served_stale_for_a_while(rig: Rig) -> None:
    rig.upstream.holds(PLAYLIST, b"#EXTM3U", Cache_Control="public, max-age=1")
    await rig.get(PLAYLIST)
    await rig.upstream.stop()
    rig.clock.advance(2000)
    answer = await rig.get(PLAYLIST)
    assert (answer.status, answer.body) == (200, b"#EXTM3U")
    assert answer.headers["Cache-Status"] == "Headwater; fwd=stale; ttl=-1; detail=upstream-away"
    assert answer.headers["Age"] == "2"
    assert rig.counted("edge_answers", cache="stale") == 1
    rig.clock.advance(1000)  # lifetime 1 s + 2 s stale are over
    late = await rig.get(PLAYLIST)
    assert late.status == 502
    await rig.upstream.start()
    assert (await rig.get(PLAYLIST)).headers["Cache-Status"] == "Headwater; fwd=stale; stored"


async def test_uncacheable_answers_release_followers_in_parallel(rig: Rig) -> None:
    together = asyncio.Barrier(5)
    begun = asyncio.Event()
    go = asyncio.Event()

    async def script(request: object) -> object:
        from aiohttp import web

        if not begun.is_set():
            begun.set()
            await go.wait()
        else:
            async with asyncio.timeout(5):  # four at once, or this runs out
                await together.wait()
        return web.Response(body=b"mine", headers={"Cache-Control": "private, max-age=9"})

    rig.upstream.on(SEGMENT, script)  # type: ignore[arg-type]
    viewers = [asyncio.get_running_loop().create_task(rig.get(SEGMENT)) for _ in range(5)]
    await begun.wait()
    await until(lambda: rig.edge.counts.followers >= 4)
    go.set()
    async with asyncio.timeout(5):
        await together.wait()
    answers: list[Answer] = await asyncio.gather(*viewers)
    assert [a.body for a in answers] == [b"mine"] * 5
    assert rig.upstream.asked[SEGMENT] == 5
    assert rig.counted("edge_answers", cache="pass") == 5
    assert rig.edge.fills.is_unshared(SEGMENT)
    rig.clock.advance(5000)
    assert not rig.edge.fills.is_unshared(SEGMENT)


async def test_a_passed_body_that_breaks_is_cut(rig: Rig) -> None:
    steps = rig.upstream.steps(SEGMENT, length=None, Cache_Control="no-store")
    wire = await rig.wire()
    wire.get(SEGMENT)
    steps.give(b"half")
    await wire.header()
    assert await wire.read(9) == b"4\r\nhalf\r\n"
    steps.give(ConnectionResetError)
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await wire.read(5)


async def test_what_is_too_large_is_streamed_and_not_stored(rig: Rig) -> None:
    rig.upstream.holds(SEGMENT, bytes(17 << 20), Cache_Control=YEAR)
    answer = await rig.get(SEGMENT)
    assert len(answer.body) == 17 << 20
    assert len(rig.edge.store) == 0


@pytest.mark.parametrize("status", [404, 410])
async def test_not_found_is_kept_as_it_says(rig: Rig, status: int) -> None:
    rig.upstream.holds(SEGMENT, b'{"title":"no"}', status=status, Cache_Control="public, max-age=2")
    for _ in range(2):
        answer = await rig.get(SEGMENT)
        assert (answer.status, answer.body) == (status, b'{"title":"no"}')
    assert rig.upstream.asked[SEGMENT] == 1
    rig.clock.advance(2000)
    await rig.get(SEGMENT)
    assert rig.upstream.asked[SEGMENT] == 2


async def test_early_is_relayed_and_never_kept(rig: Rig) -> None:
    rig.upstream.holds(SEGMENT, b"early", status=425, Cache_Control="public, max-age=60", Retry_After="1")
    for _ in range(2):
        answer = await rig.get(SEGMENT)
        assert (answer.status, answer.body, answer.headers["Retry-After"]) == (425, b"early", "1")
    assert rig.upstream.asked[SEGMENT] == 2


async def test_a_held_part_is_one_request_upstream(rig: Rig) -> None:
    part = "/live/news/e1/v1/101.3.m4s"
    steps = rig.upstream.steps(part, length=4, Cache_Control=YEAR)
    wires = [await rig.wire() for _ in range(20)]
    for wire in wires:
        wire.get(part)
    await steps.begun.wait()
    rig.clock.advance(1500)  # the wait is no transit: it does not count as age
    steps.give(b"part", None)
    for wire in wires:
        assert (await wire.answer()).body == b"part"
    assert rig.upstream.asked[part] == 1
    assert (await rig.get(part)).headers["Age"] == "0"


async def test_blocking_reloads_share_a_key_however_they_are_spelt(rig: Rig) -> None:
    target = PLAYLIST + "?_HLS_msn=7&_HLS_part=2"
    rig.upstream.holds(target, b"#EXTM3U", Cache_Control="public, max-age=12")
    for query in ("_HLS_msn=7&_HLS_part=2", "_HLS_part=2&CMCD=x&_HLS_msn=07", "_HLS_msn=7&_HLS_part=2&CMCD=bl%3D1"):
        assert (await rig.get(f"{PLAYLIST}?{query}")).status == 200
    assert rig.upstream.asked == {target: 1}


async def test_malformed_directives_and_unknown_names_never_reach_upstream(rig: Rig) -> None:
    assert (await rig.get(PLAYLIST + "?_HLS_msn=x")).status == 400
    assert (await rig.get(PLAYLIST + "?_HLS_part=1")).status == 400
    for path in ("/", "/vod/film/mezzanine.mp4", "/live/news/status.json", "/live/news/e1/v1/%31.m4s", "/metrics"):
        assert (await rig.get(path)).status == 404
    assert not rig.upstream.asked


async def test_conditions_ranges_and_head_from_the_store(rig: Rig) -> None:
    rig.upstream.holds(SEGMENT, bytes(range(100)), Cache_Control=YEAR, ETag='"a"')
    wire = await rig.wire()
    wire.send(f"HEAD {SEGMENT} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    head = await wire.answer(head=True)
    assert (head.status, head.headers["Content-Length"]) == (200, "100")
    wire.get(SEGMENT, "Range: bytes=10-19")
    part = await wire.answer()
    assert (part.status, part.body) == (206, bytes(range(10, 20)))
    assert part.headers["Content-Range"] == "bytes 10-19/100"
    assert part.headers["ETag"] == '"a"'
    wire.get(SEGMENT, "Range: bytes=-5")
    assert (await wire.answer()).body == bytes(range(95, 100))
    wire.get(SEGMENT, "Range: bytes=100-")
    none = await wire.answer()
    assert (none.status, none.headers["Content-Range"]) == (416, "bytes */100")
    wire.get(SEGMENT, 'If-None-Match: W/"a"')
    same = await wire.answer()
    assert (same.status, same.headers["ETag"]) == (304, '"a"')
    assert "Content-Type" not in same.headers
    wire.get(SEGMENT, 'If-None-Match: "b"')
    assert (await wire.answer()).body == bytes(range(100))
    assert rig.upstream.asked[SEGMENT] == 1


async def test_a_range_of_an_object_in_fill_is_answered_when_its_bytes_are_there(rig: Rig) -> None:
    steps = rig.upstream.steps(SEGMENT, length=12, Cache_Control=YEAR)
    leader, wire, beyond = await rig.wire(), await rig.wire(), await rig.wire()
    leader.get(SEGMENT)
    steps.give(b"0123")
    await leader.header()
    wire.get(SEGMENT, "Range: bytes=2-5")
    beyond.get(SEGMENT, "Range: bytes=6-")
    steps.give(b"4567")
    part = await wire.answer()
    assert (part.status, part.body, part.headers["Content-Range"]) == (206, b"2345", "bytes 2-5/12")
    steps.give(ConnectionResetError)
    assert (await beyond.header()).status == 206
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await beyond.read(6)


async def test_preflight_time_and_methods(rig: Rig) -> None:
    wire = await rig.wire()
    wire.send(b"OPTIONS /live/news/multivariant.m3u8 HTTP/1.1\r\nHost: a\r\nOrigin: http://b\r\n\r\n")
    preflight = await wire.answer()
    assert preflight.status == 204
    assert "CMCD-Session" in preflight.headers["Access-Control-Allow-Headers"]
    assert "Range" in preflight.headers["Access-Control-Allow-Headers"]
    wire.get("/time")
    now = await wire.answer()
    assert now.body == b"2023-11-14T22:13:20.000Z"
    assert now.headers["Cache-Control"] == "no-store"
    wire.send(b"HEAD /time HTTP/1.1\r\nHost: a\r\n\r\n")
    assert re.fullmatch(r"\w{3}, .* GMT", (await wire.answer(head=True)).headers["Date"])
    wire.send(f"POST {SEGMENT} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n".encode())
    refused = await wire.answer()
    assert (refused.status, refused.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")


async def test_a_licence_request_goes_upstream_and_is_never_kept(rig: Rig) -> None:
    bodies: list[bytes] = []

    async def licence(request: web.Request) -> web.Response:
        bodies.append(await request.read())
        # an upstream that forgets to forbid it
        return web.Response(body=b'{"keys":[]}', headers={"Cache-Control": YEAR}, content_type="application/json")

    rig.upstream.on("/licence/clearkey", licence)
    wire = await rig.wire()
    for body in (b'{"kids":["a"]}', b'{"kids":["b"]}'):
        wire.send(b"POST /licence/clearkey?x=1 HTTP/1.1\r\nHost: a\r\nCookie: c=d\r\n")
        wire.send(b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        answer = await wire.answer()
        assert (answer.status, answer.body) == (200, b'{"keys":[]}')
        assert answer.headers["Cache-Status"] == "Headwater; fwd=method"
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert bodies == [b'{"kids":["a"]}', b'{"kids":["b"]}']
    assert "Cookie" not in rig.upstream.seen[0]
    assert rig.counted("edge_stored_objects") == 0
    assert rig.counted("edge_answers", cache="pass") == 2
    assert [(d.method, d.path, d.status) for d in rig.deliveries] == [("POST", "/licence/clearkey", 200)] * 2


async def test_a_content_key_goes_through_and_is_never_kept(rig: Rig) -> None:
    path = "/~aes-128/vod/film/00112233445566778899aabbccddeeff.key"
    rig.upstream.holds(path, b"k" * 16, Cache_Control=YEAR)  # an upstream that forgets to forbid it
    for _ in range(2):
        answer = await rig.get(path)
        assert (answer.status, answer.body) == (200, b"k" * 16)
        assert answer.headers["Cache-Status"] == "Headwater; fwd=bypass"
    assert rig.upstream.asked[path] == 2
    assert rig.counted("edge_stored_objects") == 0
    assert rig.counted("edge_answers", cache="pass") == 2


async def test_a_licence_request_is_small(rig: Rig) -> None:
    wire = await rig.wire()
    wire.send(b"POST /licence/clearkey HTTP/1.1\r\nHost: a\r\nContent-Length: 40000\r\n\r\n" + bytes(40000))
    assert (await wire.answer()).status == 413
    assert rig.upstream.asked["/licence/clearkey"] == 0


async def test_pages_may_ask_for_licences(rig: Rig) -> None:
    wire = await rig.wire()
    wire.send(b"OPTIONS /licence/clearkey HTTP/1.1\r\nHost: a\r\nOrigin: http://b\r\n\r\n")
    preflight = await wire.answer()
    assert preflight.status == 204
    assert preflight.headers["Access-Control-Allow-Methods"] == "POST, OPTIONS"
    assert preflight.headers["Access-Control-Allow-Headers"] == "Content-Type"
    wire.get("/licence/clearkey")
    refused = await wire.answer()
    assert (refused.status, refused.headers["Allow"]) == (405, "POST, OPTIONS")


async def test_protected_names_are_kept_like_others(rig: Rig) -> None:
    path = "/~cbcs/vod/film/p1/v1/0.m4s"
    rig.upstream.holds(path, b"ciphered", Cache_Control=YEAR)
    assert (await rig.get(path)).body == b"ciphered"
    assert (await rig.get(path)).headers["Cache-Status"] == "Headwater; hit"
    assert rig.upstream.asked[path] == 1
    assert (await rig.get("/vod/film/p1/v1/0.m4s")).status == 404


async def test_open_answers_finish_while_the_edge_drains(rig: Rig) -> None:
    """Covered by a connection that reads nothing until the edge is already closing."""
    body = bytes(8 << 20)
    rig.upstream.holds(SEGMENT, body, Cache_Control=YEAR)
    await rig.get(SEGMENT)
    wire = await rig.wire(limit=1 << 16)
    wire.get(SEGMENT)
    await wire.header()
    assert rig.counted("edge_lane", lane="express") == 1
    (protocol,) = [c for c in rig.runner.server.connections if c.transport and c.transport.get_write_buffer_size()]
    protocol.close()
    closing = asyncio.get_running_loop().create_task(protocol.shutdown(2.0))
    done, _ = await asyncio.wait([closing], timeout=0.1)
    assert not done  # the process may end when this is done: not before the reader has it all
    assert await wire.read(len(body)) == body
    await closing


async def test_the_role_process_answers_and_ends_when_told() -> None:
    folder = Path(tempfile.mkdtemp(prefix="hw"))
    home = Home(folder)
    home.make()
    public = folder / "viewers"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "edge", "--home", str(folder), "--set", f"edge.listen=unix:{public}"),
        stdin=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(20), aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(public))) as session:
            while not public.exists():
                await asyncio.sleep(0.02)
            async with session.get("http://edge/time") as answer:
                assert answer.status == 200
        process.terminate()
        async with asyncio.timeout(10):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        shutil.rmtree(folder)


async def test_choices_are_signed_where_keys_are_set() -> None:
    """And an edge whose key file cannot be used does not run: it must not let everything through."""
    folder = Path(tempfile.mkdtemp(prefix="hw"))
    home = Home(folder)
    home.make()
    keys = folder / "query-keys"
    keys.write_text("k1 " + "ab" * 16)
    settings = Settings({"edge.memory": "64M", "edge.query_keys": str(keys)})
    upstream = ScriptedUpstream(home.socket("origin", door="media"))
    await upstream.start()
    ctx = Context(role="edge", home=home, clock=SteppedClock(), settings=settings)
    name = parse("/vod/film/manifest.mpd")
    assert name is not None
    signed = f"/vod/film/manifest.mpd?start=5&sig={signing.read(keys.read_text()).sign(name, 'start=5')}"
    upstream.holds(signed, b"<MPD/>", Cache_Control="max-age=9")
    async with service.serving(ctx, [("127.0.0.1", 0)]) as (_, runner):
        port = next(address[1] for address in runner.addresses if isinstance(address, tuple))
        for target, status in (("/vod/film/manifest.mpd?start=5", 403), (signed, 200), (signed + "&CMCD=x", 200)):
            wire = await Wire.to(port)
            wire.get(target)
            assert (await wire.answer()).status == status
            await wire.close()
    assert upstream.asked == {signed: 1}
    keys.write_text("k1 short")
    with pytest.raises(OSError, match="line 1 is no key"):
        service.Edge(ctx)
    await upstream.stop()
    shutil.rmtree(folder)
