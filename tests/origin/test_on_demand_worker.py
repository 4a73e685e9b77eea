"""An origin of two processes: whoever is asked, the answer is the same, and nobody answers with what was."""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from base.names import parse
from node.settings import Settings
from origin.on_demand_worker import own
from tests.kit.appliance import free_port_base
from tests.kit.live_media import Studio
from tests.kit.media import Films
from tests.origin.conftest import Answer, Asker, OriginProcess, live
from tests.origin.test_vod import objects, puts

SRT = b"1\n00:00:01,000 --> 00:00:02,000\nGuten Tag\n"


@pytest.mark.parametrize(
    ("method", "path", "mine"),
    [
        ("GET", "/vod/tour/multivariant.m3u8", True),
        ("HEAD", "/vod/tour/manifest.mpd", True),
        ("GET", "/vod/tour/abc/v1/0.m4s", True),
        ("GET", "/vod/tour/abc/v1/0.ts", True),
        ("GET", "/vod/tour/abc/v1/track.mp4", True),
        ("GET", "/vod/tour/abc/download-v1-a1.mp4", True),
        ("GET", "/vod/tour/abc/s1/0.vtt", True),
        ("GET", "/~cbcs/vod/tour/abc/v1/0.m4s", False),
        ("GET", "/vod/tour/poster.jpg", False),
        ("GET", "/vod/tour/status.json", False),
        ("DELETE", "/vod/tour/status.json", False),
        ("PUT", "/vod/tour/mezzanine.mp4", False),
        ("GET", "/live/studio/multivariant.m3u8", False),
        ("GET", "/nothing", False),
    ],
)
def test_what_is_made_of_files_alone_is_answered_here(method: str, path: str, mine: bool) -> None:
    assert own(method, parse(path), Settings()) is mine


def test_what_the_settings_forbid_is_left_to_worker_0() -> None:
    assert not own("GET", parse("/vod/tour/manifest.mpd"), Settings({"origin.clear": False}))


class Pair:
    """Both workers; `ask` opens a connection of its own at the shared address, so either may answer."""

    def __init__(self, home: Path) -> None:
        self.address = f"127.0.0.1:{free_port_base()}"
        words = ("--set", "origin.workers=2", "--set", f"origin.listen={self.address}", "--set", "drain.seconds=1")
        self.workers = [OriginProcess(home, *words, worker=worker) for worker in (0, 1)]

    @property
    def askers(self) -> tuple[Asker, Asker]:
        first, second = (worker.asker for worker in self.workers)
        assert first is not None and second is not None
        return first, second

    async def ask(self, method: str, path: str, **more: bytes) -> Answer:
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as client,
            client.request(method, f"http://{self.address}{path}", **more) as answer,
        ):
            return Answer(answer.status, answer.headers, await answer.read())

    async def statuses(self, path: str, count: int) -> list[int]:
        return [answer.status for answer in await asyncio.gather(*[self.ask("GET", path) for _ in range(count)])]


@pytest.fixture
async def pair(home: Path) -> AsyncIterator[Pair]:
    made = Pair(home)
    try:
        await asyncio.gather(*[worker.starts() for worker in made.workers])
        yield made
    finally:
        for worker in made.workers:
            await worker.ends()


async def counted(asker: Asker, metric: str) -> float:
    text = (await asker.get("/metrics")).text
    return sum(float(value) for value in re.findall(rf"^headwater_{metric}_total(?:{{.*?}})? (\S+)$", text, re.M))


def picture(playlist: Answer, file: str) -> str:
    """The path of a file of the video track that a multivariant playlist lists."""
    found = re.search(r"^(\w+/v1)/", playlist.text, re.M)
    assert found is not None, playlist.text
    return f"/vod/tour/{found[1]}/{file}"


def same(answer: Answer) -> tuple[int, bytes, dict[str, str]]:
    """What must not differ. Server does between the express lane and the full path, in one process already."""
    fields = {name.lower(): value for name, value in answer.headers.items()}
    for name in ("date", "server", "x-request-id"):
        fields.pop(name, None)
    return answer.status, answer.body, fields


