"""Channels that the role fetches itself, with FFmpeg and a web server as sources."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from base.desired import ChannelSpec
from base.sources import Source
from ingest.pull import puller
from ingest.pull.puller import pause_s
from tests.ingest.ts.test_demuxer import BOTH, playing
from tests.kit.ingesting import STUDIO, Ingesting, ingesting
from tests.kit.optional import program
from tests.kit.sources import framemd5
from tests.kit.srt import free_udp_port, made, sends
from tests.kit.ts_packets import Stream


def pulling(source: str) -> ChannelSpec:
    return msgspec.structs.replace(STUDIO, source=source)


async def until(right: Any, seconds: float = 40) -> None:
    async with asyncio.timeout(seconds):
        while not right():
            await asyncio.sleep(0.05)


def pictures(role: Ingesting, folder: Path) -> list[str]:
    (folder / "v1.mp4").write_bytes(role.origin.body("v1"))
    return framemd5(folder / "v1.mp4", "v:0")


@pytest.mark.slow
async def test_a_stream_over_udp_is_a_session_while_it_comes(tmp_path: Path) -> None:
    file, port = made(tmp_path / "a.ts", seconds=4), free_udp_port()
    words = [program("ffmpeg"), "-v", "error", "-nostdin", "-re", "-i", str(file), "-c", "copy", "-f", "mpegts"]
    async with (
        ingesting(pulling(f"udp://127.0.0.1:{port}")) as role,
        sends(*words, f"udp://127.0.0.1:{port}?pkt_size=1316") as sender,
    ):
        live = await role.until_state("live")
        assert live["software"] == "pull udp" and live["peer"] == ""
        assert await sender.ends() == 0
        await role.origin.until(lambda: len(role.origin.numbers("v1")) >= 3)
        found = pictures(role, tmp_path)
        assert len(found) >= 75 and found == framemd5(file, "v:0")[: len(found)]
        assert role.origin.refusals == []


class Station:
    """A web server that sends a file in real time, from its beginning for each who asks."""

    def __init__(self, file: Path) -> None:
        self._octets = file.read_bytes()
        self.asked = 0
        self.status = 200

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked += 1
        if self.status != 200:
            return web.Response(status=self.status)
        answer = web.StreamResponse(headers={"Content-Type": "video/mp2t"})
        await answer.prepare(request)
        step = 188 * 70
        for at in range(0, len(self._octets), step):
            await answer.write(self._octets[at : at + step])
            await asyncio.sleep(0.05)  # the pace of the station
        return answer


@pytest.mark.slow
async def test_a_stream_over_http_is_asked_for_again_when_it_ends(tmp_path: Path) -> None:
    station = Station(made(tmp_path / "a.ts", seconds=3))
    app = web.Application()
    app.router.add_get("/live.ts", station.answer)
    server = TestServer(app)
    await server.start_server()
    async with ingesting(pulling(str(server.make_url("/live.ts?token=hidden")))) as role:
        first = await role.until_state("live")
        await until(lambda: station.asked >= 2)
        second = first
        while second["session"] == first["session"]:
            second = await role.until_state("live")
        await role.origin.until(lambda: len(role.origin.numbers("v1")) >= 4)
        assert role.ctx.metrics.value("ingest_pull_retries", channel="studio") >= 1
        assert role.origin.refusals == []
        numbers = role.origin.numbers("v1")
        assert numbers == sorted(numbers)
    await server.close()


async def test_a_source_that_refuses_is_asked_ever_more_seldom_and_its_address_is_not_logged(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    station = Station(made(tmp_path / "a.ts", seconds=1))
    station.status = 403
    app = web.Application()
    app.router.add_get("/live.ts", station.answer)
    server = TestServer(app)
    await server.start_server()
    async with ingesting(pulling(str(server.make_url("/live.ts?token=hidden")))) as role:
        await until(lambda: station.asked >= 2)
        assert (await role.status())["sessions"] == []
    await server.close()
    out, err = capfd.readouterr()
    assert "answers 403" in out + err and "hidden" not in out + err


async def test_a_fault_of_ours_is_said_without_the_address_and_the_source_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    tried = []

    def broken(source: Source) -> Any:
        tried.append(source)
        raise KeyError(source.url)

    monkeypatch.setattr(puller, "receiving", broken)
    async with ingesting(pulling("http://127.0.0.1:9/live.ts?token=hidden")):
        await until(lambda: len(tried) >= 2)
    out, err = capfd.readouterr()
    assert "KeyError" in out + err and "hidden" not in out + err


def test_pauses_grow_and_end_somewhere() -> None:
    assert [pause_s(n) for n in (1, 2, 3, 4, 5, 6, 99)] == [1, 2, 4, 8, 16, 30, 30]


@pytest.mark.slow
async def test_a_read_that_lasts_longer_than_a_tick_goes_on() -> None:
    """As a pause of HLS does: read anew at each tick, it would never end."""
    playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXT-X-MEDIA-SEQUENCE:{0}\n#EXTINF:1,\n{0}.ts\n"
    begin, asked = asyncio.get_running_loop().time(), [0]
    stream = [playing(Stream().tables(BOTH), 0, 50).octets, playing(Stream().tables(BOTH), 50, 50).octets]

    async def answer(request: web.Request) -> web.Response:
        if request.path.endswith(".ts"):
            return web.Response(body=stream[int(request.path[1:-3])])
        asked[0] += 1
        return web.Response(text=playlist.format(int(asked[0] > 1)))

    app = web.Application()
    app.router.add_get("/{tail:.*}", answer)
    server = TestServer(app)
    await server.start_server()
    async with ingesting(pulling(str(server.make_url("/live.m3u8")))) as role:
        await role.until_state("live")
        await role.origin.until(lambda: len(role.origin.numbers("v1")) >= 3)
        assert asyncio.get_running_loop().time() - begin > 2.5
    await server.close()
