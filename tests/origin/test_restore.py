"""What a restart finds: first with the real process and kill -9, then with a disk that was damaged by hand."""

from __future__ import annotations

import asyncio
import os
import random
from collections import defaultdict
from pathlib import Path

import aiohttp
import msgspec
import pytest

from base.push import SessionNote
from base.reports import ChannelReport
from base.uris import init_file
from node.clock import SteppedClock
from origin.channel import Channel
from origin.journal import ChannelRow, Journal
from origin.restore import folder_of, restore
from packager import hls_live
from packager.segmenter import Part
from tests.kit.hls import MediaPlaylist, read_media
from tests.kit.live_media import Studio, segments
from tests.origin.conftest import Asker, OriginProcess, live


class Crashing:
    """A publisher as strict as ingest, and what it knows to be acknowledged."""

    def __init__(self, process: OriginProcess, studio: Studio) -> None:
        self.process, self.studio = process, studio
        self.acknowledged: dict[tuple[str, int], list[bytes]] = defaultdict(list)
        self.closed: set[tuple[str, int]] = set()
        self.before: dict[str, MediaPlaylist] = {}
        self.asker: Asker

    async def starts(self) -> None:
        self.asker = await self.process.starts()

    async def puts(self, part: Part) -> bool:
        """True if it was acknowledged."""
        try:
            answer = await self.asker.part(part)
        except (aiohttp.ClientError, OSError):
            return False
        assert answer.status in (200, 201), (part.number, part.part, answer.status, answer.text)
        had = self.acknowledged[part.track, part.number]
        if part.part == len(had):
            had.append(part.body)
        assert had[part.part] == part.body
        if part.note.last:
            self.closed.add((part.track, part.number))
        return True

    async def checks(self) -> None:
        """Everything that was acknowledged is served as it was, and playlists only go on."""
        for (track, number), bodies in self.acknowledged.items():
            for at, body in enumerate(bodies):
                answer = await self.asker.get(live(f"{track}/{number}.{at}.m4s"))
                assert (answer.status, answer.body == body) == (200, True), (track, number, at)
            if (track, number) in self.closed:
                answer = await self.asker.get(live(f"{track}/{number}.m4s"))
                assert (answer.status, answer.body == b"".join(bodies)) == (200, True), (track, number)
        for track, init in self.studio.inits.items():
            answer = await self.asker.get(live(f"{track}/{init_file(self.studio.generations[track])}"))
            assert (answer.status, answer.body) == (200, init)
            answer = await self.asker.playlist(track)
            assert answer.status == 200
            now = read_media(answer.text)
            listed = {uri for row in now.parsed.segments for uri in [row.uri, *(part.uri for part in row.parts)]}
            assert {f"{n}.m4s" for name, n in self.closed if name == track} <= listed
            if track in self.before:
                assert now.broken_promises(self.before[track]) == []
                assert now.parsed.discontinuity_sequence == self.before[track].parsed.discontinuity_sequence
            self.before[track] = now


async def test_whatever_was_acknowledged_survives_kill_9(process: OriginProcess) -> None:
    chance = random.Random(12)
    publisher = Crashing(process, Studio())
    await publisher.starts()
    await publisher.asker.announce(publisher.studio)
    parts = publisher.studio.run(9000)
    queues = {track: [part for part in parts if part.track == track] for track in publisher.studio.inits}
    # the deaths come after the acknowledgement of a first, a middle and a last part, and while a PUT is on its way
    deaths = [
        ("a1", lambda part: part.note.last),
        ("v1", lambda part: part.part == 0),
        ("v1", lambda part: part.note.last),
        ("a1", lambda part: part.part == 2),
    ]
    sent = 0
    while any(queues.values()):
        track = min((name for name in queues if queues[name]), key=lambda name: queues[name][0].number)
        part = queues[track][0]
        sent += 1
        if sent % 40 == 25:
            async with asyncio.TaskGroup() as group:  # kill -9 while it is on its way
                putting = group.create_task(publisher.puts(part))
                await asyncio.sleep(chance.uniform(0, 0.004))
                await process.ends()
            if putting.result():
                queues[track].pop(0)
        else:
            assert await publisher.puts(part)
            queues[track].pop(0)
            if not (sent > 10 and deaths and deaths[0][0] == track and deaths[0][1](part)):
                continue
            deaths.pop(0)
            await process.ends()
        await publisher.starts()
        await publisher.checks()
    assert not deaths
    numbers = {number for _, number in publisher.closed}
    report = msgspec.json.decode((await publisher.asker.get("/live/studio/status.json")).body, type=ChannelReport)
    assert report.last_number == max(number for _, number in publisher.acknowledged)
    assert await publisher.asker.session(publisher.studio) == msgspec.structs.replace(
        await publisher.asker.session(publisher.studio), last_number=report.last_number
    )
    for track in publisher.studio.inits:
        playlist = read_media((await publisher.asker.playlist(track)).text)
        assert not any(row.gap_tag or row.discontinuity for row in playlist.parsed.segments)
        assert playlist.first == min(numbers)


