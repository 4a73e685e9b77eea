"""Marks over HTTP: put, read, in every playlist of a film under one address, through restarts, taken away."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import m3u8
import msgspec
import pytest

from base.reports import AssetReport
from origin import mark_files
from tests.kit.media import Films
from tests.origin.conftest import Answer, Asker, Origin, OriginProcess
from tests.origin.test_texts import SRT
from tests.origin.test_vod import puts

GIVEN = [
    {"id": "break", "start": 9, "duration": 2, "kind": "ad"},
    {"id": "intro", "start": 0, "duration": 3.5, "kind": "chapter", "title": "Anfang"},
]


async def put(origin: Asker, given: Any = GIVEN) -> Answer:
    return await origin.ask("PUT", "/vod/tour/marks.json", data=json.dumps(given).encode())


async def film(origin: Any, films: Films) -> AssetReport:
    answer = await puts(origin, "tour", films("feature").read_bytes(), "?target_ms=2000")
    return msgspec.json.decode(answer.body, type=AssetReport)


async def playlists(origin: Asker, top: str = "multivariant.m3u8") -> dict[str, m3u8.M3U8]:
    found = m3u8.loads((await origin.get(f"/vod/tour/{top}")).text)
    uris = {p.uri for p in (*found.playlists, *found.media, *found.iframe_playlists)}
    return {uri: m3u8.loads((await origin.get(f"/vod/tour/{uri}")).text) for uri in uris}


async def test_marks_are_in_all_playlists_under_an_address_of_their_own(origin: Origin, films: Films) -> None:
    before = await film(origin, films)
    assert (await origin.ask("PUT", "/vod/tour/text/s1?language=de", data=SRT)).status == 200 + 1
    plain = (await origin.get("/vod/tour/multivariant.m3u8")).text
    assert json.loads((await origin.get("/vod/tour/marks.json")).body) == []
    answer = await put(origin)
    assert answer.status == 200 and [one["id"] for one in json.loads(answer.body)] == ["intro", "break"]
    assert (await origin.get("/vod/tour/marks.json")).body == answer.body
    for top, many in (("multivariant.m3u8", 4), ("multivariant-ts.m3u8", 3)):
        found = await playlists(origin, top)
        assert len(found) == many and all("?marks=" in uri for uri in found)
        for playlist in found.values():
            assert [one.id for one in playlist.segments[0].dateranges] == ["intro", "break"]
            assert abs(playlist.segments[0].program_date_time.timestamp() - 946684800) < 0.05
    for uri in found:
        answer = await origin.get(f"/vod/tour/{uri}")
        assert "immutable" in answer.headers["Cache-Control"]
        other = await origin.get(f"/vod/tour/{uri.partition('?')[0]}?marks={'0' * 16}")
        assert (other.body, other.headers["Cache-Control"]) == (answer.body, "public, max-age=60"), "those of before"
        assert "DATE" not in (await origin.get(f"/vod/tour/{uri.partition('?')[0]}")).text, "never another meaning"
    report = msgspec.json.decode((await origin.get("/vod/tour/status.json")).body, type=AssetReport)
    assert report.edition == before.edition
    assert (await origin.ask("DELETE", "/vod/tour/marks.json")).status == 204
    assert (await origin.get("/vod/tour/multivariant.m3u8")).text == plain


async def test_a_clip_has_the_marks_that_overlap_it(origin: Origin, films: Films) -> None:
    await film(origin, films)
    await put(origin)
    found = await playlists(origin, "multivariant.m3u8?start=8&tracks=v1,a1")
    assert found and all("start=8" in uri and "marks=" in uri for uri in found)
    for playlist in found.values():
        assert [one.id for one in playlist.segments[0].dateranges] == ["break"]
        assert abs(playlist.segments[0].program_date_time.timestamp() - 946684808) < 0.05


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"{}", 400, "list"),
        (b"[{]", 400, "JSON"),
        (b'[{"id": "a", "start": 20.5, "kind": "ad"}]', 400, "/0/start"),
        (b" " * ((256 << 10) + 1), 413, "256 KiB"),
    ],
)
async def test_what_is_refused_changes_nothing(
    origin: Origin, films: Films, body: bytes, status: int, says: str
) -> None:
    await film(origin, films)
    kept = (await put(origin)).body
    answer = await origin.ask("PUT", "/vod/tour/marks.json", data=body)
    assert answer.status == status and says in answer.detail
    assert (await origin.get("/vod/tour/marks.json")).body == kept
    for method in ("GET", "PUT", "DELETE"):
        assert (await origin.ask(method, "/vod/other/marks.json", data=b"[]")).status == 404


async def test_a_full_disk_is_said_and_nothing_is_lost(
    origin: Origin, films: Films, monkeypatch: pytest.MonkeyPatch
) -> None:
    await film(origin, films)
    kept = (await put(origin)).body

    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(mark_files, "write_whole", full)
    answer = await put(origin, [])
    assert answer.status == 200, "to take them away needs no place"
    monkeypatch.undo()
    assert (await put(origin)).body == kept
    monkeypatch.setattr(mark_files, "write_whole", full)
    answer = await put(origin, GIVEN[:1])
    assert answer.status == 503 and "No space left" in answer.detail
    assert (await origin.get("/vod/tour/marks.json")).body == kept


async def test_marks_outlive_a_kill(process: OriginProcess, films: Films) -> None:
    await process.starts()
    await film(process.asker, films)
    kept = (await put(process.asker)).body
    await process.ends()
    await process.starts()
    assert (await process.asker.get("/vod/tour/marks.json")).body == kept
