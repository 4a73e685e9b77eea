"""Pictures over HTTP: the origin in this process, the decoder in one of its own, films that FFmpeg made."""

from __future__ import annotations

import asyncio
import json
import re
import struct
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from base.reports import AssetReport
from node.clock import SteppedClock
from packager.index import FileKey, build
from packager.movie import read_movie
from tests.kit.live_media import Studio
from tests.kit.media import Films
from tests.kit.pictures import (
    NumberedStudio,
    PicturesProcess,
    Pixels,
    difference,
    frame_at,
    numbered_film,
    pixels,
    second_of,
    size_of,
)
from tests.origin.conftest import Origin, live, running_origin
from tests.origin.test_vod import puts

CUE = re.compile(r"(\S+) --> (\S+)\n(\S+?)(?:#xywh=(\d+),(\d+),(\d+),(\d+))?\n")


@pytest.fixture(scope="module")
def numbered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return numbered_film(tmp_path_factory.mktemp("films") / "numbered.mp4")


@pytest.fixture
async def decoder(home: Path) -> AsyncIterator[PicturesProcess]:
    process = PicturesProcess(home)
    await process.starts()
    yield process
    await process.ends()


@pytest.fixture
async def origin(home: Path, decoder: PicturesProcess) -> AsyncIterator[Origin]:
    async with running_origin(home, drain__seconds=1, pictures__on=True) as origin:
        yield origin


async def added(origin: Origin, film: Path, name: str = "film") -> str:
    """The path below which the asset's tracks are."""
    answer = await puts(origin, name, film.read_bytes())
    assert answer.status == 201, answer.text
    return f"/vod/{name}/{msgspec.json.decode(answer.body, type=AssetReport).edition}"


def seconds(stamp: str) -> float:
    hours, minutes, rest = stamp.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(rest)


@pytest.mark.parametrize("name", ["bframes", "ntsc", "irregular", "hevc-ac3", "av1-opus"])
async def test_a_picture_is_that_of_the_last_keyframe(origin: Origin, films: Films, name: str) -> None:
    film = films(name)
    below = await added(origin, film)
    for ms, keyframe in {
        "bframes": ((0, 0), (1999, 0), (2000, 2), (7999, 6)),
        "ntsc": ((2001, 0), (2002, 2.002)),  # a keyframe counts as of the ms in which it lies
        "irregular": ((5300, 5.2), (8900, 5.6), (9000, 9)),
        "hevc-ac3": ((1999, 0), (2000, 2)),
        "av1-opus": ((2500, 2),),
    }[name]:
        answer = await origin.get(f"{below}/v1/picture-{ms}-320.jpg")
        assert (answer.status, answer.headers["Content-Type"]) == (200, "image/jpeg"), answer.text
        assert "immutable" in answer.headers["Cache-Control"]
        assert size_of(answer.body) == (320, 180)
        assert difference(pixels(answer.body), frame_at(film, keyframe, 320, 180)) < 2.5, ms
        assert difference(pixels(answer.body), frame_at(film, keyframe + 0.2, 320, 180)) > 5, "frames can be told apart"


async def test_a_picture_keeps_its_shape_and_is_never_made_larger(origin: Origin, tmp_path: Path) -> None:
    film = numbered_film(tmp_path / "f.mp4", seconds=2, size="320x240", options=("-aspect", "16:9"))
    below = await added(origin, film)
    answers = {width: await origin.get(f"{below}/v1/picture-1000-{width}.webp") for width in (160, 320, 640)}
    assert {width: size_of(answer.body) for width, answer in answers.items()} == {
        160: (160, 90), 320: (320, 180), 640: (427, 240),
    }  # fmt: skip
    assert answers[160].headers["Content-Type"] == "image/webp"
    assert second_of(pixels(answers[640].body)) == 1


