from __future__ import annotations

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from base.problems import Problem
from base.sources import parse
from ingest.pull.http import receiving


async def server(status: int, body: bytes) -> TestServer:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, body=body)

    app = web.Application()
    app.router.add_get("/live.ts", answer)
    made = TestServer(app)
    await made.start_server()
    return made


async def test_a_body_is_read_to_its_end() -> None:
    there = await server(200, b"x" * 100_000)
    async with receiving(parse(str(there.make_url("/live.ts")))) as body:
        octets = b""
        while data := await body.read():
            octets += data
    assert octets == b"x" * 100_000 and body.peer == f"127.0.0.1:{there.port}"
    await there.close()


async def test_a_refusal_is_a_problem_without_the_path() -> None:
    there = await server(403, b"")
    with pytest.raises(Problem, match=f"http://127.0.0.1:{there.port} answers 403") as problem:
        async with receiving(parse(str(there.make_url("/live.ts?token=hidden")))):
            pass
    assert "hidden" not in problem.value.detail
    await there.close()


async def test_nobody_there() -> None:
    there = await server(200, b"")
    url = str(there.make_url("/live.ts"))
    await there.close()
    with pytest.raises(aiohttp.ClientError):
        async with receiving(parse(url)):
            pass
