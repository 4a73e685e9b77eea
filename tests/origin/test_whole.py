"""Track files and downloads over HTTP: ranges, conditions, and what is kept of them."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import aiohttp
import msgspec
import pytest

from base.names import Kind, Leaf, Name
from base.problems import Problem
from base.reports import AssetReport
from origin.asset import Asset
from origin.whole import Wholes, layout
from tests.kit.media import Films
from tests.kit.optional import program
from tests.origin.conftest import Origin, OriginProcess, running_origin
from tests.origin.test_views import added
from tests.origin.test_vod import puts, resident, stretched


async def paths(origin: Origin, films: Films, film: str) -> tuple[str, str]:
    """A download of everything, and the file of the picture."""
    answer = await puts(origin, "tour", films(film).read_bytes())
    report = msgspec.json.decode(answer.body, type=AssetReport)
    tracks = "-".join(track.track for track in report.tracks)
    return f"/vod/tour/{report.edition}/download-{tracks}.mp4", f"/vod/tour/{report.edition}/v1/track.mp4"


@pytest.mark.rule("RFC 9110 14.2", "one range is answered with it, conditions first")
async def test_ranges_of_a_download(origin: Origin, films: Films) -> None:
    for path in await paths(origin, films, "bframes"):
        whole = await origin.get(path)
        size = len(whole.body)
        assert whole.status == 200 and whole.headers["Accept-Ranges"] == "bytes"
        assert whole.headers["Content-Type"] == "video/mp4" and "immutable" in whole.headers["Cache-Control"]
        tag = whole.headers["ETag"]
        assert tag.startswith('"')  # strong: parts of one may be put together
        for field, start, stop in (
            ("bytes=0-0", 0, 1), ("bytes=100-", 100, size), ("bytes=-50", size - 50, size),
            (f"bytes={size // 2}-{size // 2 + 9999}", size // 2, size // 2 + 10_000), (f"bytes=5-{size * 9}", 5, size),
        ):  # fmt: skip
            part = await origin.get(path, Range=field, If_Range=tag)
            assert (part.status, part.body == whole.body[start:stop]) == (206, True), field
            assert part.headers["Content-Range"] == f"bytes {start}-{min(stop, size) - 1}/{size}"
        assert (await origin.get(path, Range="bytes=0-9", If_Range='"other"')).body == whole.body
        assert (await origin.get(path, Range="bytes=0-1,5-6")).body == whole.body  # 14.2: several may be ignored
        assert (await origin.get(path, If_None_Match=tag)).status == 304
        beyond = await origin.get(path, Range=f"bytes={size}-")
        assert (beyond.status, beyond.body, beyond.headers["Content-Range"]) == (416, b"", f"bytes */{size}")
        head = await origin.ask("HEAD", path, headers={"Range": "bytes=0-9"})
        assert (head.status, head.headers["Content-Length"]) == (200, str(size))


async def test_a_download_is_named_and_played(origin: Origin, films: Films, tmp_path: Path) -> None:
    download, _ = await paths(origin, films, "edit-list")
    answer = await origin.get(download)
    assert answer.headers["Content-Disposition"] == 'attachment; filename="tour-v1-a1.mp4"'
    (tmp_path / "tour.mp4").write_bytes(answer.body)
    sums = []
    for film in (tmp_path / "tour.mp4", films("edit-list")):
        words = [program("ffmpeg"), "-v", "error", "-i", str(film), "-f", "framemd5", "-"]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        sums.append([line for line in done.stdout.splitlines() if line[0] != "#"])
        assert not done.stderr
    assert sums[0] == sums[1] != []


async def test_names_that_are_none(origin: Origin, films: Films) -> None:
    download, file = await paths(origin, films, "two-languages")
    for path, says in (
        (download.replace("v1-a1-a2", "a1-v1"), "download-v1-a1.mp4"),
        (download.replace("v1-a1-a2", "v1-v1"), "download-v1.mp4"),
        (download.replace("a2", "a7"), "it has v1, a1, a2"),
        (file.replace("/v1/", "/v7/"), "no track v7"),
    ):
        answer = await origin.get(path)
        assert answer.status == 404 and says in answer.detail
    assert (await origin.get(download.replace("/e", "/f", 1))).status in (404, 410)
    assert (await origin.get("/~cbcs" + download)).status == 404


async def test_clear_files_are_refused_where_films_are_served_protected_only(home: Path, films: Films) -> None:
    async with running_origin(home, drain__seconds=1, origin__clear=False) as origin:
        for path in await paths(origin, films, "plain"):
            assert (await origin.get(path)).status == 403


async def test_a_slow_reader_of_a_long_download_costs_no_memory(process: OriginProcess, films: Films) -> None:
    asker = await process.starts()
    film = stretched(films("silent").read_bytes(), 600_000)
    answer = await puts(asker, "tour", film, "?target_ms=2000")
    report = msgspec.json.decode(answer.body, type=AssetReport)
    path = f"/vod/tour/{report.edition}/download-v1.mp4"
    before = resident(process.pid)
    async with asker.client.get(f"http://origin{path}", timeout=aiohttp.ClientTimeout(total=60)) as slow:
        assert int(slow.headers["Content-Length"]) > 110_000_000
        got = len(await slow.content.readexactly(1_000_000))
        await asyncio.sleep(0)
        assert resident(process.pid) - before < 20_000_000
        async for block in slow.content.iter_any():
            got += len(block)
    assert got == int(slow.headers["Content-Length"])
    assert resident(process.pid) - before < 20_000_000


def name(asset: Asset, leaf: Leaf, **more: object) -> Name:
    return Name(kind=Kind.VOD, title="film", leaf=leaf, edition=asset.plan.edition, **more)  # type: ignore[arg-type]


async def test_layouts_are_made_once_and_the_oldest_goes(films: Films, tmp_path: Path) -> None:
    asset = added(films, "two-languages", tmp_path)
    both = name(asset, Leaf.DOWNLOAD, tracks=("v1", "a1"))
    wholes = Wholes()
    made = await asyncio.gather(*(wholes.find(both, asset) for _ in range(8)))
    assert len({id(one) for one in made}) == 1
    one = await wholes.find(name(asset, Leaf.TRACK_FILE, track="v1"), asset)
    small = Wholes(most_octets=made[0].cost + one.cost // 2)
    assert await small.find(both, asset) is await small.find(both, asset)
    await small.find(name(asset, Leaf.TRACK_FILE, track="v1"), asset)
    assert await small.find(both, asset) is not made[0]


async def test_an_asset_that_came_anew_is_laid_out_anew(films: Films, tmp_path: Path) -> None:
    first, second = (added(films, film, tmp_path / film) for film in ("plain", "bframes"))
    wholes = Wholes()
    wanted = name(first, Leaf.DOWNLOAD, tracks=("v1",))
    assert (await wholes.find(wanted, first)).length != (await wholes.find(wanted, second)).length


def test_an_unknown_track_has_no_layout(films: Films, tmp_path: Path) -> None:
    asset = added(films, "silent", tmp_path)
    with pytest.raises(Problem, match="no track a1"):
        layout(name(asset, Leaf.DOWNLOAD, tracks=("v1", "a1")), asset)
