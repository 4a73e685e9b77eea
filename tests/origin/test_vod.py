"""On demand over HTTP, with films that FFmpeg made."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import struct
import subprocess
import urllib.parse
from pathlib import Path

import aiohttp
import msgspec
import pytest

from base.reports import AssetReport
from origin.assets import Assets
from packager.segment import segment
from tests.kit import fragments
from tests.kit.hls import read_media, read_multivariant
from tests.kit.media import Films
from tests.origin.conftest import Answer, Asker, Origin, OriginProcess, running_origin


async def puts(origin: Asker, name: str, film: bytes, query: str = "") -> Answer:
    return await origin.ask("PUT", f"/vod/{name}/mezzanine.mp4{query}", data=film)


async def reported(origin: Asker, name: str) -> AssetReport:
    return msgspec.json.decode((await origin.get(f"/vod/{name}/status.json")).body, type=AssetReport)


def left(origin: Origin) -> list[str]:
    return sorted(os.listdir(origin.data / "vod") + os.listdir(origin.data / "incoming"))


async def objects(origin: Asker, name: str) -> dict[str, Answer]:
    """Everything that the playlists and the manifest of an asset name, by path."""
    found: dict[str, Answer] = {}
    top = f"/vod/{name}/multivariant.m3u8"
    found[top] = await origin.get(top)
    playlists = {uri for uri in re.findall(r'^[^#\n]+$|URI="([^"]+)"', found[top].text, re.M) if uri}
    playlists |= {line for line in found[top].text.splitlines() if line and not line.startswith("#")}
    for uri in playlists:
        path = urllib.parse.urljoin(top, uri)
        found[path] = await origin.get(path)
        text = found[path].text
        uris = [line for line in text.splitlines() if line and not line.startswith("#")]
        for below in {*uris, *re.findall(r'URI="([^"]+)"', text)}:
            target = urllib.parse.urljoin(path, below)
            if target not in found:
                found[target] = await origin.get(target)
    found[f"/vod/{name}/manifest.mpd"] = await origin.get(f"/vod/{name}/manifest.mpd")
    return found


@pytest.mark.parametrize(
    "film", ["plain", "bframes", "ntsc", "edit-list", "co64", "two-languages", "silent", "fragmented"]
)
async def test_everything_that_is_listed_can_be_had(origin: Origin, films: Films, tmp_path: Path, film: str) -> None:
    body = films(film).read_bytes()
    answer = await puts(origin, "tour", body, "?target_ms=2000")
    assert answer.status == 201, answer.text
    report = msgspec.json.decode(answer.body, type=AssetReport)
    assert report == await reported(origin, "tour")
    assert (report.asset, report.bytes, report.target_ms, report.switchable) == ("tour", len(body), 2000, True)
    assert report.notes == () and abs(report.duration_ms - 8000) < 1300
    kinds = ["video", *(["audio"] * {"two-languages": 2, "silent": 0}.get(film, 1))]
    assert [track.kind for track in report.tracks] == kinds
    found = await objects(origin, "tour")
    assert {answer.status for answer in found.values()} == {200}
    assert len(found) > 2 + len(kinds) * (1 + report.segments)
    # the octets are those that the packager gives
    shutil.copytree(origin.data / "vod", tmp_path / "vod")
    asset = Assets(tmp_path / "vod").get("tour")
    for track in asset.plan.tracks:
        below = f"/vod/tour/{report.edition}/{track.track.name}"
        assert found[f"{below}/init-{asset.generations[track.track.name]}.mp4"].body == asset.inits[track.track.name]
        init = fragments.read_init(asset.inits[track.track.name])
        media = asset.media_of(track.track.name)
        for number in range(report.segments):
            made = segment(track, number)
            expected = made.head + b"".join(media[at : at + size] for at, size in made.ranges)
            served = found[f"{below}/{number}.m4s"]
            assert served.body == expected and int(served.headers["Content-Length"]) == made.length
            (fragment,) = fragments.read_fragments(served.body, init)
            assert fragment.samples and (track.track.format.kind == "audio" or fragment.starts_with_sync)


async def test_what_is_served_is_labelled(origin: Origin, films: Films) -> None:
    await puts(origin, "tour", films("plain").read_bytes())
    edition = (await reported(origin, "tour")).edition
    found = await objects(origin, "tour")
    year = "public, max-age=31536000, immutable"
    for path, answer in found.items():
        sort = {"m3u8": "application/vnd.apple.mpegurl", "mpd": "application/dash+xml", "m4s": "video/iso.segment"}
        assert answer.headers["Content-Type"] == sort.get(path.rpartition(".")[2], "video/mp4"), path
        assert answer.headers["Cache-Control"] == (year if f"/{edition}/" in path else "public, max-age=60"), path
        head = await origin.ask("HEAD", path)
        assert (head.status, head.body) == (200, b"")
        for field in ("Content-Length", "Content-Type", "Cache-Control", "ETag"):
            assert head.headers[field] == answer.headers[field], (path, field)
    assert len({answer.headers["ETag"] for answer in found.values()}) == len(found)
    sent = sum(len(answer.body) for path, answer in found.items() if path.endswith(".m4s"))
    assert origin.metric("origin_bytes", leaf="segment") == sent
    assert origin.metric("origin_assets") == 1


async def test_the_playlists_read_as_playlists(origin: Origin, films: Films) -> None:
    await puts(origin, "tour", films("feature").read_bytes())
    report = await reported(origin, "tour")
    top = (await origin.get("/vod/tour/multivariant.m3u8")).text
    for _, uri in read_multivariant(top):
        playlist = read_media((await origin.get(f"/vod/tour/{uri}")).text)
        assert playlist.ended and len(playlist.parsed.segments) == report.segments
        assert abs(sum(row.duration for row in playlist.parsed.segments) - report.duration_ms / 1000) < 0.1


@pytest.mark.parametrize("query, target_ms", [("", 4000), ("?target_ms=1000", 1000), ("?target_ms=20000", 20000)])
async def test_the_target_duration_is_given_or_the_settings(
    origin: Origin, films: Films, query: str, target_ms: int
) -> None:
    report = msgspec.json.decode(
        (await puts(origin, "tour", films("plain").read_bytes(), query)).body, type=AssetReport
    )
    assert report.target_ms == target_ms


@pytest.mark.parametrize("query", ["?target_ms=999", "?target_ms=20001", "?target_ms=-1", "?target_ms=2s"])
async def test_a_target_out_of_range_is_malformed(origin: Origin, query: str) -> None:
    assert (await puts(origin, "tour", b"x", query)).status == 400
    assert left(origin) == []


def truncated(films: Films) -> bytes:
    return films("plain").read_bytes()[:-20_000]


def without_moov(films: Films) -> bytes:
    film = films("bframes").read_bytes()  # moov comes last
    return film[: film.rindex(b"moov") - 4]


def cut_in_mdat(films: Films) -> bytes:
    return films("bframes").read_bytes()[:50_000]


REFUSALS = {
    "empty": (lambda films: b"", "the file is empty"),
    "not media": (lambda films: b"<html>not found</html>" * 500, "this is not an MP4 file"),
    "text": (lambda films: b"hello", "this is not an MP4 file"),
    "truncated": (truncated, "the file is truncated"),
    "no moov": (without_moov, "the file has no index (moov)"),
    "cut in mdat": (cut_in_mdat, "the file is truncated"),
    "codec": (lambda films: films("mpeg4-visual").read_bytes(), "mp4v"),
}


@pytest.mark.parametrize("case", REFUSALS)
async def test_a_refusal_says_why_and_changes_nothing(origin: Origin, films: Films, case: str) -> None:
    make, says = REFUSALS[case]
    answer = await puts(origin, "tour", make(films))
    if case == "codec" and answer.status == 201:  # its audio is playable
        assert any(says in note for note in msgspec.json.decode(answer.body, type=AssetReport).notes)
        return
    assert answer.status == 422 and says in answer.detail, answer.text
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert left(origin) == [] and (await origin.get("/vod/tour/status.json")).status == 404
    assert origin.metric("origin_refused", kind="unplayable") == 1
    assert (await puts(origin, "tour", films("plain").read_bytes())).status == 201  # the name is still free


async def test_a_film_without_keyframes_is_refused_with_the_place(origin: Origin, tmp_path: Path, films: Films) -> None:
    films("plain")  # skips where there is no FFmpeg
    film = tmp_path / "long.mp4"
    options = "-v error -f lavfi -i testsrc2=size=64x64:rate=5:duration=40 -c:v libx264 -preset ultrafast -g 999"
    subprocess.run(["ffmpeg", *options.split(), "-keyint_min", "999", "-sc_threshold", "0", str(film)], check=True)
    answer = await puts(origin, "tour", film.read_bytes())
    assert answer.status == 422 and "keyframe" in answer.detail and left(origin) == []


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_client_that_dies_half_way_leaves_nothing(origin: Origin, films: Films, chunked: bool) -> None:
    film = films("plain").read_bytes()
    reader, writer = await asyncio.open_unix_connection(origin.ctx.home.socket("origin", door="media"))
    half = film[: len(film) // 2]
    if chunked:
        head = b"PUT /vod/tour/mezzanine.mp4 HTTP/1.1\r\nHost: o\r\nTransfer-Encoding: chunked\r\n\r\n"
        writer.write(head + b"%x\r\n" % len(half) + half + b"\r\n")
    else:
        head = b"PUT /vod/tour/mezzanine.mp4 HTTP/1.1\r\nHost: o\r\nContent-Length: %d\r\n\r\n"
        writer.write(head % len(film) + half)
    await writer.drain()
    incoming = origin.data / "incoming"
    await origin.until(lambda: sum(path.stat().st_size for path in incoming.glob("*/*")))
    writer.close()
    await origin.until(lambda: not os.listdir(incoming))
    assert left(origin) == []
    # it is theirs, not ours: no fault is counted
    assert origin.metric("http_problems", role="origin", kind="fault") == 0
    assert (await puts(origin, "tour", film)).status == 201
    await reader.read()


async def test_a_name_that_is_taken_is_refused_before_the_file_is_sent(origin: Origin, films: Films) -> None:
    film = films("plain").read_bytes()
    assert (await puts(origin, "tour", film)).status == 201
    edition = (await reported(origin, "tour")).edition
    reader, writer = await asyncio.open_unix_connection(origin.ctx.home.socket("origin", door="media"))
    writer.write(b"PUT /vod/tour/mezzanine.mp4 HTTP/1.1\r\nHost: o\r\nContent-Length: 99999999999\r\n\r\nbeginning")
    assert b" 409 " in await asyncio.wait_for(reader.readline(), 10)
    writer.close()
    answer = await puts(origin, "tour", films("bframes").read_bytes())
    assert answer.status == 409 and "choose another name" in answer.detail
    assert (await reported(origin, "tour")).edition == edition and left(origin) == ["tour"]


async def test_of_two_puts_of_one_name_at_once_one_wins_whole(origin: Origin, films: Films) -> None:
    answers = await asyncio.gather(*(puts(origin, "tour", films(film).read_bytes()) for film in ("plain", "bframes")))
    assert sorted(answer.status for answer in answers) == [201, 409]
    winner = next(answer for answer in answers if answer.status == 201)
    assert await reported(origin, "tour") == msgspec.json.decode(winner.body, type=AssetReport)
    assert {answer.status for answer in (await objects(origin, "tour")).values()} == {200}
    assert left(origin) == ["tour"]


async def test_what_is_not_there_says_how_long_it_will_not_be(origin: Origin, films: Films) -> None:
    answer = await origin.get("/vod/tour/multivariant.m3u8")
    assert (answer.status, answer.headers["Cache-Control"]) == (404, "public, max-age=2")
    await puts(origin, "tour", films("plain").read_bytes())
    edition = (await reported(origin, "tour")).edition
    for name, status, cache in (
        ("0123abcd/v1/media.m3u8", 410, "no-store"),
        ("0123abcd/v1/0.m4s", 410, "no-store"),
        (f"{edition}/v9/media.m3u8", 404, "public, max-age=2"),
        (f"{edition}/v9/0.m4s", 404, "public, max-age=2"),
        (f"{edition}/v1/99.m4s", 404, "public, max-age=2"),
        (f"{edition}/v1/init-00112233.mp4", 404, "public, max-age=2"),
        (f"{edition}/v9/init-00112233.mp4", 404, "public, max-age=2"),
    ):
        answer = await origin.get(f"/vod/tour/{name}")
        assert (answer.status, answer.headers["Cache-Control"]) == (status, cache), name
    for name in ("mezzanine.mp4", "session.json"):
        assert (await origin.get(f"/vod/tour/{name}")).status == 404
    for name in (f"{edition}/v1/0.m4s", "multivariant.m3u8"):
        for method in ("PUT", "DELETE"):
            assert (await origin.ask(method, f"/vod/tour/{name}", data=b"x")).status == 405


async def test_an_asset_planned_anew_has_another_edition(home: Path, films: Films) -> None:
    film = films("plain").read_bytes()
    async with running_origin(home, drain__seconds=1) as origin:
        await puts(origin, "tour", film)
        first = (await reported(origin, "tour")).edition
        assert (await origin.ask("DELETE", "/vod/tour/status.json")).status == 204
        assert (await origin.get(f"/vod/tour/{first}/v1/0.m4s")).status == 404
        await puts(origin, "tour", film, "?target_ms=1000")
        second = (await reported(origin, "tour")).edition
        assert second != first
        answer = await origin.get(f"/vod/tour/{first}/v1/0.m4s")
        assert (answer.status, answer.headers["Cache-Control"]) == (410, "no-store")
    async with running_origin(home, drain__seconds=1) as origin:
        assert (await reported(origin, "tour")).edition == second


async def test_an_asset_that_is_removed_while_it_is_sent_is_sent_whole(
    origin: Origin, tmp_path: Path, films: Films
) -> None:
    film = stretched(films("silent").read_bytes(), 40_000)
    assert (await puts(origin, "tour", film, "?target_ms=20000")).status == 201
    path = f"/vod/tour/{(await reported(origin, 'tour')).edition}/v1/0.m4s"
    whole = (await origin.get(path)).body
    assert len(whole) > 5_000_000  # more than sockets hold
    async with origin.client.get(f"http://origin{path}") as answer:
        assert answer.status == 200
        first = await answer.content.readexactly(1000)
        assert (await origin.ask("DELETE", "/vod/tour/status.json")).status == 204
        assert first + await answer.content.read() == whole
    assert left(origin) == [] and (await origin.get(path)).status == 404


def stretched(film: bytes, size: int) -> bytes:
    """A film of one track, moov last, whose samples are `size` octets each: stsz and stco are written anew in place."""
    data = bytearray(film)
    moov = data.rindex(b"moov") - 4
    mdat = data.index(b"mdat") - 4
    head, tail = data[:mdat], data[moov:]
    stsz, stco, stsc = (tail.index(name) for name in (b"stsz", b"stco", b"stsc"))
    count = struct.unpack_from(">I", tail, stsz + 12)[0]
    struct.pack_into(f">{count}I", tail, stsz + 16, *[size] * count)
    runs = struct.unpack_from(">I", tail, stsc + 8)[0]
    table = [struct.unpack_from(">3I", tail, stsc + 12 + 12 * run) for run in range(runs)]
    chunks = struct.unpack_from(">I", tail, stco + 8)[0]
    at = len(head) + 8
    for chunk in range(chunks):
        struct.pack_into(">I", tail, stco + 12 + 4 * chunk, at)
        at += size * next(per for first, per, _ in reversed(table) if first <= chunk + 1)
    body = b"".join(number.to_bytes(4, "big") * (size // 4) for number in range(count))
    return bytes(head) + struct.pack(">I4s", 8 + len(body), b"mdat") + body + bytes(tail)


def resident(pid: int) -> int:
    """Octets that a process holds in memory of its own: mapped files do not count."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"RssAnon:\s+(\d+) kB", status)[1]) << 10  # type: ignore[index]


