"""Assets of several files over HTTP: file by file, and then all at once."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import msgspec
import pytest

from base.arrival import Completion, Piece
from base.reports import AssetReport
from node.clock import Clock, SystemClock
from origin import arrivals
from tests.kit.media import Films
from tests.origin.conftest import Answer, Asker, Origin, OriginProcess, running_origin

TOKEN = "0123456789abcdef"


async def sends(origin: Asker, number: int, body: bytes, token: str = TOKEN) -> Answer:
    return await origin.ask("PUT", f"/vod/tour/upload-{token}/{number}.mp4", data=body)


async def completes(origin: Asker, *numbers: int, token: str = TOKEN, **words: str) -> Answer:
    files = tuple(Piece(number=number, bytes=1, name=f"{number}.mp4") for number in numbers)
    body = msgspec.json.encode(Completion(files=files, **words))  # type: ignore[arg-type]
    return await origin.ask("PUT", f"/vod/tour/upload-{token}/asset.json", data=body)


def left(origin: Origin) -> list[str]:
    return sorted(os.listdir(origin.data / "vod") + os.listdir(origin.data / "incoming"))


async def test_files_come_one_by_one_and_are_an_asset_all_at_once(origin: Origin, films: Films) -> None:
    for number, film in ((7, "two-languages"), (3, "bframes")):
        answer = await sends(origin, number, films(film).read_bytes())
        assert answer.status == 201, answer.text
        assert (await origin.get("/vod/tour/status.json")).status == 404
    answer = await completes(origin, 3, 7, target_ms="2000", last="short", bootstrap="1000")
    assert answer.status == 201, answer.text
    report = msgspec.json.decode(answer.body, type=AssetReport)
    assert report.files == ("3.mp4", "7.mp4") and (report.last, report.bootstrap_ms) == ("short", (1000,))
    assert [t.track for t in report.tracks] == ["v1", "v2", "a1", "a2", "a3"]
    assert left(origin) == ["tour"]
    for track in report.tracks:
        segment = await origin.get(f"/vod/tour/{report.edition}/{track.track}/1.m4s")
        assert segment.status == 200 and len(segment.body) > 100
    assert msgspec.json.decode((await origin.get("/vod/tour/status.json")).body, type=AssetReport) == report


@pytest.mark.parametrize(
    ("numbers", "words", "status", "says"),
    [
        ((1,), {}, 412, "are here"),
        ((1, 2, 3), {}, 412, "are here"),
        ((1, 1), {}, 412, "are here"),
        ((1, 2), {"last": "never"}, 400, "short, long or rounded"),
        ((1, 2), {"bootstrap": "1"}, 400, "bootstrap"),
    ],
)
async def test_a_wrong_completion_changes_nothing_and_may_be_put_right(
    origin: Origin, films: Films, numbers: tuple[int, ...], words: dict[str, str], status: int, says: str
) -> None:
    for number, film in ((1, "plain"), (2, "bframes")):
        assert (await sends(origin, number, films(film).read_bytes())).status == 201
    answer = await completes(origin, *numbers, **words)
    assert answer.status == status and says in answer.detail
    assert (await origin.get("/vod/tour/status.json")).status == 404
    assert (await completes(origin, 1, 2)).status == 201
    assert left(origin) == ["tour"]


async def test_what_cannot_be_played_is_refused_when_it_comes(origin: Origin, films: Films) -> None:
    assert (await sends(origin, 1, films("plain").read_bytes())).status == 201
    refused = await sends(origin, 2, b"junk" * 5000)
    assert refused.status == 422
    assert (await completes(origin, 1, 2)).status == 412
    assert (await completes(origin, 1)).status == 201
    assert origin.metric("origin_refused", kind="unplayable") == 1


async def test_a_file_is_sent_once(origin: Origin, films: Films) -> None:
    body = films("plain").read_bytes()
    assert (await sends(origin, 1, body)).status == 201
    assert (await sends(origin, 1, body)).status == 409
    assert (await sends(origin, 1, body, token="fedcba9876543210")).status == 201  # another upload of the same title
    assert (await completes(origin, 1)).status == 201
    assert (await completes(origin, 1, token="fedcba9876543210")).status == 409
    assert (await sends(origin, 2, body, token="aaaaaaaaaaaaaaaa")).status == 409


async def test_an_unknown_upload_says_so(origin: Origin) -> None:
    assert (await completes(origin, 1)).status == 404
    assert (await origin.ask("DELETE", f"/vod/tour/upload-{TOKEN}/asset.json")).status == 404
    assert (await origin.ask("PUT", f"/vod/tour/upload-{TOKEN}/asset.json", data=b"{}")).status == 404


async def test_an_upload_can_be_dropped(origin: Origin, films: Films) -> None:
    assert (await sends(origin, 1, films("plain").read_bytes())).status == 201
    assert (await origin.ask("DELETE", f"/vod/tour/upload-{TOKEN}/asset.json")).status == 204
    assert left(origin) == []


async def test_a_file_that_is_cut_short_is_not_there(origin: Origin, films: Films) -> None:
    body = films("plain").read_bytes()
    assert (await sends(origin, 1, body)).status == 201
    _, writer = await asyncio.open_unix_connection(str(origin.ctx.home.socket("origin", door="media")))
    writer.write(f"PUT /vod/tour/upload-{TOKEN}/2.mp4 HTTP/1.1\r\nHost: o\r\nContent-Length: 99999\r\n\r\n".encode())
    writer.write(body[:1000])
    await writer.drain()
    await origin.until(lambda: len(list((origin.data / "incoming").glob("*/file-2.mp4"))) == 1)
    busy = await completes(origin, 1)
    assert busy.status == 409 and "still coming" in busy.detail
    writer.close()
    await origin.until(lambda: not list((origin.data / "incoming").glob("*/file-2.mp4")))
    assert (await completes(origin, 1)).status == 201


async def test_an_upload_that_nobody_goes_on_with_is_dropped(
    home: Path, films: Films, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ahead(SystemClock):
        ahead = 0.0

        def monotonic(self) -> float:
            return super().monotonic() + self.ahead

    clock = Ahead()
    kept: Clock = clock
    async with running_origin(home, clock=kept, drain__seconds=1) as origin:
        assert (await sends(origin, 1, films("plain").read_bytes())).status == 201
        clock.ahead = arrivals._IDLE_S - 60
        assert (await sends(origin, 2, films("bframes").read_bytes())).status == 201
        clock.ahead = 2 * arrivals._IDLE_S - 120
        assert (await sends(origin, 3, films("ntsc").read_bytes())).status == 201
        clock.ahead = 4 * arrivals._IDLE_S
        await origin.until(lambda: left(origin) == [])
        assert (await completes(origin, 1, 2, 3)).status == 404


async def test_what_a_killed_origin_had_received_is_removed(process: OriginProcess, films: Films) -> None:
    asker = await process.starts()
    assert (await sends(asker, 1, films("plain").read_bytes())).status == 201
    await process.ends()
    asker = await process.starts()
    assert os.listdir(process.data / "incoming") == [] and os.listdir(process.data / "vod") == []
    answer = await completes(asker, 1)
    assert answer.status == 404 and "send all files again" in answer.detail


async def test_the_policy_may_be_set_for_all(home: Path, films: Films) -> None:
    settings = {"origin__segment_last": "short", "origin__segment_bootstrap": "1000,1000"}
    async with running_origin(home, drain__seconds=1, **settings) as origin:
        body = films("plain").read_bytes()
        answer = await origin.ask("PUT", "/vod/tour/mezzanine.mp4", data=body)
        report = msgspec.json.decode(answer.body, type=AssetReport)
        assert (report.last, report.bootstrap_ms, report.target_ms) == ("short", (1000, 1000), 4000)
        other = await origin.ask("PUT", "/vod/other/mezzanine.mp4?last=long&bootstrap=2000", data=body)
        report = msgspec.json.decode(other.body, type=AssetReport)
        assert (report.last, report.bootstrap_ms) == ("long", (2000,))
        assert (await origin.ask("PUT", "/vod/third/mezzanine.mp4?last=never", data=body)).status == 400
