"""Runs: one list for all tracks of a channel, whoever comes first, late, or not at all."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import structs

from node.clock import SteppedClock
from origin.channel import Channel
from origin.journal import ChannelRow, Journal
from origin.restore import folder_of, restore
from origin.runs import Run, Runs
from packager import hls_live
from packager.segmenter import Part
from tests.kit.hls import read_media
from tests.kit.live_media import Studio

FIRST = 1_700_000_000


# The list alone


def test_the_first_track_begins_a_run_and_the_others_join_it() -> None:
    runs = Runs()
    assert runs.choose(5, -1, broken=True) == Run(5, 0)
    runs.begin(Run(5, 0))
    assert runs.choose(6, -1, broken=False) == Run(5, 0)  # late
    assert runs.choose(6, 5, broken=False) == Run(5, 0)
    assert runs.choose(8, 5, broken=True) == Run(8, 1)
    runs.begin(Run(8, 1))
    assert runs.choose(9, 5, broken=True) == Run(8, 1)
    assert runs.choose(9, 5, broken=False) == Run(8, 1)
    assert runs.choose(9, 8, broken=False, hole=9) == Run(9, 2)


def test_a_track_that_lags_still_has_media_of_before() -> None:
    runs = Runs([Run(5, 0), Run(8, 1), Run(20, 2)])
    assert runs.choose(7, 5, broken=False) == Run(5, 0)
    assert runs.choose(12, 5, broken=False, hole=12) == Run(8, 1)
    assert runs.choose(12, 5, broken=True) == Run(8, 1)
    assert runs.choose(12, 8, broken=True) == Run(20, 2)  # it cannot go on: what comes next is the newest


def test_a_session_whose_first_track_missed_the_one_before_begins_its_own_run() -> None:
    runs = Runs([Run(5, 0), Run(8, 1)])
    assert runs.choose(12, 5, broken=True, anew=True) == Run(12, 2)


def test_runs_between_two() -> None:
    runs = Runs([Run(5, 0), Run(8, 1), Run(20, 2)])
    assert runs.within(5, 20) == [Run(8, 1), Run(20, 2)] and runs.within(20, 20) == []
    runs.forget(8)
    assert runs.within(-1, 99) == [Run(8, 1), Run(20, 2)]
    runs.forget(99)
    assert runs.newest == Run(20, 2)
    assert runs.named(20, 7) == Run(20, 2) and runs.named(31, 7) == Run(31, 3, 7)


# In a channel


class Desk:
    def __init__(self, root: Path, studio: Studio) -> None:
        self.root, self.studio, self.clock = root, studio, SteppedClock()
        self.journal = Journal(root / "journal.db")
        row = ChannelRow(channel="studio", edition="e1", session=studio.note, target=1)
        self.channel = Channel(folder_of(root, row), row, self.journal, self.clock)

    async def announces(self) -> int:
        grant = await self.channel.begin(self.studio.note)
        for track, init in self.studio.inits.items():
            await self.channel.put_init(track, self.studio.generations[track], init)
        return grant.last_number

    async def session(self, ms: int, *, after_ms: int = 0) -> list[Part]:
        """What a new session publishes; nothing of it is sent yet."""
        if self.channel.last_number >= 0:
            self.studio.begin(next_number=self.channel.last_number + 1, after_ms=after_ms)
        await self.announces()
        return self.studio.run(ms) + self.studio.finish()

    async def puts(self, parts: list[Part]) -> None:
        for part in parts:
            await self.channel.put_part(part.track, part.number, part.part, part.body, part.note)

    def restarts(self) -> None:
        self.channel = restore(self.root, self.journal.channels()[0], self.journal, self.clock)

    def playlist(self, track: str) -> str:
        return hls_live.media_playlist(self.channel.window(), track)

    def breaks(self, track: str) -> dict[int, int]:
        """number -> discontinuity sequence number, as a player counts them."""
        found, count = {}, 0
        for line in self.playlist(track).splitlines():
            if line.startswith("#EXT-X-DISCONTINUITY-SEQUENCE:"):
                count = int(line.partition(":")[2])
            elif line == "#EXT-X-DISCONTINUITY":
                count += 1
            elif line.endswith(".m4s"):
                found[int(line.partition(".")[0])] = count
        return found

    def told(self, track: str) -> list[str]:
        return [
            f"{s.number - FIRST}{'!' * s.discontinuity}{'-' * s.gap}"
            for s in self.channel.tracks[track].window.segments
        ]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path, Studio(tracks=("v1", "a1")))
    yield made
    made.journal.close()


def only(track: str, parts: list[Part], *but: int) -> list[Part]:
    return [part for part in parts if part.track == track and part.number - FIRST not in but]


@pytest.mark.rule("RFC 8216bis 6.2.4", "discontinuities are at one place, with one number, in all media playlists")
async def test_a_track_that_loses_media_takes_the_others_with_it(desk: Desk) -> None:
    parts = await desk.session(5000)
    await desk.puts(only("v1", parts, 2, 4))
    await desk.puts(only("a1", parts))
    assert desk.told("v1") == ["0", "1", "2-", "3!"] and desk.told("a1") == ["0", "1", "2", "3!", "4"]
    assert desk.breaks("v1").items() <= desk.breaks("a1").items()


async def test_a_loss_that_the_others_have_passed_is_a_gap_alone(desk: Desk) -> None:
    """What is listed never changes: a discontinuity could not be told of in them any more."""
    parts = await desk.session(5000)
    await desk.puts(only("v1", parts))
    await desk.puts(only("a1", parts, 2))
    assert desk.told("v1") == ["0", "1", "2", "3", "4"] and desk.told("a1") == ["0", "1", "2-", "3", "4"]


async def test_sound_that_begins_late_in_a_session_joins_where_the_pictures_did(desk: Desk) -> None:
    await desk.puts(await desk.session(2900))
    parts = await desk.session(4000, after_ms=100)
    await desk.puts(only("v1", parts))
    await desk.puts(only("a1", parts, 3, 4))
    assert desk.told("v1") == ["0", "1", "2", "3!", "4", "5", "6"]
    assert desk.told("a1") == ["0", "1", "2", "3!-", "4-", "5", "6"]
    before = [desk.playlist(track) for track in ("v1", "a1")]
    desk.restarts()
    assert [desk.playlist(track) for track in ("v1", "a1")] == before


async def test_a_track_that_sat_out_a_session_counts_it_all_the_same(desk: Desk) -> None:
    await desk.puts(await desk.session(2900))
    await desk.puts(only("v1", await desk.session(2000, after_ms=100)))
    parts = await desk.session(2000)
    await desk.puts(only("a1", parts) + only("v1", parts))
    assert desk.told("v1") == ["0", "1", "2", "3!", "4", "5!", "6"]
    assert desk.told("a1") == ["0", "1", "2", "3!-", "4-", "5!", "6"]
    assert desk.breaks("a1") == desk.breaks("v1")


async def test_a_track_that_is_new_and_lost_the_beginning_of_a_session_begins_its_run(desk: Desk) -> None:
    await desk.puts(only("v1", await desk.session(2900)))
    parts = await desk.session(2000, after_ms=100)
    await desk.puts(only("a1", parts, 3) + only("v1", parts))
    assert desk.told("a1") == ["4!"] and desk.told("v1") == ["0", "1", "2", "3!", "4"]
    assert desk.breaks("a1").items() <= desk.breaks("v1").items()


async def test_sound_that_begins_late_begins_no_run_when_the_session_was_told_of_anew(desk: Desk) -> None:
    """As when its publisher says only then that it has splices."""
    parts = await desk.session(5000)
    await desk.puts(only("v1", parts, 3, 4))
    note = desk.channel.row.session
    await desk.channel.begin(structs.replace(note, longest_ms=2 * note.grid_ms))
    await desk.puts(only("a1", parts, 0, 1, 2) + only("v1", parts, 0, 1, 2))
    assert desk.told("a1") == ["3", "4"] and desk.told("v1")[-2:] == ["3", "4"]


async def test_another_init_segment_of_one_track_breaks_the_others_as_soon_as_can_be(desk: Desk) -> None:
    parts = await desk.session(5000)
    await desk.puts(only("v1", parts, 4) + only("a1", parts, 3, 4))
    other = Studio(tracks=("a1",), asc=bytes.fromhex("1208"))
    await desk.channel.put_init("a1", other.generations["a1"], other.inits["a1"])
    for part in only("a1", parts, 0, 1, 2):
        note = type(part.note)(init=other.generations["a1"], last=part.note.last)
        await desk.channel.put_part("a1", part.number, part.part, part.body, note)
    await desk.puts(only("v1", parts, 0, 1, 2, 3))
    assert desk.told("a1") == ["3!", "4"] and desk.told("v1") == ["0", "1", "2", "3", "4!"]
    assert desk.breaks("a1")[FIRST + 4] == desk.breaks("v1")[FIRST + 4] == 1


@pytest.mark.rule(
    "RFC 8216bis 4.4.3.3", "the discontinuity sequence number of a segment is the same in all renditions, and stays"
)
@pytest.mark.parametrize("seed", range(3))
async def test_counts_agree_whatever_is_lost_late_or_restarted(tmp_path: Path, seed: int) -> None:
    """Three tracks, many sessions, media lost at random, tracks side by side in any order, a window that slides."""
    rng = random.Random(seed)
    desk = Desk(tmp_path, Studio(tracks=("v1", "v2", "a1"), window_s=8, part_ms=1000))
    ever: dict[int, int] = {}
    for _ in range(12):
        waiting: dict[str, list[Part]] = defaultdict(list)
        for part in await desk.session(rng.randrange(1000, 4000), after_ms=rng.choice((0, 0, 1700, 20_000))):
            waiting[part.track].append(part)
        lost = {(rng.choice(list(waiting)), rng.randrange(rng.randrange(3, 5))) for _ in range(rng.randrange(3))}
        number = min(part.number for parts in waiting.values() for part in parts)
        if rng.random() < 0.2:
            del waiting[rng.choice(list(waiting))]
        while waiting:
            track = rng.choice(list(waiting))
            part = waiting[track].pop(0)
            if not waiting[track]:
                del waiting[track]
            if (track, part.number - number) in lost:
                continue
            await desk.puts([part])
            if rng.random() < 0.05:
                desk.restarts()
            for name in desk.channel.window().tracks:
                for at, count in desk.breaks(name).items():
                    assert ever.setdefault(at, count) == count, (name, at)
        before = {name: desk.playlist(name) for name in desk.channel.window().tracks}
        desk.restarts()
        for name, text in before.items():
            assert read_media(desk.playlist(name)).broken_promises(read_media(text)) == []
    assert max(ever.values()) >= 11
    desk.journal.close()