async def test_a_large_film_is_not_held_in_memory(process: OriginProcess, films: Films) -> None:
    film = stretched(films("silent").read_bytes(), 600_000)
    assert len(film) > 110_000_000
    asker = await process.starts()
    await asker.get("/healthz")
    before = resident(process.pid)
    assert (await puts(asker, "tour", film, "?target_ms=2000")).status == 201
    report = await reported(asker, "tour")
    received = resident(process.pid)
    most = 0
    for round in range(2):
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(read_through(asker, f"/vod/tour/{report.edition}/v1/{number}.m4s"))
                for number in range(report.segments)
            ]
        assert sum(task.result() for task in tasks) > len(film) - 1_000_000, round
        most = max(most, resident(process.pid))
    print(f"memory of its own: {before >> 20} MB, after PUT {received >> 20} MB, after GET {most >> 20} MB")
    assert most - before < 60_000_000


async def read_through(asker: Asker, path: str) -> int:
    count = 0
    async with asker.client.get(f"http://origin{path}", timeout=aiohttp.ClientTimeout(total=60)) as answer:
        assert answer.status == 200
        async for block in answer.content.iter_any():
            count += len(block)
    return count


async def test_many_assets_are_served_by_an_origin_that_keeps_few_open(origin: Origin, films: Films) -> None:
    film = films("plain").read_bytes()
    for at in range(12):
        assert (await puts(origin, f"film{at}", film)).status == 201
    answers = await asyncio.gather(
        *(origin.get(f"/vod/film{at % 12}/multivariant.m3u8") for at in range(120)),
    )
    assert {answer.status for answer in answers} == {200}


