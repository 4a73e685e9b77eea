"""Playlists and manifests of a channel over HTTP: what is held and woken, and with which lifetime."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from lxml import etree

from base import lifetimes
from base.uris import init_file
from node.clock import SteppedClock, SystemClock
from tests.kit.hls import read_media
from tests.kit.live_media import Studio, segments
from tests.origin.conftest import Origin, live, running_origin
from tests.origin.stage import Stage, cache


@pytest.fixture
async def stage(origin: Origin) -> Stage:
    made = Stage(origin, Studio())
    await made.has(4500)
    assert made.hint[1] == 2
    return made


async def test_a_playlist_lists_what_came(stage: Stage) -> None:
    for track in ("v1", "a1"):
        answer = await stage.origin.playlist(track)
        assert answer.status == 200 and answer.headers["Content-Type"] == "application/vnd.apple.mpegurl"
        playlist = read_media(answer.text)
        whole = [n for name, n in segments(stage.parts) if name == track]
        assert [row.uri for row in playlist.parsed.segments if row.uri] == [f"{n}.m4s" for n in whole]
    assert 'EXT-X-PRELOAD-HINT:TYPE=PART,URI="{}.{}.m4s"'.format(*stage.hint) in (await stage.origin.playlist()).text


@pytest.mark.rule(
    "RFC 8216bis 6.2.5.2", "a blocking request for a part is held until that part or a later one is listed"
)
async def test_a_blocking_reload_is_woken_by_its_part(stage: Stage) -> None:
    number, part = stage.hint
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(stage.origin.playlist("v1", f"?_HLS_msn={number}&_HLS_part={part}"))
        await stage.held()
        await stage.goes_on("a1")  # another track's media is not what it waits for
        await asyncio.sleep(0)
        assert not asking.done()
        await stage.goes_on()
        answer = await asking
    assert answer.status == 200 and f'URI="{number}.{part}.m4s"' in answer.text
    await stage.held(0)


@pytest.mark.rule("RFC 8216bis 6.2.5.2", "a blocking request without a part is held until the whole segment is listed")
async def test_a_blocking_reload_is_woken_by_its_segment(stage: Stage) -> None:
    number, _ = stage.hint
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(stage.origin.playlist("v1", f"?_HLS_msn={number}"))
        await stage.held()
        while not (await stage.goes_on()).note.last:
            assert not asking.done()
        assert f"\n{number}.m4s" in (await asking).text


@pytest.mark.rule("RFC 8216bis 6.2.5.2", "a part past the last of its segment means the first of the next")
async def test_a_part_past_the_end_is_the_next_segments_first(stage: Stage) -> None:
    number, part = stage.hint
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(stage.origin.playlist("v1", f"?_HLS_msn={number}&_HLS_part={part + 5}"))
        await stage.held()
        while stage.hint[0] == number:
            await stage.goes_on()
        assert not asking.done()
        await stage.goes_on()
        assert f'URI="{number + 1}.0.m4s"' in (await asking).text


async def test_what_is_there_already_is_answered_at_once(stage: Stage) -> None:
    number, _ = stage.hint
    for query in (f"?_HLS_msn={number - 3}", f"?_HLS_msn={number}&_HLS_part=0", "?_HLS_msn=1&_HLS_part=7"):
        assert (await stage.origin.playlist("v1", query)).status == 200


@pytest.mark.rule("RFC 8216bis 6.2.5.2", "a part without msn, and a request too far ahead, are answered with 400")
@pytest.mark.parametrize(
    "query", ["?_HLS_part=1", "?_HLS_msn={3}", "?_HLS_msn={1}&_HLS_part=0", "?_HLS_msn={0}&_HLS_part=40"]
)
async def test_what_may_not_be_waited_for_is_refused(stage: Stage, query: str) -> None:
    number, _ = stage.hint
    answer = await stage.origin.playlist("v1", query.format(*(number + ahead for ahead in range(4))))
    assert answer.status == 400 and cache(answer) == "no-store"


@pytest.mark.rule("RFC 8216bis 6.2.5.2", "a request that was held for three target durations is answered with 503")
async def test_a_stream_that_stands_still_is_answered_503(stage: Stage) -> None:
    began = time.monotonic()
    answer = await stage.origin.playlist("v1", "?_HLS_msn={}&_HLS_part={}".format(*stage.hint))
    assert answer.status == 503 and cache(answer) == "no-store" and answer.headers["Retry-After"] == "1"
    assert 2.9 < time.monotonic() - began < 6  # the target duration is 1 s


@pytest.mark.rule(
    "RFC 8216bis B.1", "a blocking playlist may be kept for six target durations, a plain one for half of one"
)
async def test_lifetimes_are_those_of_the_low_latency_profile(origin: Origin) -> None:
    stage = Stage(origin, Studio(grid_ms=4000, part_ms=1000))
    await stage.has(10_500)
    number, part = stage.hint
    plain = await origin.playlist()
    blocking = await origin.playlist("v1", f"?_HLS_msn={number}&_HLS_part={part - 1}")
    assert (cache(plain), cache(blocking)) == ("public, max-age=2", "public, max-age=24")
    for path in ("/live/studio/multivariant.m3u8", "/live/studio/manifest.mpd"):
        assert cache(await origin.get(path)) == "public, max-age=2"
    first = stage.parts[0]
    for name in (f"v1/{first.number}.m4s", f"v1/{first.number}.0.m4s", f"v1/{init_file(first.note.init)}"):
        assert cache(await origin.get(live(name))) == lifetimes.IMMUTABLE
    gone = await origin.get(live(f"v1/{first.number - 1}.m4s"))
    assert (gone.status, cache(gone)) == (410, "public, max-age=4")


@pytest.mark.rule("RFC 8216bis 6.2.5.1", "a delta update replaces segments beyond the skip boundary by EXT-X-SKIP")
async def test_a_delta_update_skips_what_is_old(origin: Origin) -> None:
    stage = Stage(origin, Studio())
    await stage.has(15_500)
    full = await origin.playlist()
    delta = await origin.playlist("v1", "?_HLS_skip=YES")
    assert "#EXT-X-SKIP:SKIPPED-SEGMENTS=9\n" in delta.text and "EXT-X-SKIP" not in full.text
    assert full.text.endswith(delta.text.partition("SKIPPED-SEGMENTS=9\n")[2])
    assert full.headers["ETag"] != delta.headers["ETag"]
    assert (await origin.playlist("v1", "?_HLS_skip=v2")).body == delta.body


async def test_validators_speak_of_the_octets(stage: Stage) -> None:
    first = await stage.origin.playlist()
    assert (await stage.origin.playlist()).headers["ETag"] == first.headers["ETag"]
    await stage.goes_on()
    second = await stage.origin.playlist()
    assert second.headers["ETag"] != first.headers["ETag"]


async def test_a_restart_does_not_use_a_validator_again(home: Path) -> None:
    """Counts that begin anew would make an edge believe that its old copy is the new one."""
    studio, seen = Studio(tracks=("v1",)), {}
    for round in range(3):
        async with running_origin(home, drain__seconds=1) as origin:
            await origin.announce(studio)
            await origin.publish(studio.run(300))
            answer = await origin.playlist()
            assert answer.headers["ETag"] not in seen, round
            seen[answer.headers["ETag"]] = answer.body


async def test_head_says_the_same_without_a_body(stage: Stage) -> None:
    number = stage.parts[0].number
    for name in (
        "v1/media.m3u8",
        f"v1/{number}.m4s",
        f"v1/{number}.0.m4s",
        f"v1/{init_file(stage.parts[0].note.init)}",
    ):
        whole, head = await stage.origin.get(live(name)), await stage.origin.ask("HEAD", live(name))
        assert head.status == 200 and head.body == b""
        for field in ("Content-Length", "Content-Type", "Cache-Control", "ETag"):
            assert head.headers[field] == whole.headers[field], (name, field)


async def test_the_top_names_need_media(origin: Origin) -> None:
    paths = ("/live/studio/multivariant.m3u8", "/live/studio/manifest.mpd")
    for path in paths:
        answer = await origin.get(path)
        assert (answer.status, cache(answer)) == (404, "public, max-age=1")
    studio = Studio()
    await origin.announce(studio)
    for path in paths:
        answer = await origin.get(path)
        assert (answer.status, cache(answer)) == (404, "no-store")
    assert (await origin.playlist()).status == 404
    await origin.publish(studio.run(2000))
    assert "e1/v1/media.m3u8" in (await origin.get(paths[0])).text
    assert "<MPD" in (await origin.get(paths[1])).text


@pytest.mark.rule(
    "ISO/IEC 23009-1 5.3.3", "an MPD is first shown when each Representation of its Period has a whole segment"
)
async def test_the_first_manifest_has_every_track(origin: Origin) -> None:
    """A player does not take up a Representation that joins a Period which it knows."""
    studio, manifest = Studio(start_ms=SystemClock().now_ms()), "/live/studio/manifest.mpd"
    await origin.announce(studio)
    parts = studio.run(3000)
    await origin.publish([part for part in parts if part.track == "a1"])
    await origin.publish([part for part in parts if part.track == "v1" and part.part == 0][:1])
    assert (await origin.get(manifest)).status == 404
    await origin.publish([part for part in parts if part.track == "v1"][1:])
    text = (await origin.get(manifest)).text
    assert 'contentType="video"' in text and 'contentType="audio"' in text


@pytest.mark.rule("ISO/IEC 23009-1 5.3.2", "a Period is listed once each of its Representations has a whole segment")
async def test_a_new_period_waits_for_every_track_but_not_for_long(home: Path) -> None:
    clock, studio, manifest = SteppedClock(), Studio(), "/live/studio/manifest.mpd"
    async with running_origin(home, clock) as origin:
        await origin.announce(studio)
        await origin.publish(studio.run(3000) + studio.finish())

        async def periods() -> list[int]:
            """How many tracks each has."""
            mpd = etree.fromstring((await origin.get(manifest)).body)
            return [len(period.findall("{*}AdaptationSet")) for period in mpd.iterfind("{*}Period")]

        assert await periods() == [2]
        for missing in (False, True):
            clock.advance(60_000)
            studio.begin(next_number=(await origin.session(studio)).last_number + 1)
            await origin.announce(studio)
            parts, known = studio.run(3000) + studio.finish(), await periods()
            await origin.publish([part for part in parts if part.track == "v1"])
            assert await periods() == known
            if missing:
                clock.advance(14_000)
                assert await periods() == known
                clock.advance(1000)
                assert await periods() == [*known, 1]
            else:
                await origin.publish([part for part in parts if part.track == "a1"])
                assert await periods() == [*known, 2]


async def test_an_unknown_track_is_404(stage: Stage) -> None:
    for name in ("v7/media.m3u8", "v7/5.m4s", "v7/5.0.m4s", "v7/init-00112233.mp4", "v1/init-00112233.mp4"):
        answer = await stage.origin.get(live(name))
        assert (answer.status, cache(answer)) == (404, "no-store"), name