async def test_both_answer_the_same_octets_and_fields(pair: Pair, films: Films) -> None:
    first, second = pair.askers
    assert (await pair.ask("PUT", "/vod/tour/mezzanine.mp4", data=films("bframes").read_bytes())).status == 201
    assert (await second.ask("PUT", "/vod/tour/text/s1?language=de", data=SRT)).status == 201
    found = await objects(second, "tour")
    for top in ("multivariant-ts.m3u8", "multivariant.m3u8?tracks=video:<=720"):
        found[f"/vod/tour/{top}"] = await second.get(f"/vod/tour/{top}")
    edition = picture(found["/vod/tour/multivariant.m3u8"], "").split("/")[3]
    for path in (f"{edition}/v1/0.ts", f"{edition}/v1/track.mp4", f"{edition}/download-v1-a1.mp4"):
        found[f"/vod/tour/{path}"] = await second.get(f"/vod/tour/{path}")
    assert {path: answer.detail for path, answer in found.items() if answer.status != 200} == {}
    assert len(found) > 15
    came = await counted(second, "origin_forwarded")
    assert 1 <= came <= 2, "the text came through it, and perhaps the film; all else it answered itself"
    for path, answer in found.items():
        assert same(await first.get(path)) == same(await second.get(path)), path
        assert (await first.get(path)).body == answer.body, path
    segment = picture(found["/vod/tour/multivariant.m3u8"], "0.m4s")
    fresh = Asker(pair.workers[1].socket)  # a connection on which a body came has no express lane
    assert {(await fresh.get(segment)).body for _ in range(3)} == {found[segment].body}
    await fresh.client.close()
    assert await counted(second, "origin_express") > 0
    for path in (f"/vod/tour/{edition}/v1/999.m4s", "/vod/none/manifest.mpd", "/vod/tour/zzz/v1/0.m4s", "/nothing"):
        assert [(await asker.get(path)).status for asker in (first, second)] in ([404, 404], [410, 410]), path


async def test_what_only_one_may_do_is_the_same_through_the_other(pair: Pair, films: Films) -> None:
    first, second = pair.askers
    await puts(second, "tour", films("plain").read_bytes())
    # keys are made when a protected name is asked for the first time, here by both at once
    manifest = "/~cbcs/vod/tour/manifest.mpd"
    either = await asyncio.gather(second.get(manifest), first.get(manifest))
    assert same(either[0]) == same(either[1]) and either[0].status == 200
    for path in ("/vod/tour/status.json", "/vod/tour/poster.jpg", "/~cenc/vod/tour/multivariant.m3u8", "/live/none/x"):
        assert same(await first.get(path))[::2] == same(await second.get(path))[::2], path
    again = await puts(second, "tour", films("plain").read_bytes())
    assert again.status == 409
    assert (await second.ask("DELETE", "/vod/tour/manifest.mpd")).headers["Allow"] == "GET, HEAD"


async def test_either_is_found_at_the_shared_address(pair: Pair, films: Films) -> None:
    await puts(pair.askers[0], "tour", films("plain").read_bytes())

    async def asked() -> list[float]:
        return [
            await counted(asker, "http_requests") - await counted(asker, "origin_forwarded") for asker in pair.askers
        ]

    before = await asked()
    assert await pair.statuses("/vod/tour/manifest.mpd", 40) == [200] * 40
    after = await asked()
    assert all(later - earlier > 2 for earlier, later in zip(before, after, strict=True))


async def test_what_was_removed_is_gone_wherever_one_asks(pair: Pair, films: Films) -> None:
    film = films("plain").read_bytes()
    path = ""
    for _ in range(12):
        assert (await pair.ask("PUT", "/vod/tour/mezzanine.mp4", data=film)).status == 201
        manifest = await pair.ask("GET", "/vod/tour/multivariant.m3u8")
        path = picture(manifest, "0.m4s")
        assert await pair.statuses(path, 8) == [200] * 8
        for asker in pair.askers:
            assert (await asker.get(path)).status == 200
        assert (await pair.ask("DELETE", "/vod/tour/status.json")).status == 204
        assert [(await asker.get(path)).status for asker in pair.askers] == [404, 404]
        assert await pair.statuses(path, 8) == [404] * 8
        assert [(await asker.get("/vod/tour/multivariant.m3u8")).status for asker in pair.askers] == [404, 404]