async def test_an_index_that_was_damaged_while_the_origin_was_down_is_made_anew(home: Path, films: Films) -> None:
    async with running_origin(home, drain__seconds=1) as origin:
        await puts(origin, "tour", films("bframes").read_bytes())
        before = {path: answer.body for path, answer in (await objects(origin, "tour")).items()}
    path = home / "data" / "origin" / "vod" / "tour" / "mezzanine.idx"
    kept = path.read_bytes()
    path.write_bytes(kept[:-100] + bytes((kept[-100] ^ 0xFF,)) + kept[-99:])
    async with running_origin(home, drain__seconds=1) as origin:
        assert {path: answer.body for path, answer in (await objects(origin, "tour")).items()} == before
    assert path.read_bytes() == kept


async def test_pictures_of_trick_play_are_segments(origin: Origin, films: Films) -> None:
    await puts(origin, "tour", films("bframes").read_bytes(), "?target_ms=2000")
    edition = (await reported(origin, "tour")).edition
    whole, alone = [await origin.get(f"/vod/tour/{edition}/v1/1.{end}") for end in ("m4s", "i.m4s")]
    assert alone.status == 200 and 0 < len(alone.body) < len(whole.body)
    assert alone.headers["ETag"] != whole.headers["ETag"] and alone.headers["Content-Type"] == "video/iso.segment"
    assert alone.body[-100:] in whole.body
    for name in ("v1/99.i.m4s", "a1/0.i.m4s"):
        assert (await origin.get(f"/vod/tour/{edition}/{name}")).status == 404
    assert (await origin.get("/vod/tour/manifest-number.mpd")).status == 200
