"""Filters of tracks over HTTP: what an operator leaves out has no name any more, whatever a viewer asks for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import m3u8
import msgspec
import pytest

from base.reports import AssetReport
from origin import track_filter
from tests.kit.media import Films
from tests.origin.conftest import Answer, Asker, Origin, OriginProcess, running_origin
from tests.origin.test_texts import SRT
from tests.origin.test_vod import puts

PATH = "/vod/tour/tracks.json"
TOPS = ("multivariant.m3u8", "multivariant-ts.m3u8", "manifest.mpd", "manifest-ondemand.mpd")


async def put(origin: Asker, tracks: str) -> Answer:
    return await origin.ask("PUT", PATH, data=json.dumps({"tracks": tracks}).encode())


async def film(origin: Any, films: Films, which: str = "two-languages") -> AssetReport:
    answer = await puts(origin, "tour", films(which).read_bytes(), "?target_ms=2000")
    assert answer.status == 201, answer.text
    return msgspec.json.decode(answer.body, type=AssetReport)


async def test_what_is_left_out_is_in_no_list_and_under_no_name(origin: Origin, films: Films) -> None:
    edition = (await film(origin, films)).edition
    assert (await origin.ask("PUT", "/vod/tour/text/s1?language=de", data=SRT)).status == 201
    before = {top: (await origin.get(f"/vod/tour/{top}")).text for top in TOPS}
    text = next(m.uri for m in m3u8.loads(before[TOPS[0]]).media if m.type == "SUBTITLES").rpartition("/")[0]
    below = [
        f"{edition}/a1/media.m3u8",
        f"{edition}/a1/media-ts.m3u8",
        f"{edition}/a1/0.m4s",
        f"{edition}/a1/0.ts",
        f"{edition}/a1/track.mp4",
        f"{edition}/download-v1-a1.mp4",
        f"{text}/media.m3u8",
        f"{text}/0.vtt",
        f"{text}wvtt/0.m4s",
    ]
    for path in below:
        assert (await origin.get(f"/vod/tour/{path}")).status == 200, path
    answer = await put(origin, "text:none,audio:de")
    held = {"tracks": "audio:de,text:none", "own": True, "kept": ["v1", "a2"], "left_out": ["a1", "s1"]}
    assert answer.status == 200 and json.loads(answer.body) == held
    assert json.loads((await origin.get(PATH)).body) == held
    for path in below:
        assert (await origin.get(f"/vod/tour/{path}")).status == 404, path
    for top in TOPS:
        shown = (await origin.get(f"/vod/tour/{top}")).text
        assert "a2" in shown and shown != before[top], top
        for gone in ("/a1/", 'id="a1"', "s1/", 'id="s1'):
            assert gone not in shown, (top, gone)
    for path in (f"{edition}/a2/0.m4s", f"{edition}/v1/0.m4s", f"{edition}/download-v1-a2.mp4"):
        assert (await origin.get(f"/vod/tour/{path}")).status == 200, path
    protected = (await origin.get("/~cbcs/vod/tour/manifest.mpd")).text
    assert 'id="a2"' in protected and 'id="a1"' not in protected
    report = msgspec.json.decode((await origin.get("/vod/tour/status.json")).body, type=AssetReport)
    assert (report.edition, report.left_out, len(report.tracks)) == (edition, ("a1", "s1"), 4)
    assert (await origin.ask("DELETE", PATH)).status == 204
    assert {top: (await origin.get(f"/vod/tour/{top}")).text for top in TOPS} == before


async def test_a_viewer_chooses_among_what_is_left(origin: Origin, films: Films) -> None:
    await film(origin, films)
    await put(origin, "audio:de")
    for top in ("multivariant.m3u8", "manifest.mpd"):
        only = await origin.get(f"/vod/tour/{top}?tracks=video:none")
        assert only.status == 200 and "a2" in only.text and "v1" not in only.text
        refused = await origin.get(f"/vod/tour/{top}?tracks=video:none,a1")
        assert refused.status == 404 and "a2 (audio, de" in refused.detail and "a1" not in refused.detail


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b'{"tracks": "video:none,audio:fr"}', 400, "leaves nothing to play, the asset has v1 (video"),
        (b'{"tracks": "audio"}', 400, "tracks takes names"),
        (b"[]", 400, '{"tracks": "audio:de'),
        (b" " * 4097, 413, "4096 octets"),
    ],
)
async def test_what_is_refused_changes_nothing(
    origin: Origin, films: Films, body: bytes, status: int, says: str
) -> None:
    await film(origin, films)
    kept = (await put(origin, "a2,v1")).body
    answer = await origin.ask("PUT", PATH, data=body)
    assert answer.status == status and says in answer.detail
    assert (await origin.get(PATH)).body == kept
    for method in ("GET", "PUT", "DELETE"):
        assert (await origin.ask(method, "/vod/other/tracks.json", data=b'{"tracks": ""}')).status == 404


async def test_the_nodes_filter_holds_where_a_film_says_nothing(home: Path, films: Films) -> None:
    async with running_origin(home, origin__tracks="audio:de", drain__seconds=1) as origin:
        assert (await film(origin, films)).left_out == ("a1",)
        assert 'id="a1"' not in (await origin.get("/vod/tour/manifest.mpd")).text
        assert json.loads((await put(origin, "")).body)["left_out"] == []
        assert 'id="a1"' in (await origin.get("/vod/tour/manifest.mpd")).text
        assert (await origin.ask("DELETE", PATH)).status == 204
        assert json.loads((await origin.get(PATH)).body) == {
            "tracks": "audio:de", "own": False, "kept": ["v1", "a2"], "left_out": ["a1"],
        }  # fmt: skip


async def test_a_film_of_which_the_nodes_filter_leaves_nothing(home: Path, films: Films) -> None:
    async with running_origin(home, drain__seconds=1) as origin:
        await film(origin, films)
    async with running_origin(home, origin__tracks="video:none,audio:fr", drain__seconds=1) as origin:
        refused = await puts(origin, "other", films("plain").read_bytes())
        assert refused.status == 422 and "origin.tracks" in refused.detail
        assert (await origin.get("/vod/other/status.json")).status == 404
        shown = await origin.get("/vod/tour/manifest.mpd")
        assert shown.status == 404 and "none that its operator shows" in shown.detail
        assert (await put(origin, "a1,v1")).status == 200, "a filter of its own is how it is shown again"
        assert (await origin.get("/vod/tour/manifest.mpd")).status == 200
        back = await origin.ask("DELETE", PATH)
        assert back.status == 400 and "origin.tracks" in back.detail


async def test_a_full_disk_is_said_and_nothing_is_lost(
    origin: Origin, films: Films, monkeypatch: pytest.MonkeyPatch
) -> None:
    await film(origin, films)
    kept = (await put(origin, "audio:de")).body

    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(track_filter, "write_whole", full)
    answer = await put(origin, "audio:en")
    assert answer.status == 503 and "No space left" in answer.detail
    assert (await origin.get(PATH)).body == kept


async def test_a_filter_outlives_a_kill(process: OriginProcess, films: Films) -> None:
    await process.starts()
    await film(process.asker, films)
    kept = (await put(process.asker, "audio:de")).body
    await process.ends()
    await process.starts()
    assert (await process.asker.get(PATH)).body == kept
