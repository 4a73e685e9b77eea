"""The origin's express lane: it answers as the full path does, and only what is there and at hand."""

from __future__ import annotations

import mmap
import os
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest

from base.reports import AssetReport
from origin.pages import Pages
from tests.kit.media import Films
from tests.kit.optional import lacks
from tests.origin.conftest import Answer, Asker, Origin, running_origin


async def added(origin: Origin, films: Films, film: str = "plain") -> str:
    """The path of the first track's segments. Added by a connection of its own: one that bore a body has no lane."""
    body = films(film).read_bytes()
    answer = await aside(origin, "PUT", "/vod/tour/mezzanine.mp4?target_ms=2000", data=body)
    assert answer.status == 201, answer.text
    return f"/vod/tour/{msgspec.json.decode(answer.body, type=AssetReport).edition}/v1"


async def aside(origin: Origin, method: str, path: str, **more: Any) -> Answer:
    """By a connection of its own."""
    other = Asker(origin.ctx.home.socket("origin", door="media"))
    try:
        return await other.ask(method, path, **more)
    finally:
        await other.client.close()


def express(origin: Origin) -> float:
    return origin.metric("origin_express")


def shown(answer: Answer) -> list[tuple[str, str]]:
    own = ("date", "x-request-id", "server")
    return sorted((name, value) for name, value in answer.headers.items() if name.lower() not in own)


@pytest.mark.parametrize("film", ["plain", "bframes", "two-languages"])
async def test_both_paths_give_the_same_answer(origin: Origin, films: Films, film: str) -> None:
    track = await added(origin, films, film)
    full = await origin.get(f"{track}/1.m4s")
    assert express(origin) == 0
    lane = await origin.get(f"{track}/1.m4s")
    assert express(origin) == 1
    assert full.status == lane.status == 200
    assert full.body == lane.body
    assert shown(full) == shown(lane)
    assert "Date" in lane.headers  # RFC 9110 6.6.1
    assert origin.metric("origin_bytes", leaf="segment") == 2 * len(full.body)


async def test_what_is_no_segment_is_left_to_the_full_path(origin: Origin, films: Films) -> None:
    track = await added(origin, films)
    await origin.get(f"{track}/0.m4s")
    for file in ("999.m4s", "01.m4s", "-1.m4s", "1.m4t", ".m4s", "1e1.m4s", "9999999999.m4s", "media.m3u9"):
        answer = await origin.get(f"{track}/{file}")
        assert answer.status == 404, file
    assert (await origin.ask("HEAD", f"{track}/0.m4s")).body == b""
    assert express(origin) == 0


async def test_playlists_are_answered_as_they_were_printed(origin: Origin, films: Films) -> None:
    track = await added(origin, films)
    for path in (
        f"{track}/media.m3u8",
        "/vod/tour/multivariant.m3u8",
        "/vod/tour/manifest.mpd",
        f"{track}/media-ts.m3u8",
    ):
        before = express(origin)
        full = await origin.get(path)
        assert express(origin) == before
        lane = await origin.get(path)
        assert express(origin) == before + 1
        assert (lane.status, lane.body, shown(lane)) == (full.status, full.body, shown(full))
        clipped = await origin.get(f"{path}?start=3")
        assert clipped.body != full.body and express(origin) == before + 1
        assert (await origin.get(f"{path}?start=3.000")).body == clipped.body
    await aside(origin, "DELETE", "/vod/tour/status.json")
    assert (await origin.get(f"{track}/media.m3u8")).status == 404
    await added(origin, films, "bframes")
    assert (await origin.get("/vod/tour/manifest.mpd")).body != full.body


async def test_an_asset_that_was_removed_or_made_anew_is_no_more(origin: Origin, films: Films) -> None:
    track = await added(origin, films)
    await origin.get(f"{track}/0.m4s")
    assert (await origin.get(f"{track}/0.m4s")).status == 200
    assert express(origin) == 1
    assert (await aside(origin, "DELETE", "/vod/tour/status.json")).status == 204
    assert (await origin.get(f"{track}/0.m4s")).status == 404
    other = await added(origin, films, "bframes")
    assert (await origin.get(f"{track}/0.m4s")).status == 410
    first = await origin.get(f"{other}/0.m4s")
    assert first.body == (await origin.get(f"{other}/0.m4s")).body
    assert express(origin) == 2


async def test_pages_that_have_to_be_read_are_read_by_the_full_path(
    origin: Origin, home: Path, films: Films
) -> None:  # fmt: skip
    track = await added(origin, films)
    other = home / "other"
    shutil.copytree(origin.data, other / "data" / "origin")  # files that no mapping has touched
    film = other / "data" / "origin" / "vod" / "tour" / "mezzanine.mp4"
    async with running_origin(other, drain__seconds=1) as origin:
        await origin.get(f"{track}/0.m4s")
        if not forgotten(film):
            lacks("file system", "the file stays in memory")
        cold = await origin.get(f"{track}/3.m4s")
        assert cold.status == 200 and express(origin) == 0
        assert (await origin.get(f"{track}/3.m4s")).body == cold.body
        assert express(origin) == 1


def forgotten(path: Path) -> bool:
    """Make the kernel let go of a file's pages that no mapping has touched; False if it has let go of none."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        mapped = mmap.mmap(file, 0, access=mmap.ACCESS_READ)
        return not Pages(memoryview(mapped)).resident([(0, len(mapped))])
    finally:
        os.close(file)
