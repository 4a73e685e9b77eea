"""What a channel sent becomes a film: linked, sample for sample, for good; or refused with the place."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from base.arrival import Harvest
from node.clock import SteppedClock
from origin import extents
from origin.extents import MOST_FILES
from origin.harvest import gather
from packager.movie import read_movie
from packager.segmenter import Part
from tests.kit.live_media import ASC_44100, Studio, segments
from tests.kit.rtmp import ASC, AVCC
from tests.origin.conftest import Answer, Origin, running_origin
from tests.origin.test_channel import Desk, desk

__all__ = ["desk"]

BEGIN = 1_700_000_000


async def harvest(origin: Origin, start: float, end: float, title: str = "film", **changed: Any) -> Answer:
    wanted = Harvest(channel="studio", start_ms=round((BEGIN + start) * 1000), end_ms=round((BEGIN + end) * 1000))
    body = msgspec.json.encode(msgspec.structs.replace(wanted, **changed))
    return await origin.ask("PUT", f"/vod/{title}/harvest.json", data=body)


@pytest.fixture
async def parts(origin: Origin) -> list[Part]:
    studio = Studio()
    await origin.announce(studio)
    made = studio.run(10_000) + studio.finish()
    await origin.publish(made)
    return made


async def film(origin: Origin, track: str, title: str = "film") -> bytes:
    """The file of a track, as the on-demand profile of DASH names it."""
    edition = msgspec.json.decode((await origin.get(f"/vod/{title}/status.json")).body)["edition"]
    answer = await origin.get(f"/vod/{title}/{edition}/{track}/track.mp4")
    assert answer.status == 200, answer.text
    return answer.body


def samples(data: bytes) -> list[bytes]:
    (track,) = read_movie(memoryview(data)).tracks
    rows = track.columns.samples
    return [data[at : at + size] for at, size in zip(rows["offset"].tolist(), rows["size"].tolist(), strict=True)]


async def test_a_stretch_is_a_film_of_just_its_samples(origin: Origin, parts: list[Part]) -> None:
    answer = await harvest(origin, 2.5, 6)
    assert answer.status == 201, answer.text
    report = msgspec.json.decode(answer.body)
    assert abs(report["duration_ms"] - 4000) < 50 and [t["track"] for t in report["tracks"]] == ["v1", "a1"]
    assert report["notes"] == ["sent by channel studio from 2023-11-14T22:13:22Z"]
    sent = segments(parts)
    for track, init in Studio().inits.items():
        whole = init + b"".join(sent[track, BEGIN + n] for n in (2, 3, 4, 5))
        assert samples(await film(origin, track)) == samples(whole)
        kept = origin.data / "vod" / "film" / track / f"{BEGIN + 3}.m4s"
        assert kept.stat().st_nlink == 2  # the channel's own file
    for name in ("multivariant.m3u8", "multivariant-ts.m3u8", "manifest.mpd", "multivariant.m3u8?start=1"):
        assert (await origin.get(f"/vod/film/{name}")).status == 200
    for path in ("v1/0.m4s", "a1/0.m4s", "v1/0.ts", "download-v1-a1.mp4"):
        assert (await origin.get(f"/vod/film/{report['edition']}/{path}")).status == 200


async def test_sound_and_picture_stay_together(origin: Origin, parts: list[Part]) -> None:
    await harvest(origin, 3, 8)
    begins = {}
    for track in ("v1", "a1"):
        (one,) = read_movie(memoryview(await film(origin, track))).tracks
        begins[track] = int(one.columns.samples["dts"][0]) / one.format.timescale
        assert (np.diff(one.columns.samples["dts"]) > 0).all()
    assert abs(begins["v1"] - begins["a1"]) < 0.03


async def test_it_outlives_its_channel_and_a_restart(home: Path) -> None:
    studio = Studio()
    async with running_origin(home) as origin:
        await origin.announce(studio)
        await origin.publish(studio.run(6000) + studio.finish())
        assert (await harvest(origin, 1, 4)).status == 201
        before = await film(origin, "v1")
        assert (await origin.ask("DELETE", "/live/studio/status.json")).status == 204
        assert await film(origin, "v1") == before
    async with running_origin(home) as origin:
        assert await film(origin, "v1") == before
        (origin.data / "vod" / "film" / "mezzanine.idx").unlink()
    async with running_origin(home) as origin:  # the index is made anew of the segments
        assert await film(origin, "v1") == before
        assert (await origin.ask("DELETE", "/vod/film/status.json")).status == 204
        assert not (origin.data / "vod" / "film").exists()


async def test_a_process_without_mappings_lets_go_of_what_is_open(
    origin: Origin, parts: list[Part], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel's limit (vm.max_map_count) is the machine's, so it is put in its mouth here."""
    assert (await harvest(origin, 1, 4)).status == 201
    mapped, refused = extents.mapped, []

    def full(folder: Path, listed: extents.Extents) -> memoryview:
        if not refused:
            refused.append(folder)
            raise OSError(errno.ENOMEM, "no more mappings")
        return mapped(folder, listed)

    monkeypatch.setattr(extents, "mapped", full)
    assert (await harvest(origin, 1, 4, "second")).status == 201 and refused
    assert (await film(origin, "v1")) == (await film(origin, "v1", "second"))