async def test_a_sheet_has_each_cell_in_its_place(origin: Origin, numbered: Path) -> None:
    below = await added(origin, numbered)
    vtt = (await origin.get(f"{below}/v1/thumbnails.vtt")).text
    cues = CUE.findall(vtt)
    assert vtt.startswith("WEBVTT\n\n") and len(cues) == 12
    body = (await origin.get(f"{below}/v1/{cues[0][2]}")).body
    sheet = pixels(body)
    assert sheet.shape == (5 * 90, 5 * 160, 3)
    for start, end, file, x, y, w, h in cues:
        assert file == cues[0][2] and seconds(end) - seconds(start) == pytest.approx(1, abs=0.05)
        cell = sheet[int(y) : int(y) + int(h), int(x) : int(x) + int(w)]
        assert cell.shape == (90, 160, 3)
        assert second_of(cell) == int(seconds(start))
        alone = await origin.get(f"{below}/v1/picture-{int(seconds(start) * 1000)}-160.jpg")
        assert difference(pixels(alone.body), cell) < 2
    assert second_of(sheet[2 * 90 : 3 * 90, 2 * 160 : 3 * 160]) == -1, "behind the end there is nothing"


async def test_what_playlist_and_manifest_name_is_there(origin: Origin, numbered: Path) -> None:
    below = await added(origin, numbered)
    top = (await origin.get("/vod/film/multivariant.m3u8")).text
    line = next(line for line in top.splitlines() if line.startswith("#EXT-X-IMAGE-STREAM-INF:"))
    uri = re.search(r'URI="([^"]+)"', line)
    assert uri and "RESOLUTION=160x90,CODECS" not in line and "RESOLUTION=160x90" in line
    images = await origin.get(f"/vod/film/{uri[1]}")
    assert "#EXT-X-IMAGES-ONLY" in images.text
    assert "#EXT-X-TILES:RESOLUTION=160x90,LAYOUT=5x5,DURATION=1\n" in images.text
    (tile,) = [line for line in images.text.splitlines() if line and not line.startswith("#")]
    assert (await origin.get(f"{below}/v1/{tile}")).status == 200
    manifest = (await origin.get("/vod/film/manifest.mpd")).text
    template = re.search(r'media="([^"]+tiles[^"]+)"', manifest)
    assert template
    assert (await origin.get("/vod/film/" + template[1].replace("$Number$", "0"))).status == 200


@pytest.mark.parametrize(
    ("file", "status"),
    [
        ("picture-0-161.jpg", 404),  # no such width
        ("picture-12100-160.jpg", 404),
        ("tiles-1000-5x5-160-1.jpg", 404),
        ("tiles-1000-4x4-160-0.jpg", 410),  # another layout
        ("waveform-0.json", 404),  # of a picture
    ],
)
async def test_a_viewer_cannot_have_other_sizes_made(origin: Origin, numbered: Path, file: str, status: int) -> None:
    below = await added(origin, numbered)
    answer = await origin.get(f"{below}/v1/{file}")
    assert answer.status == status and answer.detail
    assert origin.metric("origin_pictures", outcome="made") == 0


async def test_many_who_ask_at_once_cost_one_decode_and_a_restart_none(
    home: Path, decoder: PicturesProcess, numbered: Path
) -> None:
    async with running_origin(home, drain__seconds=1, pictures__on=True) as origin:
        below = await added(origin, numbered)
        answers = await asyncio.gather(*(origin.get(f"{below}/v1/picture-{3000 + k}-320.jpg") for k in range(40)))
        assert {answer.status for answer in answers} == {200} and len({answer.body for answer in answers}) == 1
        assert origin.metric("origin_pictures", outcome="made") == 1, "all are of one keyframe"
    await decoder.ends()
    async with running_origin(home, drain__seconds=1, pictures__on=True) as origin:
        again = await origin.get(f"{below}/v1/picture-3000-320.jpg")
        assert again.body == answers[0].body and origin.metric("origin_pictures", outcome="kept") == 1
        await origin.ask("DELETE", "/vod/film/status.json")
        assert not list((origin.data / "pictures").iterdir()), "what is gone leaves no pictures"


async def test_a_decoder_that_is_killed_costs_a_503_and_nothing_else(
    origin: Origin, decoder: PicturesProcess, numbered: Path
) -> None:
    below = await added(origin, numbered)
    await decoder.ends()
    answer = await origin.get(f"{below}/v1/picture-0-160.jpg")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
    assert (await origin.get(f"{below}/v1/media.m3u8")).status == 200
    await decoder.starts()
    assert (await origin.get(f"{below}/v1/picture-0-160.jpg")).status == 200


