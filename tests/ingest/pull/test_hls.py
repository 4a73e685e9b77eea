"""HLS sources: the rules of reloading with a server in the test, and FFmpeg's own playlists."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from base.problems import Problem
from base.sources import parse
from ingest.pull.hls import Segments, receiving
from tests.kit.ingesting import STUDIO, ingesting
from tests.kit.optional import program
from tests.kit.sources import framemd5
from tests.kit.srt import made

HEAD = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n"


class Station:
    """Playlists that a test sets, and segments whose octets are their names."""

    def __init__(self) -> None:
        self.playlist = ""
        self.others: dict[str, str] = {}
        self.asked: list[str] = []
        self.changed = asyncio.Event()

    def lists(self, first: int, count: int, *, end: bool = False) -> None:
        rows = "".join(f"#EXTINF:1,\n{n}.ts\n" for n in range(first, first + count))
        self.playlist = f"{HEAD}#EXT-X-MEDIA-SEQUENCE:{first}\n{rows}" + ("#EXT-X-ENDLIST\n" if end else "")

    async def answer(self, request: web.Request) -> web.Response:
        name = request.path.rpartition("/")[2]
        self.asked.append(name)
        return web.Response(text=self.others.get(name, self.playlist) if name.endswith(".m3u8") else name)

    async def serving(self) -> TestServer:
        app = web.Application()
        app.router.add_get("/{tail:.*}", self.answer)
        server = TestServer(app)
        await server.start_server()
        return server


@pytest.mark.slow
@pytest.mark.rule("RFC 8216bis 6.3.3", "a client begins no nearer to the end than three segments and plays in order")
async def test_segments_come_in_order_from_three_before_the_end() -> None:
    station = Station()
    server = await station.serving()
    station.lists(10, 6)
    async with receiving(parse(str(server.make_url("/tv/live.m3u8")))) as found, asyncio.timeout(30):
        assert [await found.read() for _ in range(3)] == [b"13.ts", b"14.ts", b"15.ts"]
        station.lists(12, 6)
        assert [await found.read() for _ in range(2)] == [b"16.ts", b"17.ts"]
        station.lists(30, 2)  # what went by meanwhile is lost
        assert await found.read() == b"30.ts"
        station.lists(0, 3)  # the packager was started again
        assert [await found.read() for _ in range(4)] == [b"31.ts", b"0.ts", b"1.ts", b"2.ts"]
        station.lists(0, 4, end=True)
        assert [await found.read() for _ in range(2)] == [b"3.ts", b""]
        assert found.fresh and found.peer.endswith(str(server.port))
    assert station.asked.count("13.ts") == 1
    await server.close()


@pytest.mark.rule("RFC 3986 5.1.3", "what a playlist names lies where the playlist was found, behind redirects")
async def test_a_playlist_that_is_redirected() -> None:
    station = Station()
    station.lists(0, 1, end=True)

    async def far(request: web.Request) -> web.Response:
        raise web.HTTPFound("/region/7/live.m3u8?session=1")

    async def segment(request: web.Request) -> web.Response:
        return web.Response(text=request.path)

    app = web.Application()
    app.router.add_get("/live.m3u8", far)
    app.router.add_get("/region/7/live.m3u8", station.answer)
    app.router.add_get("/{tail:.*}", segment)
    server = TestServer(app)
    await server.start_server()
    async with receiving(parse(str(server.make_url("/live.m3u8")))) as found, asyncio.timeout(30):
        assert await found.read() == b"/region/7/0.ts"
    await server.close()


@pytest.mark.parametrize(
    "playlist",
    [
        HEAD + "#EXTINF:1,\nhttp://[x/1.ts\n",
        HEAD + "#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00Z\n#EXTINF:1e400,\n1.ts\n#EXTINF:1,\n2.ts\n",
        f"#EXTM3U\n#EXT-X-TARGETDURATION:{'9' * 400}\n#EXTINF:1,\nhttp://[x/1.ts\n",
    ],
    ids=["address", "duration", "target"],
)
async def test_numbers_and_addresses_that_are_none_are_refusals(playlist: str) -> None:
    station = Station()
    server = await station.serving()
    station.playlist = playlist
    async with receiving(parse(str(server.make_url("/live.m3u8")))) as found, asyncio.timeout(30):
        with pytest.raises(Problem) as caught:
            await found.read()
    assert caught.value.kind.name == "unplayable"
    await server.close()


async def test_the_best_variant_is_taken() -> None:
    station = Station()
    server = await station.serving()
    variants = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000\nlow.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=9000\nhigh.m3u8\n"
    station.others["live.m3u8"] = variants
    station.lists(0, 1)
    async with receiving(parse(str(server.make_url("/tv/live.m3u8")))) as found, asyncio.timeout(30):
        assert await found.read() == b"0.ts"
    assert station.asked == ["live.m3u8", "high.m3u8", "0.ts"]
    station.others["high.m3u8"] = variants
    async with receiving(parse(str(server.make_url("/tv/live.m3u8")))) as found, asyncio.timeout(30):
        with pytest.raises(Problem, match="names another one"):
            await found.read()
    await server.close()


@pytest.mark.parametrize(
    ("playlist", "words"),
    [
        ("<html>", "no HLS playlist"),
        (HEAD + '#EXT-X-MAP:URI="init.mp4"\n#EXTINF:1,\n0.m4s\n', "fMP4"),
        (HEAD + '#EXT-X-KEY:METHOD=AES-128,URI="k"\n#EXTINF:1,\n0.ts\n', "encrypted"),
        (HEAD + "#EXTINF:1,\n#EXT-X-BYTERANGE:10@0\n0.ts\n", "parts of files"),
        (
            '#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="a",URI="a.m3u8"\n'
            '#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="a"\nv.m3u8\n',
            "apart from its picture",
        ),
    ],
)
async def test_what_is_not_taken_is_refused_by_name(playlist: str, words: str) -> None:
    station = Station()
    server = await station.serving()
    station.playlist = playlist
    async with receiving(parse(str(server.make_url("/live.m3u8?token=hidden")))) as found, asyncio.timeout(30):
        assert isinstance(found, Segments)
        with pytest.raises(Problem, match=words):
            await found.read()
    await server.close()


@pytest.mark.slow
async def test_a_presentation_of_ffmpeg_is_a_channel(tmp_path: Path) -> None:
    file = made(tmp_path / "a.ts", seconds=6, gop=50)
    # a target duration over the tick of the puller, which must not begin the pauses anew
    words = ["-c", "copy", "-f", "hls", "-hls_time", "2", "-hls_list_size", "0", str(tmp_path / "live.m3u8")]
    subprocess.run([program("ffmpeg"), "-v", "error", "-nostdin", "-y", "-i", str(file), *words], check=True)
    app = web.Application()
    app.router.add_static("/", tmp_path)
    server = TestServer(app)
    await server.start_server()
    spec = msgspec.structs.replace(STUDIO, source=str(server.make_url("/live.m3u8")))
    async with ingesting(spec) as role:
        live = await role.until_state("live")
        assert live["software"] == "pull http"
        await role.origin.until(lambda: len(role.origin.numbers("v1")) >= 2)
        (tmp_path / "v1.mp4").write_bytes(role.origin.body("v1"))
        mine, source = framemd5(tmp_path / "v1.mp4", "v:0"), framemd5(file, "v:0")
        assert len(mine) >= 90 and mine == source[: len(mine)]
        assert role.ctx.metrics.value("ingest_ts_faults", what="continuity") == 0
    await server.close()