async def test_what_is_no_film_is_refused_with_the_reason(home: Path) -> None:
    studio = Studio()
    async with running_origin(home, SteppedClock()) as origin:
        await origin.announce(studio)
        await origin.publish(studio.run(10_000) + studio.finish())
        await _refuses(origin)


async def _refuses(origin: Origin) -> None:
    for start, end, changed, status, says in (
        (-60, 5, {}, 410, "ask for a later start"),
        (5, 60, {}, 425, "not over yet"),
        (600, 660, {}, 425, "no whole segment"),
        (5, 5, {}, 400, "end must be after start"),
        (1, 4, {"channel": "other"}, 404, "no channel other"),
    ):
        answer = await harvest(origin, start, end, **changed)
        assert (answer.status, says in answer.detail) == (status, True), answer.text
    assert (await origin.ask("PUT", "/vod/film/harvest.json", data=b"{}")).status == 400
    assert os.listdir(origin.data / "vod") == os.listdir(origin.data / "incoming") == []
    assert (await harvest(origin, 1, 4)).status == 201
    assert (await harvest(origin, 1, 4)).status == 409


async def test_a_hole_and_another_encoder_are_told_of(origin: Origin) -> None:
    studio = Studio()
    await origin.announce(studio)
    await origin.publish(studio.run(4000) + studio.finish())
    studio.begin(next_number=BEGIN + 6, after_ms=2000)
    await origin.announce(studio)
    await origin.publish(studio.run(4000) + studio.finish())
    answer = await harvest(origin, 1, 9)
    assert answer.status == 422 and "from 2023-11-14T22:13:24Z to 2023-11-14T22:13:26Z" in answer.detail
    assert (await harvest(origin, 6, 9)).status == 201  # after it
    another = AVCC[:1] + b"\x4d" + AVCC[2:]  # another profile
    for at, asc, status, says in (
        (10, ASC, 422, "v1 was set up anew at 2023-11-14T22:13:30Z: harvest what is before or after"),
        (13, ASC_44100, 201, "a1 begins only at 2023-11-14T22:13:33Z"),
    ):
        other = Studio(start_ms=1000 * (BEGIN + at), avcc=another, asc=asc)
        other.sessions = 1
        other.begin(next_number=BEGIN + at)
        await origin.announce(other)
        await origin.publish(other.run(3000) + other.finish())
        answer = await harvest(origin, at - 2, at + 2, f"film{at}")
        assert answer.status == status and says in answer.text, answer.text


async def test_a_segment_that_a_silent_publisher_left_open_is_left_out(desk: Desk) -> None:
    await desk.announces()
    await desk.puts(*desk.studio.run(4500))
    desk.clock.advance(90_000)
    wanted = Harvest(channel="studio", start_ms=1000 * (BEGIN + 1), end_ms=1000 * (BEGIN + 10))
    gathered = gather({"studio": desk.channel}, wanted, desk.clock)
    for folder, made in zip(gathered.folders, gathered.lists, strict=True):
        assert len(made.files) == 4
        assert all((folder.parent / name).stat().st_size == size for name, size in made.files)


def test_a_stretch_of_too_many_segments_names_the_limit() -> None:
    assert MOST_FILES < 65_530
    with pytest.raises(Exception, match="no channel"):
        gather({}, Harvest(channel="x", start_ms=0, end_ms=1), SteppedClock())