async def test_a_decoder_that_is_killed_at_work_is_not_asked_for_ever(home: Path, numbered: Path) -> None:
    """A server that takes orders and dies over each of them stands in for a decoder that crashes."""
    orders = 0

    async def crash(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal orders
        await reader.readuntil(b"\r\n\r\n")
        orders += 1
        writer.transport.abort()

    async with running_origin(home, drain__seconds=1, pictures__on=True) as origin:
        below = await added(origin, numbered)
        server = await asyncio.start_unix_server(crash, origin.ctx.home.socket("pictures"))
        async with server:
            statuses = [(await origin.get(f"{below}/v1/picture-0-160.jpg")).status for _ in range(4)]
            assert statuses == [503, 503, 422, 422] and orders == 2
            assert (await origin.get(f"{below}/v1/picture-5000-160.jpg")).status == 503, "another one is tried"


async def test_a_flood_is_refused_and_what_is_played_is_served(home: Path, numbered: Path) -> None:
    """A decoder that never answers: at most 64 orders wait, the rest is told to come again."""
    arrived = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.set()
        await reader.read()
        writer.close()

    async with running_origin(
        home, drain__seconds=1, pictures__on=True, pictures__widths=" ".join(map(str, range(16, 24)))
    ) as origin:
        below = await added(origin, numbered)
        server = await asyncio.start_unix_server(silent, origin.ctx.home.socket("pictures"))
        async with server, asyncio.TaskGroup() as group:
            asks = [
                group.create_task(origin.get(f"{below}/v1/picture-{1000 * second}-{width}.jpg"))
                for second in range(12)
                for width in range(16, 24)
            ]
            await arrived.wait()
            await origin.until(lambda: sum(ask.done() for ask in asks) == 96 - 64)
            assert {ask.result().status for ask in asks if ask.done()} == {503}
            assert (await origin.get(f"{below}/v1/0.m4s")).status == 200
            for ask in asks:
                ask.cancel()


async def test_a_damaged_keyframe_is_told(origin: Origin, numbered: Path) -> None:
    film = bytearray(numbered.read_bytes())
    mdat = film.index(b"mdat")
    film[mdat + 900 : mdat + 1800] = bytes(900)
    below = await added(origin, numbered)
    assert (await origin.get(f"{below}/v1/picture-0-160.jpg")).status == 200
    answer = await puts(origin, "broken", bytes(film))
    edition = msgspec.json.decode(answer.body, type=AssetReport).edition
    got = await origin.get(f"/vod/broken/{edition}/v1/picture-0-160.jpg")
    assert got.status in (200, 422), "a picture with faults, or none with a reason"
    assert (await origin.get("/vod/broken/status.json")).status == 200


async def test_a_poster_shows_something(origin: Origin, tmp_path: Path) -> None:
    """Black at 10 %: the next try is taken."""
    film = tmp_path / "late.mp4"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=black:size=320x180:rate=25:duration=4", "-f", "lavfi",
         "-i", "testsrc2=size=320x180:rate=25:duration=8", "-filter_complex", "[0][1]concat=n=2", "-c:v", "libx264",
         "-pix_fmt", "yuv420p", "-g", "25", "-sc_threshold", "0", str(film)],
        check=True,
    )  # fmt: skip
    await added(origin, film)
    answer = await origin.get("/vod/film/poster.jpg")
    assert answer.status == 200 and answer.headers["Cache-Control"] == "public, max-age=60"
    assert pixels(answer.body).std() > 20


async def test_peaks_are_loud_where_the_film_is(origin: Origin, numbered: Path) -> None:
    """A beep in the first quarter of each second."""
    below = await added(origin, numbered)
    found = json.loads((await origin.get(f"{below}/a1/waveform-0.json")).body)
    assert (found["version"], found["channels"], found["bits"]) == (2, 1, 8)
    assert (found["sample_rate"], found["samples_per_pixel"]) == (48000, 512)
    assert found["length"] * 2 == len(found["data"])
    assert found["length"] == pytest.approx(12 * 48000 / 512, abs=6)
    least, greatest = np.array(found["data"]).reshape(-1, 2).T
    at = (np.arange(found["length"]) + 0.5) * 512 / 48000 % 1
    assert greatest[(at > 0.03) & (at < 0.22)].min() > 30 and least[(at > 0.03) & (at < 0.22)].max() < -30
    assert greatest[(at > 0.3) & (at < 0.97)].max() < 6
    dat = await origin.get(f"{below}/a1/waveform-0.dat")
    assert dat.headers["Content-Type"] == "application/octet-stream"
    assert struct.unpack_from("<iIiiIi", dat.body) == (2, 1, 48000, 512, found["length"], 1)
    assert np.frombuffer(dat.body, np.int8, offset=24).tolist() == found["data"]
    assert (await origin.get(f"{below}/a1/waveform-1.json")).status == 404


