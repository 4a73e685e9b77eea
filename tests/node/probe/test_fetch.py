"""GET within bounds."""

import asyncio

import pytest
from aiohttp import web

from node.clock import SteppedClock, SystemClock
from node.probe.fetch import Fetch, Spent
from tests.node.probe.stage import missing, served, text


def echo(request: web.Request) -> web.StreamResponse:
    if request.path == "/away":
        raise web.HTTPFound("/here")
    if request.path == "/range":
        return web.Response(status=206, text=request.headers.get("Range", ""))
    return text("x" * 1000) if request.path == "/here" else missing()


async def test_an_answer_has_what_rules_need() -> None:
    async with served(echo) as url, Fetch(SystemClock()) as fetch:
        here, away, none = [await fetch.get(url + path) for path in ("/here", "/away", "/none")]
    assert here.ok and len(here.body) == 1000 and here.ended >= here.began and not here.redirected
    assert here.fields["access-control-allow-origin"] == "*"
    assert away.redirected and away.url == f"{url}/here"
    assert none.status == 404 and not none.ok


@pytest.mark.parametrize(("start", "length", "field"), [(3, 4, "bytes=3-6"), (3, -1, "bytes=3-"), (-1, -1, "")])
async def test_ranges(start: int, length: int, field: str) -> None:
    async with served(echo) as url, Fetch(SystemClock()) as fetch:
        assert (await fetch.get(f"{url}/range", start=start, length=length)).body.decode() == field


async def test_requests_are_bounded() -> None:
    async with served(echo) as url, Fetch(SystemClock(), requests=2) as fetch:
        await fetch.get(f"{url}/here")
        await fetch.get(f"{url}/here")
        with pytest.raises(Spent, match="2 requests"):
            await fetch.get(f"{url}/here")


async def test_bytes_are_bounded() -> None:
    async with served(echo) as url:
        async with Fetch(SystemClock(), octets=1500) as fetch:
            await fetch.get(f"{url}/here")
            with pytest.raises(Spent):
                await fetch.get(f"{url}/here")
        async with Fetch(SystemClock()) as fetch:
            with pytest.raises(Spent):
                await fetch.get(f"{url}/here", most=999)


async def test_time_is_bounded() -> None:
    clock = SteppedClock()
    async with served(echo) as url, Fetch(clock, seconds=5) as fetch:
        await fetch.get(f"{url}/here")
        clock.advance(5000)
        with pytest.raises(Spent):
            await fetch.get(f"{url}/here")


async def test_who_does_not_answer_is_no_fault_of_the_probe() -> None:
    held = asyncio.Event()

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await held.wait()
        writer.close()

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, Fetch(SystemClock()) as fetch:
        answer = await fetch.get(f"http://127.0.0.1:{port}/", answer_s=0.1)
        held.set()
    assert answer.status == 0 and answer.fields["x-reason"] == "no answer in time"