async def test_a_death_leaves_one_open_segment_that_goes_on(process: OriginProcess) -> None:
    publisher = Crashing(process, Studio(tracks=("v1",)))
    await publisher.starts()
    await publisher.asker.announce(publisher.studio)
    parts = publisher.studio.run(2900)
    for part in parts[:7]:
        assert await publisher.puts(part)
    await process.ends()
    (opened,) = (process.data / "live" / "studio.e1" / "v1").glob("*.open-*")
    with open(opened, "ab") as file:
        file.write(parts[7].body[: len(parts[7].body) // 2])  # torn: only half of the next part was written
    await publisher.starts()
    await publisher.checks()
    assert opened.stat().st_size == sum(len(p.body) for p in parts[5:7])
    for part in parts[7:]:
        assert await publisher.puts(part)
    await publisher.checks()


async def test_half_of_an_upload_is_gone_and_a_whole_one_is_there(process: OriginProcess, films) -> None:  # type: ignore[no-untyped-def]
    asker = await process.starts()
    film = films("plain").read_bytes()
    assert (await asker.ask("PUT", "/vod/whole/mezzanine.mp4", data=film)).status == 201
    reader, writer = await asyncio.open_unix_connection(process.home.socket("origin", door="media"))
    writer.write(b"PUT /vod/half/mezzanine.mp4 HTTP/1.1\r\nHost: o\r\nContent-Length: %d\r\n\r\n" % len(film))
    writer.write(film[: len(film) // 2])
    await writer.drain()
    incoming = process.data / "incoming"
    async with asyncio.timeout(10):
        while not sum(path.stat().st_size for path in incoming.glob("*/*")):
            await asyncio.sleep(0.01)
    await process.ends()
    writer.close()
    asker = await process.starts()
    assert os.listdir(incoming) == [] and os.listdir(process.data / "vod") == ["whole"]
    assert (await asker.get("/vod/half/status.json")).status == 404
    assert (await asker.get("/vod/whole/multivariant.m3u8")).status == 200
    assert reader.at_eof() or await reader.read() == b""


# With a disk that is changed by hand


class Disk:
    """A channel's folder and journal; `again` is what a new process would find."""

    def __init__(self, root: Path, studio: Studio) -> None:
        self.root, self.studio, self.clock = root, studio, SteppedClock()
        self.journal = Journal(root / "journal.db")
        self.channel = Channel(folder_of(root, self.row(studio.note)), self.row(studio.note), self.journal, self.clock)

    @staticmethod
    def row(note: SessionNote) -> ChannelRow:
        return ChannelRow(channel="studio", edition="e1", session=note, target=1)

    @property
    def folder(self) -> Path:
        return self.channel.folder / "v1"

    async def publishes(self, parts: list[Part]) -> None:
        await self.channel.begin(self.studio.note)
        for track, init in self.studio.inits.items():
            await self.channel.put_init(track, self.studio.generations[track], init)
        for part in parts:
            await self.channel.put_part(part.track, part.number, part.part, part.body, part.note)

    def again(self) -> Channel:
        self.channel = restore(self.root, self.journal.channels()[0], self.journal, self.clock)
        return self.channel

    def playlist(self, track: str = "v1") -> str:
        return hls_live.media_playlist(self.channel.window(), track)


@pytest.fixture
def disk(tmp_path: Path):  # type: ignore[no-untyped-def]
    made = Disk(tmp_path, Studio(window_s=12))
    yield made
    made.journal.close()


@pytest.mark.rule("RFC 8216bis 6.2.2", "sequence numbers go on after a restart of the server")
async def test_a_playlist_is_the_same_before_and_after(disk: Disk) -> None:
    """Through a slid window, gaps, several sessions and an open segment."""
    await disk.publishes(disk.studio.run(20_000))
    for _ in range(5):
        disk.studio.begin(next_number=disk.channel.last_number + 1, after_ms=1700)
        await disk.publishes(disk.studio.run(2300))
        before = {track: disk.playlist(track) for track in ("v1", "a1")}
        windows = {name: track.window for name, track in disk.channel.tracks.items()}
        again = disk.again()
        assert {track: disk.playlist(track) for track in ("v1", "a1")} == before
        for name, track in again.tracks.items():
            assert track.window.segments == windows[name].segments
            assert track.window.run_starts == windows[name].run_starts
    assert "#EXT-X-DISCONTINUITY-SEQUENCE:0" not in before["v1"]


async def test_a_window_that_shrank_before_does_not_grow_back(disk: Disk) -> None:
    await disk.publishes(disk.studio.run(20_000))
    first = disk.channel.tracks["v1"].window.segments[0].number
    disk.studio.window_s = 600
    disk.studio.begin(next_number=disk.channel.last_number + 1)
    await disk.publishes(disk.studio.run(3000))
    window = disk.again().window()
    assert {track.segments[0].number for track in window.tracks.values()} == {first}
    assert disk.channel.tracks["v1"].window.span_s == 600


async def test_a_torn_tail_is_cut(disk: Disk) -> None:
    parts = [p for p in disk.studio.run(900) if p.track == "v1"]
    await disk.publishes(parts)
    (opened,) = disk.folder.glob("*.open-*")
    whole = opened.read_bytes()
    for tail in (parts[1].body[:-1], parts[1].body[:20], b"\0" * 500, b"\0\0\0\x09mdatx", b"x"):
        opened.write_bytes(whole + tail)
        os.utime(opened, (1000, 1000))
        assert [len(s.parts) for s in disk.again().tracks["v1"].window.segments] == [len(parts)]
        assert opened.read_bytes() == whole
        assert disk.channel.last_media_ms == 1_000_000  # when media came, not when the tail was cut
    opened.write_bytes(parts[0].body[:-1])
    assert disk.again().tracks["v1"].window.last is None and not opened.exists()
    # what was never acknowledged may come again
    await disk.publishes(parts)
    assert disk.channel.tracks["v1"].open is not None


async def test_a_death_between_row_and_rename_is_made_good(disk: Disk) -> None:
    parts = disk.studio.run(3500)
    await disk.publishes(parts)
    first = parts[0].number
    generation = disk.studio.generations["v1"]
    closed, body = disk.folder / f"{first + 1}.m4s", segments(parts)["v1", first + 1]
    closed.rename(disk.folder / f"{first + 1}.open-{generation}-0")
    before = disk.playlist()
    disk.again()
    assert disk.playlist() == before and closed.read_bytes() == body
    assert not list(disk.folder.glob(f"{first + 1}.open-*"))


async def test_a_death_before_the_target_duration_is_noted_is_made_good(disk: Disk) -> None:
    disk.studio.grid_ms = 5000
    disk.studio.begin(next_number=0)
    await disk.publishes(disk.studio.run(12_000))
    assert disk.channel.row.target == 5
    await disk.journal.put_channel(disk.row(msgspec.structs.replace(disk.studio.note, grid_ms=1000)))
    assert disk.again().row.target == 5


async def test_an_open_file_that_was_never_acknowledged_does_not_stand_in_the_way(disk: Disk) -> None:
    parts = [p for p in disk.studio.run(2900) if p.track == "v1"]
    await disk.publishes(parts)
    first = parts[0].number
    generation = disk.studio.generations["v1"]
    for name in (
        f"{first - 1}.open-{generation}-0",
        f"{first + 1}.open-{generation}-1",
        f"{first + 3}.open-{'0' * 16}-0",
    ):
        (disk.folder / name).write_bytes(parts[0].body)
    again = disk.again()
    assert [s.number for s in again.tracks["v1"].window.segments] == [first, first + 1, first + 2]
    assert (disk.folder / f"{first}.m4s").read_bytes() == segments(parts)["v1", first]
    (opened,) = disk.folder.glob("*.open-*")
    assert opened.name.startswith(f"{first + 2}.") and again.tracks["v1"].open is not None


async def test_a_damaged_init_segment_does_not_keep_the_origin_from_starting(disk: Disk) -> None:
    parts = disk.studio.run(3500)
    await disk.publishes(parts)
    last = disk.channel.last_number
    init = disk.folder / init_file(disk.studio.generations["v1"])
    init.write_bytes(init.read_bytes()[:40])
    again = disk.again()
    assert not init.exists() and "v1" not in again.tracks and "a1" in again.window().tracks
    assert again.last_number == last
    # ingest is told that it is missing, sends it again, and goes on
    disk.studio.begin(next_number=last + 1)
    await disk.publishes(disk.studio.run(1500))
    numbers = [s.number for s in again.tracks["v1"].window.segments]
    assert numbers[0] > last and again.tracks["v1"].window.breaks == again.tracks["a1"].window.breaks == 1


async def test_a_missing_segment_file_is_a_gap(disk: Disk) -> None:
    parts = disk.studio.run(4500)
    await disk.publishes(parts)
    first = parts[0].number
    (disk.folder / f"{first + 1}.m4s").unlink()
    before = read_media(disk.playlist())
    disk.again()
    after = read_media(disk.playlist())
    assert after.broken_promises(before) == []
    assert [bool(row.gap_tag) for row in after.parsed.segments if row.uri] == [False, True, False, False]
    assert not any(row.discontinuity for row in after.parsed.segments)


async def test_a_channel_that_was_only_announced_comes_back_empty(disk: Disk) -> None:
    await disk.channel.begin(disk.studio.note)
    assert disk.again().window().tracks == {} and disk.channel.last_number == -1


async def test_a_file_that_was_being_written_whole_is_removed(disk: Disk) -> None:
    await disk.publishes(disk.studio.run(900))
    left = disk.folder / ".init-aabbccdd.mp4.01020304.new"
    left.write_bytes(b"half")
    disk.again()
    assert not left.exists()