class SoundingStudio(Studio):
    """A publisher whose sound is that of a numbered film: a beep in the first quarter of each second."""

    def __init__(self, film: Path) -> None:
        data = memoryview(film.read_bytes())
        rows = build(read_movie(data), FileKey(1, 1, 1)).audio[0].samples
        self._frames = [bytes(data[at : at + size]) for at, size in zip(rows["offset"], rows["size"], strict=True)]
        super().__init__(tracks=("a1",), asc=bytes.fromhex("1188"))

    def sample(self, track: str, dts: int, sync: bool) -> bytes:
        return self._frames[(dts - 48 * 1_700_000_000_000) // 1024]


async def test_the_sound_of_a_channel_has_peaks_segment_by_segment(origin: Origin, numbered: Path) -> None:
    studio = SoundingStudio(numbered)
    await origin.announce(studio)
    await origin.publish(studio.run(8500))
    first = 1_700_000_000
    for number in range(first, first + 8):
        answer = await origin.get(live(f"a1/waveform-{number}.json"))
        assert answer.status == 200 and "immutable" in answer.headers["Cache-Control"], answer.text
        found = json.loads(answer.body)
        assert found["sample_rate"] == 48000 and found["length"] in (92, 94, 96)  # frames of 1024 in a second
        least, greatest = np.array(found["data"]).reshape(-1, 2).T
        begin = -(-number * 48000 // 1024) * 1024 / 48000 - number  # of the first frame, in its second
        at = (np.arange(found["length"]) + 0.5) * 512 / 48000 + begin
        loud, quiet = (at > 0.06) & (at < 0.22), (at > 0.33) & (at < 0.97)
        assert greatest[loud].min() > 30 and least[loud].max() < -30 and greatest[quiet].max() < 6, number
    dat = await origin.get(live(f"a1/waveform-{first}.dat"))
    assert struct.unpack_from("<iIiiIi", dat.body)[:4] == (2, 1, 48000, 512)
    statuses = [(await origin.get(live(f"a1/waveform-{number}.json"))).status for number in (first - 1, first + 8)]
    assert statuses == [410, 425]


async def test_pictures_of_protected_films_are_shown_only_if_they_may_be(
    home: Path, decoder: PicturesProcess, numbered: Path
) -> None:
    async with running_origin(home, drain__seconds=1, pictures__on=True) as origin:
        await added(origin, numbered)
        refused = await origin.get("/~cbcs/vod/film/poster.jpg")
        assert refused.status == 403 and "pictures.protected" in refused.detail
        assert "tiles" not in (await origin.get("/~cbcs/vod/film/manifest.mpd")).text
    async with running_origin(home, drain__seconds=1, pictures__on=True, origin__clear=False) as origin:
        assert (await origin.get("/vod/film/poster.jpg")).status == 403
    async with running_origin(
        home, drain__seconds=1, pictures__on=True, origin__clear=False, pictures__protected=True
    ) as origin:
        assert (await origin.get("/vod/film/poster.jpg")).status == 200
        manifest = (await origin.get("/~cbcs/vod/film/manifest.mpd")).text
        template = re.search(r'media="([^"]+tiles[^"]+)"', manifest)
        assert template
        assert (await origin.get("/~cbcs/vod/film/" + template[1].replace("$Number$", "0"))).status == 200


async def test_without_the_setting_there_are_none(home: Path, numbered: Path) -> None:
    async with running_origin(home, drain__seconds=1) as origin:
        below = await added(origin, numbered)
        assert (await origin.get(f"{below}/v1/picture-0-160.jpg")).status == 404
        assert "IMAGE" not in (await origin.get("/vod/film/multivariant.m3u8")).text
        assert "tiles" not in (await origin.get("/vod/film/manifest.mpd")).text


def cell_of(sheet: Pixels, x: str, y: str, w: str, h: str) -> Pixels:
    return sheet[int(y) : int(y) + int(h), int(x) : int(x) + int(w)]


@pytest.fixture
async def unhurried(home: Path, decoder: PicturesProcess) -> AsyncIterator[Origin]:
    """Its clock stands, so no channel stalls however long decoding takes."""
    async with running_origin(home, SteppedClock(), drain__seconds=1, pictures__on=True) as origin:
        yield origin


async def test_the_window_of_a_channel_has_pictures(unhurried: Origin, numbered: Path) -> None:
    """Cells of 10 s in rows of 5: after 118 s there are two sheets, and single pictures for what follows."""
    origin = unhurried
    studio = NumberedStudio(numbered, grid_ms=2000, part_ms=500, window_s=200, start_ms=1_700_000_004_000)
    await origin.announce(studio)
    assert (await origin.get("/live/studio/poster.jpg")).status == 404
    begin = studio.now_ms
    await origin.publish(studio.run(118_000))
    cues = CUE.findall((await origin.get(live("v1/thumbnails.vtt"))).text)
    assert [round(seconds(start) * 1000) for start, *_ in cues] == [begin + 10_000 * k for k in range(12)]
    files = list(dict.fromkeys(file for _, _, file, *_ in cues))
    assert len(files) == 4 and files[2:] == [f"picture-{begin + at}-160.jpg" for at in (100_000, 110_000)]
    for start, _, file, *place in cues:
        answer = await origin.get(live(f"v1/{file}"))
        assert (answer.status, answer.headers["Content-Type"]) == (200, "image/jpeg"), answer.text
        assert "immutable" in answer.headers["Cache-Control"]
        sheet = pixels(answer.body)
        cell = cell_of(sheet, *place) if place[0] else sheet
        assert second_of(cell) == round(seconds(start)) % 12
    assert (await origin.get("/live/studio/poster.jpg")).headers["Cache-Control"] == "public, max-age=1"
    manifest = (await origin.get("/live/studio/manifest.mpd")).text
    template = re.search(r'media="([^"]+tiles[^"]+)"', manifest)
    assert template and 'duration="2000" startNumber="0"' in manifest
    for number in (0, 31, 57):
        answer = await origin.get("/live/studio/" + template[1].replace("$Number$", str(number)))
        assert second_of(pixels(answer.body)) == (begin // 1000 + 2 * number) % 12, answer.body

    ahead = files[1].replace("-1.jpg", "-2.jpg")
    statuses = {
        file: (await origin.get(live(f"v1/{file}"))).status
        for file in (ahead, f"picture-{begin + 119_000}-160.jpg", f"picture-{begin - 1}-160.jpg", "picture-0-99.jpg")
    }
    assert list(statuses.values()) == [425, 425, 410, 404], statuses
    await origin.publish(studio.run(28_000))
    async with asyncio.TaskGroup() as group:
        held = group.create_task(origin.get(live(f"v1/{ahead}")))
        await origin.until(lambda: origin.metric("origin_held") == 1)
        await origin.publish(studio.run(6_000))
    assert held.result().status == 200, "a sheet whose last segment is on its way is waited for"


async def test_a_sheet_of_a_channel_stays_what_it_is_until_it_leaves_the_window(
    home: Path, decoder: PicturesProcess, numbered: Path
) -> None:
    studio = NumberedStudio(numbered, grid_ms=2000, part_ms=2000, window_s=80, start_ms=1_700_000_004_000)
    async with running_origin(home, drain__seconds=1, pictures__on=True) as origin:
        await origin.announce(studio)
        await origin.publish(studio.run(56_000))
        run = studio.now_ms // 2000 - 28
        first = live(f"v1/tiles-10000-5x1-160-{run}-0.jpg")
        before = await origin.get(first)
        assert before.status == 200
    async with running_origin(home, drain__seconds=1, pictures__on=True) as origin:  # the journal knows the run
        assert (await origin.get(first)).body == before.body
        assert origin.metric("origin_pictures", outcome="kept") == 1
        studio.begin(next_number=0, after_ms=20_000)
        await origin.announce(studio)
        await origin.publish(studio.run(30_000))
        last = await origin.get(live(f"v1/tiles-10000-5x1-160-{run}-1.jpg"))
        assert last.status == 200, "its run is over: what is there is all that will be"
        assert [second_of(pixels(last.body)[:, x : x + 160]) for x in range(0, 800, 160)][1:] == [-1] * 4
        assert (await origin.get(first)).status == 410, "its beginning has left the window"
