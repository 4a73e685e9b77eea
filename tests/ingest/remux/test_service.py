"""A file comes in, its tracks go to a real origin as files of an upload."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from base.arrival import Completion, Remuxed
from base.reports import AssetReport
from tests.ingest.remux.conftest import Remuxer
from tests.kit.sources import Sources
from tests.origin.conftest import Origin


async def test_a_film_becomes_tracks_of_an_asset(remuxer: Remuxer, origin: Origin, sources: Sources) -> None:
    status, body = await remuxer.post(sources("two-languages").read_bytes(), first="33")
    assert status == 200, body
    made = msgspec.json.decode(body, type=Remuxed)
    assert [(piece.number, piece.name) for piece in made.files] == [(n, "film.mkv") for n in (33, 34, 35)]
    assert made.notes == () and remuxer.left == []
    done = msgspec.json.encode(Completion(files=made.files))
    answer = await origin.ask("PUT", "/vod/tour/upload-0123456789abcdef/asset.json", data=done)
    assert answer.status == 201, answer.text
    report = msgspec.json.decode(answer.body, type=AssetReport)
    assert [(t.track, t.language) for t in report.tracks] == [("v1", "und"), ("a1", "en"), ("a2", "de")]
    assert report.bytes == sum(piece.bytes for piece in made.files)
    assert abs(report.duration_ms - 5000) < 80
    assert (await origin.get(f"/vod/tour/{report.edition}/v1/0.m4s")).status == 200
    assert remuxer.ctx.metrics.value("remux_files") == 1


async def test_what_cannot_be_carried_is_refused_and_nothing_stays(remuxer: Remuxer, sources: Sources) -> None:
    status, body = await remuxer.post(sources("vp9").read_bytes())
    assert status == 422 and b"codec vp9 cannot be carried" in body
    assert remuxer.left == [] and remuxer.ctx.metrics.value("remux_refused", kind="unplayable") == 1
    assert (await remuxer.post(b"no film at all " * 1000))[0] == 422


async def test_the_origins_refusal_is_handed_on(remuxer: Remuxer, sources: Sources) -> None:
    body = sources("flac").read_bytes()
    assert (await remuxer.post(body))[0] == 200
    status, text = await remuxer.post(body)
    assert status == 409 and b"is here already" in text and remuxer.left == []


@pytest.mark.parametrize("query", [{"asset": "../x"}, {"upload": "zz"}, {"first": "0"}, {"first": ""}])
async def test_an_order_that_makes_no_sense_is_malformed(remuxer: Remuxer, query: dict[str, str]) -> None:
    assert (await remuxer.post(b"x", **query))[0] == 400


async def test_a_sender_that_goes_away_leaves_nothing(remuxer: Remuxer) -> None:
    _, writer = await asyncio.open_unix_connection(str(remuxer.ctx.home.socket("remux", door="jobs")))
    query = "asset=tour&upload=0123456789abcdef&first=1"
    writer.write(f"POST /remux?{query} HTTP/1.1\r\nHost: r\r\nContent-Length: 999999\r\n\r\nbeginning".encode())
    await writer.drain()
    while not remuxer.left:
        await asyncio.sleep(0.005)
    writer.close()
    while remuxer.left:
        await asyncio.sleep(0.005)


async def test_an_origin_that_is_away_is_said(remuxer: Remuxer, origin: Origin, sources: Sources) -> None:
    origin.ctx.stopping.set()
    await origin.running
    status, body = await remuxer.post(sources("flac").read_bytes())
    assert status == 502 and b"is it running?" in body and remuxer.left == []
