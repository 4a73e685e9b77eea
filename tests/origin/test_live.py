"""Live over HTTP: what is held and woken, what is refused and with which lifetime, what goes and when."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import sqlite3
import time
from pathlib import Path

import msgspec
import pytest

from base import lifetimes
from base.names import parse
from node.clock import SteppedClock
from node.home import Home
from node.process import Context
from origin.channel import Channel
from origin.journal import Journal
from origin.live import Live
from origin.pictures import Pictures
from packager.segmenter import Part
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


# Parts and segments


@pytest.mark.rule("RFC 8216bis 6.2.6", "the hinted part can be asked for, and is sent once it is whole")
async def test_the_hinted_part_is_held_and_then_delivered(stage: Stage) -> None:
    number, part = stage.hint
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(stage.origin.get(live(f"v1/{number}.{part}.m4s")))
        await stage.held()
        came = await stage.goes_on()
        answer = await asking
    assert (answer.status, answer.body, cache(answer)) == (200, came.body, lifetimes.IMMUTABLE)
    assert answer.headers["Content-Type"] == "video/iso.segment"


@pytest.mark.rule("RFC 8216bis 6.2.6", "a hinted part that does not come is answered with 404")
async def test_a_hint_that_is_withdrawn_is_404(stage: Stage) -> None:
    number, part = stage.hint
    studio = Studio(start_ms=stage.studio.now_ms)
    studio.begin(next_number=number + 1)
    await stage.origin.announce(studio)
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(stage.origin.get(live(f"v1/{number}.{part}.m4s")))
        await stage.held()
        await stage.origin.publish(studio.run(900))  # the publisher came back: the open segment is over
        answer = await asking
    assert (answer.status, cache(answer)) == (404, "no-store")


@pytest.mark.rule("RFC 8216bis 4.4.5.3", "what is hinted is what comes next")
async def test_the_end_of_a_segment_is_announced_with_its_last_part(stage: Stage) -> None:
    """While the segment is journalled no playlist may hint a part after its last one."""
    while not stage.waiting["v1"][0].note.last:
        await stage.goes_on()
    number, part = stage.hint
    with contextlib.closing(sqlite3.connect(stage.origin.data / "journal.db")) as blocking:
        blocking.execute("BEGIN IMMEDIATE")  # the journal waits for the lock
        async with asyncio.TaskGroup() as group:
            reloading = group.create_task(stage.origin.playlist("v1", f"?_HLS_msn={number}&_HLS_part={part}"))
            await stage.held()
            putting = group.create_task(stage.goes_on())
            opened = next((stage.origin.data / "live" / "studio.e1" / "v1").glob("*.open-*"))
            size = opened.stat().st_size
            await stage.origin.until(lambda: opened.stat().st_size > size)
            await stage.goes_on("a1")  # makes a new snapshot
            meanwhile = (await stage.origin.playlist()).text
            assert f'EXT-X-PRELOAD-HINT:TYPE=PART,URI="{number}.{part}.m4s"' in meanwhile
            assert not putting.done() and not reloading.done()
            blocking.rollback()
            text = (await reloading).text
    assert f"\n{number}.m4s\n" in text and f'EXT-X-PRELOAD-HINT:TYPE=PART,URI="{number + 1}.0.m4s"' in text


async def test_a_part_that_is_not_hinted_is_404(stage: Stage) -> None:
    number, part = stage.hint
    for name in (f"v1/{number}.{part + 1}.m4s", f"v1/{number + 1}.0.m4s", f"v1/{number - 1}.99.m4s"):
        answer = await stage.origin.get(live(name))
        assert (answer.status, cache(answer)) == (404, "no-store"), name


async def test_every_part_is_served_as_it_came(stage: Stage) -> None:
    for part in stage.parts:
        answer = await stage.origin.get(live(f"{part.track}/{part.number}.{part.part}.m4s"))
        assert (answer.status, answer.body) == (200, part.body)


async def test_every_segment_is_its_parts(stage: Stage) -> None:
    for (track, number), body in segments(stage.parts).items():
        answer = await stage.origin.get(live(f"{track}/{number}.m4s"))
        assert (answer.status, answer.body) == (200, body)
        assert answer.headers["Content-Type"] == "video/iso.segment"
    part = await stage.origin.get(live(f"{track}/{number}.m4s"), Range="bytes=10-19")
    assert (part.status, part.body) == (206, body[10:20])


async def test_a_segment_that_is_next_is_held_until_its_first_part(stage: Stage) -> None:
    number, _ = stage.hint
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(stage.origin.get(live(f"v1/{number + 1}.m4s")))
        await stage.held()
        while stage.hint[0] < number + 1:
            await stage.goes_on()
        assert not asking.done()
        while not (await stage.goes_on()).note.last:
            pass
        answer = await asking
    assert (answer.status, answer.body) == (200, segments(stage.parts)["v1", number + 1])


async def test_a_segment_ahead_is_early_and_never_kept(stage: Stage) -> None:
    number, _ = stage.hint
    ahead = await stage.origin.get(live(f"v1/{number + 2}.m4s"))
    assert (ahead.status, cache(ahead), ahead.headers["Retry-After"]) == (425, "no-store", "1")
    following = await stage.origin.get(live(f"v1/{number + 1}.m4s"))  # held, but it does not come
    assert (following.status, cache(following)) == (425, "no-store")


async def test_a_gap_is_404_and_what_left_is_410(origin: Origin) -> None:
    stage = Stage(origin, Studio(window_s=6))
    await stage.has(15_500)
    first = stage.parts[0].number
    for track in ("v1", "a1"):
        (origin.data / "live" / "studio.e1" / track / f"{first}.m4s").unlink()
    left = await origin.get(live(f"v1/{first}.m4s"))
    assert (left.status, cache(left)) == (410, "public, max-age=1") and "left the window" in left.detail
    assert (await origin.get(live(f"v1/{first}.0.m4s"))).status == 410
    still = await origin.get(live(f"v1/{first + 1}.m4s"))  # not listed any more, but a slow player may know it
    assert still.status == 200 and f"\n{first + 1}.m4s" not in (await origin.playlist()).text
    stage.studio.begin(next_number=0)  # what was to come (5 s) never does
    await origin.announce(stage.studio)
    await origin.publish(stage.studio.run(2000))
    playlist = read_media((await origin.playlist()).text)
    gap = next(row.uri for row in playlist.parsed.segments if row.gap_tag)
    answer = await origin.get(live(f"v1/{gap}"))
    assert (answer.status, cache(answer)) == (404, "public, max-age=1") and "gap" in answer.detail


async def test_a_file_that_leaves_at_the_last_moment_is_not_kept_as_missing(stage: Stage) -> None:
    """The fields of a segment say a year; an answer that it is not there must not."""
    number = stage.parts[0].number
    folder = stage.origin.data / "live" / "studio.e1" / "v1"
    (folder / f"{number}.m4s").unlink()
    (folder / f"{number}.m4s").mkdir()  # it exists when asked, and is no file when opened
    answer = await stage.origin.get(live(f"v1/{number}.m4s"))
    assert (answer.status, cache(answer)) == (403, "no-store")
    beyond = await stage.origin.get(live(f"v1/{number + 1}.m4s"), Range="bytes=99999999-")
    assert (beyond.status, cache(beyond)) == (416, "no-store")


async def test_bytes_are_counted_by_sort_of_object(stage: Stage) -> None:
    number = stage.parts[0].number
    body = (await stage.origin.get(live(f"v1/{number}.m4s"))).body
    part = (await stage.origin.get(live(f"v1/{number}.0.m4s"))).body
    await stage.origin.ask("HEAD", live(f"v1/{number}.m4s"))
    assert stage.origin.metric("origin_bytes", leaf="segment") == len(body)
    assert stage.origin.metric("origin_bytes", leaf="part") == len(part)
    assert stage.origin.metric("origin_parts") == len(stage.parts)
    assert stage.origin.metric("origin_segments") == len(segments(stage.parts))


# Sessions


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"session": "s", "started_ms": 1, "grid_ms": 0, "part_ms": 1, "tracks": [{"track": "v1", "kind": "video"}]}',
        b'{"session": "s", "started_ms": 1, "grid_ms": 9, "part_ms": 10, "tracks": [{"track": "v1", "kind": "video"}]}',
        b'{"session": "s", "started_ms": 1, "grid_ms": 9, "part_ms": 1, "tracks": []}',
        b'{"session": "s", "started_ms": 1, "grid_ms": 9, "part_ms": 1, "state": "x",'
        b' "tracks": [{"track": "v1", "kind": "video"}]}',
        b'{"session": "s", "started_ms": 1, "grid_ms": 9, "part_ms": 1, "window_s": 0,'
        b' "tracks": [{"track": "v1", "kind": "video"}]}',
        b'{"session": "s", "started_ms": 1, "grid_ms": 9, "part_ms": 1,'
        b' "tracks": [{"track": "v1", "kind": "video"}, {"track": "v1", "kind": "video"}]}',
    ],
)  # fmt: skip
async def test_a_note_that_makes_no_sense_is_malformed(origin: Origin, body: bytes) -> None:
    answer = await origin.ask("PUT", live("session.json"), data=body)
    assert answer.status == 400 and "session.json" in answer.detail
    assert (await origin.get("/live/studio/status.json")).status == 404
    assert origin.metric("origin_refused", kind="malformed") == 1


async def test_a_part_without_its_note_is_malformed(stage: Stage) -> None:
    part = stage.waiting["v1"][0]
    for field in ("", 'init="xyz"', f'init="{part.note.init}", first'):
        answer = await stage.origin.ask(
            "PUT", live(f"v1/{part.number}.{part.part}.m4s"), data=part.body, headers={"Headwater-Part": field}
        )
        assert answer.status == 400


async def test_a_channel_that_nobody_announced_takes_no_media(origin: Origin) -> None:
    studio = Studio()
    assert await origin.init(studio, "v1") == 404
    assert (await origin.part(studio.run(900)[0])).status == 404


async def test_computed_names_cannot_be_put_and_notes_cannot_be_read(stage: Stage) -> None:
    for name in ("v1/media.m3u8", "v1/5.m4s"):
        answer = await stage.origin.ask("PUT", live(name), data=b"x")
        assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
    answer = await stage.origin.get(live("session.json"))
    assert (answer.status, answer.headers["Allow"]) == (405, "PUT")


async def test_a_channel_that_was_made_anew_replaces_the_old_one(stage: Stage) -> None:
    origin = stage.origin
    number, part = stage.hint
    old = await origin.playlist()
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(origin.playlist("v1", f"?_HLS_msn={number}&_HLS_part={part}"))
        await stage.held()
        anew = Studio(start_ms=stage.studio.now_ms)
        assert (await origin.announce(anew, edition="e2")).last_number == -1
        assert (await asking).status == 410
    parts = anew.run(4500)
    await origin.publish(parts, edition="e2")
    assert (await origin.playlist()).status == 410
    assert (await origin.get(live(f"v1/{stage.parts[0].number}.m4s"))).status == 410
    new = await origin.playlist(edition="e2")
    assert new.status == 200 and new.body != old.body and f"{parts[0].number}.m4s" in new.text
    assert "DISCONTINUITY\n" not in new.text
    assert os.listdir(origin.data / "live") == ["studio.e2"]
    assert "/e1/" not in (await origin.get("/live/studio/multivariant.m3u8")).text


async def test_a_removed_channel_is_gone_and_may_come_again_under_its_edition(stage: Stage) -> None:
    origin = stage.origin
    async with asyncio.TaskGroup() as group:
        asking = [
            group.create_task(origin.playlist("v1", "?_HLS_msn={}&_HLS_part={}".format(*stage.hint))),
            group.create_task(origin.get(live("v1/{}.{}.m4s".format(*stage.hint)))),
            group.create_task(origin.get(live(f"v1/{stage.hint[0] + 1}.m4s"))),
        ]
        await stage.held(3)
        assert (await origin.ask("DELETE", "/live/studio/status.json")).status == 204
        assert [(await task).status for task in asking] == [410, 410, 410]
    assert (await origin.ask("DELETE", "/live/studio/status.json")).status == 404
    assert (await origin.playlist()).status == 404 and os.listdir(origin.data / "live") == []
    assert (await origin.part(stage.waiting["v1"][0])).status == 404
    again = Studio(start_ms=stage.studio.now_ms)
    await origin.announce(again)
    await origin.publish(again.run(2500))
    assert (await origin.playlist()).status == 200


async def test_the_last_word_of_a_publisher_does_not_bring_a_removed_channel_back(stage: Stage) -> None:
    origin = stage.origin
    assert (await origin.ask("DELETE", "/live/studio/status.json")).status == 204
    assert (await origin.session(stage.studio, state="ended")).last_number == -1
    assert (await origin.get("/live/studio/status.json")).status == 404
    await origin.announce(stage.studio, edition="e2")
    assert (await origin.session(stage.studio, state="ended")).last_number == -1  # of the old edition
    assert b'"edition":"e2"' in (await origin.get("/live/studio/status.json")).body


async def test_only_the_channel_as_a_whole_can_be_removed(stage: Stage) -> None:
    for name in (live("v1/media.m3u8"), live(f"v1/{stage.parts[0].number}.m4s"), "/live/studio/multivariant.m3u8"):
        assert (await stage.origin.ask("DELETE", name)).status == 405
    assert (await stage.origin.playlist()).status == 200


async def test_removing_while_parts_come_leaves_nothing(stage: Stage) -> None:
    origin = stage.origin

    async def publishes(track: str) -> set[int]:
        return {(await origin.part(part)).status for part in stage.waiting[track]}

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(publishes(track)) for track in ("v1", "a1")]
        removal = group.create_task(origin.ask("DELETE", "/live/studio/status.json"))
    assert removal.result().status == 204
    assert set().union(*(task.result() for task in tasks)) <= {201, 404, 410}
    assert os.listdir(origin.data / "live") == []


# Many, and the end


async def test_viewers_at_the_edge_of_live_read_what_was_sent(origin: Origin) -> None:
    """Parts are read while they come and while their segment closes; nobody misses one or gets another."""
    studio = Studio()
    stage = Stage(origin, studio)
    await stage.has(2500)
    coming = studio.run(8000)
    coming = [*stage.waiting["v1"], *stage.waiting["a1"], *coming]
    sent = {(p.track, p.number, p.part): p.body for p in [*stage.parts, *coming]}
    last = min(max(number for name, number, _ in sent if name == track) for track in ("v1", "a1")) - 1

    async def watches(track: str) -> int:
        number = max(p.number for p in stage.parts if p.track == track)
        seen = part = 0
        while number <= last:
            answer = await origin.get(live(f"{track}/{number}.{part}.m4s"))
            if answer.status == 404:  # the hint was withdrawn, or the segment has no further part
                reload = await origin.playlist(track, f"?_HLS_msn={number}&_HLS_part={part}")
                assert reload.status == 200 and f"\n{number}.m4s" in reload.text
                whole = await origin.get(live(f"{track}/{number}.m4s"))
                assert whole.body == b"".join(sent[track, number, at] for at in range(part))
                number, part = number + 1, 0
            else:
                assert (answer.status, answer.body) == (200, sent[track, number, part])
                seen, part = seen + 1, part + 1
        return seen

    async with asyncio.TaskGroup() as group:
        watching = [group.create_task(watches(track)) for track in ("v1", "a1") for _ in range(5)]
        await stage.held(10)
        await origin.publish(coming)
    assert min(task.result() for task in watching) > 50


async def test_two_thousand_waiters_are_woken_by_one_part(origin: Origin) -> None:
    stage = Stage(origin, Studio(grid_ms=20_000))  # a held request waits for 60 s, so none gives up meanwhile
    await stage.has(4500)
    query = "?_HLS_msn={}&_HLS_part={}".format(*stage.hint)
    async with asyncio.TaskGroup() as group:
        asking = []
        for held in range(500, 2001, 500):
            asking += [group.create_task(stage.origin.playlist("v1", query)) for _ in range(500)]
            await stage.held(held)
        began = time.monotonic()
        await stage.goes_on()
        acknowledged = time.monotonic()
        answers = [await task for task in asking]
    done = time.monotonic()
    print(f"2000 held: acknowledged after {acknowledged - began:.3f} s, all answered after {done - began:.3f} s")
    assert {answer.status for answer in answers} == {200} and len({answer.body for answer in answers}) == 1
    assert stage.origin.metric("origin_held") == 0


async def test_who_waits_is_told_when_the_node_goes_down(home: Path) -> None:
    async with running_origin(home, drain__seconds=20) as origin:
        stage = Stage(origin, Studio(grid_ms=10_000))  # a held request would wait for 30 s
        await stage.has(4500)
        async with asyncio.TaskGroup() as group:
            asking = [
                group.create_task(origin.playlist("v1", "?_HLS_msn={}&_HLS_part={}".format(*stage.hint))),
                group.create_task(origin.get(live("v1/{}.{}.m4s".format(*stage.hint)))),
                group.create_task(origin.get(live(f"v1/{stage.hint[0] + 1}.m4s"))),
            ]
            await stage.held(3)
            began = time.monotonic()
            origin.ctx.stopping.set()
            assert [(await task).status for task in asking] == [503, 503, 503]
        await origin.running
        assert time.monotonic() - began < 5


# What is done now and then, with a clock that stands


@pytest.fixture
async def quiet(home: Path):  # type: ignore[no-untyped-def]
    """(Live, its clock): without a process around it."""
    clock = SteppedClock()
    ctx = Context(role="origin", home=Home(home), clock=clock)
    journal = Journal(home / "journal.db")
    yield Live(ctx, home / "live", journal, Pictures(ctx, home / "pictures")), clock
    journal.close()


async def publishes(made: Live, studio: Studio, parts: list[Part]) -> None:
    channel = made.channels["studio"]
    for track, init in studio.inits.items():
        await channel.put_init(track, studio.generations[track], init)
    for part in parts:
        await channel.put_part(part.track, part.number, part.part, part.body, part.note)


async def begins(made: Live, studio: Studio) -> None:
    name = parse("/live/studio/e1/session.json")
    assert name is not None
    await made._put_session(name, msgspec.json.encode(studio.note))


async def test_the_sweep_closes_what_stalled_and_drops_what_left(quiet: tuple[Live, SteppedClock]) -> None:
    made, clock = quiet
    studio = Studio(window_s=6)
    await begins(made, studio)
    await publishes(made, studio, studio.run(15_500))
    channel = made.channels["studio"]
    for path in channel.folder.glob("*/*.m4s"):
        os.utime(path, (clock.now_ms() // 1000,) * 2)
    first = channel.tracks["v1"].window.segments[0].number
    await made.sweep()
    assert channel.tracks["v1"].open is not None
    clock.advance(59_000)
    await made.sweep()
    assert channel.tracks["v1"].open is None and (channel.folder / "v1" / f"{first - 1}.m4s").exists()
    clock.advance(61_000)
    await made.sweep()
    left = sorted(int(path.stem) for path in (channel.folder / "v1").glob("*.m4s"))
    assert left[0] == first and left == [s.number for s in channel.tracks["v1"].window.segments]


async def test_a_sweep_that_fails_for_one_channel_is_done_for_the_others_and_again(
    quiet: tuple[Live, SteppedClock],
) -> None:
    made, clock = quiet
    studio = Studio()
    await begins(made, studio)
    await publishes(made, studio, studio.run(1500))
    channel = made.channels["studio"]
    folder = channel.folder / "v1"
    folder.rename(folder.with_name("away"))
    clock.advance(10_000)
    await made.sweep()
    assert channel.tracks["v1"].open is not None
    folder.with_name("away").rename(folder)
    await made.sweep()
    assert channel.tracks["v1"].open is None


async def test_folders_without_a_channel_are_removed_at_the_start(quiet: tuple[Live, SteppedClock], home: Path) -> None:
    made, _ = quiet
    studio = Studio()
    await begins(made, studio)
    await publishes(made, studio, studio.run(1500))
    (home / "live" / "gone.e1" / "v1").mkdir(parents=True)
    Live(made._ctx, home / "live", made._journal, made._pictures)
    assert os.listdir(home / "live") == ["studio.e1"]


async def test_printed_playlists_are_kept_for_one_snapshot_only(stage: Stage) -> None:
    """What is printed belongs to the channel and goes with its snapshot: it cannot pile up."""

    def channels() -> list[Channel]:
        found = (one for one in gc.get_objects() if isinstance(one, Channel))
        return [one for one in found if one.folder.is_relative_to(stage.origin.data)]

    (channel,) = channels()
    for _ in range(3):
        for query in ("", "?_HLS_skip=YES"):
            for track in ("v1", "a1"):
                await stage.origin.playlist(track, query)
        assert len(channel.printed) == 4
        await stage.goes_on()
    await stage.origin.playlist()
    assert len(channel.printed) == 1
    await stage.origin.ask("DELETE", "/live/studio/status.json")
    del channel
    gc.collect()
    assert channels() == []