async def test_a_text_is_offered_and_withdrawn_wherever_one_asks(pair: Pair, films: Films) -> None:
    await puts(pair.askers[0], "tour", films("plain").read_bytes())
    for _ in range(5):
        for method, offered in (("PUT", True), ("DELETE", False)):
            answer = await pair.ask(method, "/vod/tour/text/s1?language=de", data=SRT if offered else b"")
            assert answer.status < 300
            for asker in pair.askers:
                assert ("TYPE=SUBTITLES" in (await asker.get("/vod/tour/multivariant.m3u8")).text) is offered


async def test_films_are_played_on_while_worker_0_is_away(pair: Pair, films: Films) -> None:
    second = pair.askers[1]
    await puts(second, "tour", films("plain").read_bytes())
    await pair.workers[0].ends()
    assert (await second.get("/vod/tour/manifest.mpd")).status == 200
    assert await pair.statuses("/vod/tour/manifest.mpd", 8) == [200] * 8
    for method, path in (("GET", live("v1/media.m3u8")), ("DELETE", "/vod/tour/status.json")):
        answer = await second.ask(method, path)
        assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
    await pair.workers[0].starts()
    assert (await second.ask("DELETE", "/vod/tour/status.json")).status == 204
    assert (await second.get("/vod/tour/manifest.mpd")).status == 404


async def test_a_killed_worker_costs_its_own_readers_and_no_others(pair: Pair, films: Films) -> None:
    first, second = pair.askers
    await puts(first, "tour", films("feature").read_bytes())
    path = picture(await first.get("/vod/tour/multivariant.m3u8"), "track.mp4")
    whole = (await first.get(path)).body
    async with first.client.get(f"http://origin{path}") as goes_on, second.client.get(f"http://origin{path}") as cut:
        begun = await goes_on.content.readexactly(1000)
        await cut.content.readexactly(1000)
        assert pair.workers[1].process is not None
        pair.workers[1].process.send_signal(signal.SIGKILL)
        await pair.workers[1].process.wait()
        assert begun + await goes_on.content.read() == whole
    assert await pair.statuses(path, 8) == [200] * 8
    await pair.workers[1].starts()
    assert (await pair.askers[1].get(path)).body == whole


@pytest.mark.rule(
    "RFC 8216bis 6.2.5.2", "a blocking request for a part is held until that part or a later one is listed"
)
async def test_a_blocking_reload_is_held_through_the_other_worker(pair: Pair) -> None:
    first, second = pair.askers
    studio = Studio()
    await second.announce(studio)
    await second.publish(studio.run(4500))
    coming = [part for part in studio.run(1000) if part.track == "v1"]
    number, part = coming[0].number, coming[0].part
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(second.playlist("v1", f"?_HLS_msn={number}&_HLS_part={part}"))
        hinted = group.create_task(second.get(live(f"v1/{number}.{part}.m4s")))
        async with asyncio.timeout(10):
            while "headwater_origin_held 2.0" not in (await first.get("/metrics")).text:
                await asyncio.sleep(0.005)
        assert not asking.done() and not hinted.done()
        assert (await second.part(coming[0])).status == 201
    assert f'URI="{number}.{part}.m4s"' in asking.result().text
    assert hinted.result().body == coming[0].body


@pytest.mark.parametrize("listen", ["", "unix:/nowhere/o.sock"])
async def test_a_further_worker_without_an_address_to_share_says_so(home: Path, listen: str) -> None:
    lonely = OriginProcess(home, "--set", "origin.workers=2", "--set", f"origin.listen={listen}", worker=1)
    with pytest.raises(AssertionError, match=r"several workers share origin\.listen: give it as HOST:PORT"):
        await lonely.starts()
    assert lonely.process is not None and lonely.process.returncode == 2
    await lonely.ends()
