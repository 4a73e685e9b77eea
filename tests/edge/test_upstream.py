from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from base.problems import Problem
from edge import upstream
from edge.upstream import Upstream
from tests.kit.upstream import ScriptedUpstream


class Tries:
    count = 0

    def __call__(self) -> None:
        self.count += 1


@pytest.fixture
async def origin() -> AsyncIterator[ScriptedUpstream]:
    folder = Path(tempfile.mkdtemp(prefix="hw"))
    made = ScriptedUpstream(folder / "s")
    yield made
    await made.stop()
    shutil.rmtree(folder)


@pytest.fixture
async def tries() -> Tries:
    return Tries()


@pytest.fixture
async def ours(origin: ScriptedUpstream, tries: Tries) -> AsyncIterator[Upstream]:
    made = Upstream(f"unix:{origin.socket}", tries)
    yield made
    await made.close()


async def test_the_target_goes_as_it_is(origin: ScriptedUpstream, ours: Upstream) -> None:
    await origin.start()
    origin.holds("/a?_HLS_msn=1", b"x", status=302, Location="/b")
    answer = await ours.open("/a?_HLS_msn=1", request_id="id-of-the-request")
    assert (answer.status, await answer.read()) == (302, b"x")  # redirects are the viewer's to follow
    assert origin.seen[0]["X-Request-Id"] == "id-of-the-request"
    assert origin.seen[0]["Accept-Encoding"] == "identity"


async def test_over_tcp(tries: Tries) -> None:
    app = web.Application()

    async def hello(_: web.Request) -> web.Response:
        return web.Response(text="hello")

    app.router.add_get("/a", hello)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    ours = Upstream(f"http://127.0.0.1:{runner.addresses[0][1]}/", tries)
    answer = await ours.open("/a", request_id="12345678")
    assert await answer.text() == "hello"
    await ours.close()
    await runner.cleanup()


async def test_who_is_away_is_asked_until_the_patience_ends(ours: Upstream, tries: Tries) -> None:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    with pytest.raises(Problem) as away:
        await ours.open("/a", request_id="12345678", patience_s=0.4)
    assert away.value.kind.name == "upstream"
    assert tries.count >= 2
    assert loop.time() - begun <= 0.45


async def test_a_connection_that_is_reset_before_an_answer_is_tried_again(
    origin: ScriptedUpstream, ours: Upstream, tries: Tries
) -> None:
    await origin.start()

    async def reset(request: web.Request) -> web.StreamResponse:
        origin.holds("/a", b"there")
        assert request.transport is not None
        request.transport.abort()
        raise ConnectionResetError

    origin.on("/a", reset)
    answer = await ours.open("/a", request_id="12345678")
    assert await answer.read() == b"there"


async def test_a_fault_of_upstream_is_not_asked_for_long(
    origin: ScriptedUpstream, ours: Upstream, tries: Tries
) -> None:
    await origin.start()
    origin.holds("/a", b"", status=500)
    with pytest.raises(Problem) as fault:
        await ours.open("/a", request_id="12345678", patience_s=60)
    assert fault.value.kind.name == "upstream"
    assert 1 <= tries.count <= 5
    assert origin.asked["/a"] == tries.count + 1


async def test_a_body_is_posted(origin: ScriptedUpstream, ours: Upstream) -> None:
    async def echo(request: web.Request) -> web.Response:
        return web.Response(text=f"{request.method} {request.content_type} {(await request.read()).decode()}")

    await origin.start()
    origin.on("/licence/clearkey", echo)
    answer = await ours.open("/licence/clearkey", request_id="12345678", body=b"{}")
    assert await answer.read() == b"POST application/json {}"
    empty = await ours.open("/licence/clearkey", request_id="12345678", body=b"")
    assert await empty.read() == b"POST application/json "


async def test_an_answer_that_never_comes_is_late(
    origin: ScriptedUpstream, ours: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upstream, "READ_S", 0.05)
    await origin.start()
    steps = origin.steps("/a", length=1)
    with pytest.raises(Problem) as late:
        await ours.open("/a", request_id="12345678")
    assert late.value.kind.name == "late"
    assert origin.asked["/a"] == 1  # held requests are not repeated
    steps.give(None)
