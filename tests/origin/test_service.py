from __future__ import annotations

import asyncio
import json
import signal
import socket
import sqlite3
import time
from dataclasses import fields
from pathlib import Path

import aiohttp
import pytest

from node.clock import SteppedClock
from node.settings import TABLE, Settings
from origin.service import limits_of
from packager.limits import Limits
from tests.kit.live_media import Studio
from tests.kit.media import Films
from tests.origin.conftest import Origin, OriginProcess, live, running_origin


@pytest.mark.parametrize(
    "path", ["/live/", "/vod/x", "/live/Studio/multivariant.m3u8", "/live/studio/e1/v1/05.m4s", "/vod/x/session.json"]
)
async def test_what_is_no_name_is_unknown(origin: Origin, path: str) -> None:
    answer = await origin.get(path)
    assert (answer.status, answer.headers["Cache-Control"]) == (404, "public, max-age=60")


async def test_methods_that_no_name_takes_are_refused(origin: Origin) -> None:
    for path in ("/live/studio/status.json", "/vod/tour/status.json"):
        answer = await origin.ask("POST", path, data=b"x")
        assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD, PUT, DELETE")


async def test_a_part_over_the_limit_is_too_large(origin: Origin) -> None:
    await origin.announce(Studio())

    async def endless():  # type: ignore[no-untyped-def]
        for _ in range(80):
            yield bytes(1 << 20)

    answer = await origin.ask("PUT", live("v1/5.0.m4s"), data=endless(), headers={"Headwater-Part": 'init="00112233"'})
    assert answer.status == 413


async def test_it_listens_over_tcp_only_if_it_is_told_to(home: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    async with running_origin(home, drain__seconds=1, origin__listen=f"127.0.0.1:{port}") as origin:
        studio = Studio()
        await origin.announce(studio)
        await origin.publish(studio.run(2000))
        async with (
            aiohttp.ClientSession() as client,
            client.get(f"http://127.0.0.1:{port}/live/studio/manifest.mpd") as answer,
        ):
            assert answer.status == 200


async def test_it_ends_when_it_is_told_to(process: OriginProcess) -> None:
    asker = await process.starts()
    assert b'"ok"' in (await asker.get("/healthz")).body
    await process.ends(signal.SIGTERM)
    assert process.process is not None and process.process.returncode == 0


async def test_it_ends_with_requests_held_and_brings_everything_back(process: OriginProcess) -> None:
    studio = Studio(grid_ms=10_000)  # a held request would wait for 30 s
    asker = await process.starts()
    await asker.announce(studio)
    parts = studio.run(4500)
    await asker.publish(parts)
    newest = [part for part in parts if part.track == "v1"][-1]
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(asker.playlist("v1", f"?_HLS_msn={newest.number}&_HLS_part={newest.part + 1}"))
        async with asyncio.timeout(10):
            while b"headwater_origin_held 1.0" not in (await asker.get("/metrics")).body:
                await asyncio.sleep(0.01)
        assert process.process is not None
        began = time.monotonic()
        process.process.send_signal(signal.SIGTERM)
        assert (await asking).status == 503
        await process.process.wait()
    assert process.process.returncode == 0 and time.monotonic() - began < 3
    before = await process.starts()
    for part in parts:
        assert (await before.get(live(f"{part.track}/{part.number}.{part.part}.m4s"))).body == part.body


async def test_a_journal_that_cannot_be_used_is_said_in_one_line(process: OriginProcess) -> None:
    process.data.mkdir(parents=True)
    with sqlite3.connect(process.data / "journal.db") as database:
        database.execute("PRAGMA user_version = 77")
    with pytest.raises(AssertionError, match="was written by another version of Headwater"):
        await process.starts()
    assert process.process is not None and process.process.returncode == 2
    assert "Traceback" not in process.log()


async def test_the_sweep_runs(home: Path) -> None:
    """An open segment is closed when no more media comes."""
    clock = SteppedClock()
    async with running_origin(home, clock, drain__seconds=1) as origin:
        studio = Studio(tracks=("v1",))
        await origin.announce(studio)
        await origin.publish(studio.run(1500))
        folder = origin.data / "live" / "studio.e1" / "v1"
        assert list(folder.glob("*.open-*"))
        clock.advance(6001)
        await origin.until(lambda: not list(folder.glob("*.open-*")))
        assert "PRELOAD-HINT" not in (await origin.playlist()).text


async def test_a_device_that_is_gone_is_busy_and_not_a_fault(home: Path) -> None:
    async with running_origin(home, drain__seconds=1) as origin:
        studio = Studio(tracks=("v1",))
        await origin.announce(studio)
        first, second, *_ = studio.run(900)
        await origin.publish([first])
        folder = origin.data / "live" / "studio.e1" / "v1"
        folder.rename(folder.with_name("away"))
        answer = await origin.part(second)
        assert answer.status == 503 and answer.headers["Retry-After"] == "1" and "cannot store" in answer.detail
        folder.with_name("away").rename(folder)
        assert (await origin.part(second)).status == 201
        assert origin.metric("http_problems", role="origin", kind="fault") == 0


def test_the_limits_of_files_are_settings_with_the_usual_values() -> None:
    assert limits_of(Settings()) == Limits()
    assert {f"origin.limit_{limit.name}" for limit in fields(Limits)} == {
        name for name in TABLE if name.startswith("origin.limit_")
    }


async def test_a_film_over_a_limit_is_refused_with_the_setting(home: Path, films: Films) -> None:
    async with running_origin(home, drain__seconds=1, origin__limit_samples=100) as origin:
        answer = await origin.ask("PUT", "/vod/tour/mezzanine.mp4", data=films("plain").read_bytes())
        assert answer.status == 422
        said = "it has 200 samples in one track, origin.limit_samples is 100; raise that if the file is as it should be"
        assert said in json.loads(answer.body)["detail"]
