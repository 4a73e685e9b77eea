"""A channel as ingest speaks to it: every answer that base/push.py promises, with real files and a real journal."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import pytest

from base.problems import Problem
from base.push import PartNote, SessionNote
from node.clock import SteppedClock
from origin.channel import Channel, rounded
from origin.journal import ChannelRow, Journal
from origin.restore import restore
from packager import hls_live
from packager.segmenter import Part
from tests.kit.hls import read_media
from tests.kit.live_media import ASC_44100, Studio, segments


class Desk:
    """A studio, and the channel that it publishes to."""

    def __init__(self, folder: Path, studio: Studio, clock: SteppedClock | None = None) -> None:
        self.root, self.studio = folder, studio
        self.clock = clock or SteppedClock()
        self.journal = Journal(folder / "journal.db")
        row = ChannelRow(channel="studio", edition="e1", session=studio.note, target=1)
        self.channel = Channel(folder / "studio.e1", row, self.journal, self.clock)

    async def announces(self, studio: Studio | None = None, **changed: Any) -> int:
        studio = studio or self.studio
        grant = await self.channel.begin(msgspec.structs.replace(studio.note, **changed))
        for track, init in studio.inits.items():
            await self.channel.put_init(track, studio.generations[track], init)
        return grant.last_number

    async def puts(self, *parts: Part, **note: Any) -> list[bool]:
        found = []
        for p in parts:
            said = PartNote(
                init=note.get("init", p.note.init),
                last=note.get("last", p.note.last),
                discontinuity=note.get("discontinuity", p.note.discontinuity),
            )
            found.append(await self.channel.put_part(p.track, p.number, p.part, p.body, said))
        return found

    async def refuses(self, part: Part, *, body: bytes | None = None, **note: Any) -> tuple[str, str]:
        """(kind, detail) of the problem; nothing may have changed."""
        before, files = self.channel.window(), self.files()
        with pytest.raises(Problem) as problem:
            await self.puts(msgspec_part(part, body), **note)
        assert (self.channel.window(), self.files()) == (before, files)
        return problem.value.kind.name, problem.value.detail

    def files(self) -> dict[str, int]:
        return {
            str(path.relative_to(self.root)): path.stat().st_size
            for path in sorted((self.root / "studio.e1").glob("*/*"))
        }

    def numbers(self, track: str) -> list[int]:
        return [s.number for s in self.channel.tracks[track].window.segments]

    def playlist(self, track: str = "v1") -> str:
        return hls_live.media_playlist(self.channel.window(), track)

    def restarts(self) -> Channel:
        """What a new process would find; the journal stays open."""
        return restore(self.root, self.journal.channels()[0], self.journal, self.clock)


def msgspec_part(part: Part, body: bytes | None) -> Part:
    if body is None:
        return part
    return Part(track=part.track, number=part.number, part=part.part, body=body, note=part.note)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path, Studio())
    yield made
    made.journal.close()


def only(track: str, parts: list[Part]) -> list[Part]:
    return [part for part in parts if part.track == track]


async def test_parts_are_new_once(desk: Desk) -> None:
    assert await desk.announces() == -1
    parts = desk.studio.run(3000)
    assert all(await desk.puts(*parts))
    assert not any(await desk.puts(*parts))  # acknowledged ones may be repeated
    for (track, number), body in segments(parts).items():
        assert (desk.channel.folder / track / f"{number}.m4s").read_bytes() == body
    assert await desk.announces() == max(part.number for part in parts)


async def test_other_octets_are_refused_in_an_open_and_in_a_closed_segment(desk: Desk) -> None:
    await desk.announces()
    parts = only("v1", desk.studio.run(1900))
    await desk.puts(*parts)
    for part in (parts[0], parts[-1]):
        other = part.body[:-1] + b"\0"
        assert await desk.refuses(part, body=other) == (
            "conflict",
            f"part {part.part} of segment {part.number} is there with other octets",
        )


async def test_a_closed_segment_takes_no_more(desk: Desk) -> None:
    await desk.announces()
    parts = only("v1", desk.studio.run(1500))
    whole = [part for part in parts if part.number == parts[0].number]
    await desk.puts(*whole)
    extra = Part(track="v1", number=whole[0].number, part=len(whole), body=whole[1].body, note=whole[1].note)
    assert (await desk.refuses(extra))[0] == "conflict"


async def test_what_comes_first_has_to_be_there_first(desk: Desk) -> None:
    first, second, *_ = parts = only("v1", desk.studio.run(1900))
    assert (await desk.refuses(first))[0] == "precondition"  # no init segment
    studio = desk.studio
    with pytest.raises(Problem) as problem:
        await desk.channel.put_init("v9", studio.generations["v1"], studio.inits["v1"])
    assert problem.value.kind.name == "precondition"  # not in the session
    await desk.announces()
    assert (await desk.refuses(second)) == (
        "precondition",
        f"part 1 of segment {second.number} is not next: PUT the earlier ones first",
    )
    await desk.puts(first)
    third = parts[2]
    assert (await desk.refuses(third))[0] == "precondition"
    assert (await desk.refuses(second, init="00" * 8))[0] == "precondition"


async def test_a_part_must_be_one_chunk_of_media(desk: Desk) -> None:
    await desk.announces()
    part = only("v1", desk.studio.run(900))[0]
    for body in (b"", b"junk", part.body[:-1], part.body * 2, desk.studio.inits["v1"]):
        assert (await desk.refuses(part, body=body))[0] == "unplayable"


async def test_a_segment_has_one_init_segment(desk: Desk) -> None:
    await desk.announces()
    first, second, *_ = only("v1", desk.studio.run(900))
    await desk.puts(first)
    other = Studio(tracks=("a1",)).inits["a1"]
    await desk.channel.put_init("v1", "ab" * 8, other)
    assert (await desk.refuses(second, init="ab" * 8))[0] == "conflict"


async def test_an_init_segment_never_changes(desk: Desk) -> None:
    await desk.announces()
    studio = desk.studio
    assert not await desk.channel.put_init("v1", studio.generations["v1"], studio.inits["v1"])
    with pytest.raises(Problem, match="other octets"):
        await desk.channel.put_init("v1", studio.generations["v1"], studio.inits["a1"])
    with pytest.raises(Problem) as problem:
        await desk.channel.put_init("v1", "ab" * 8, b"junk")
    assert problem.value.kind.name == "unplayable"


async def test_the_same_init_segment_may_come_twice_at_once(desk: Desk) -> None:
    await desk.channel.begin(desk.studio.note)
    put = desk.channel.put_init("v1", desk.studio.generations["v1"], desk.studio.inits["v1"])
    again = desk.channel.put_init("v1", desk.studio.generations["v1"], desk.studio.inits["v1"])
    assert sorted(await asyncio.gather(put, again)) == [False, True]


async def test_an_init_segment_whose_file_is_gone_is_taken_again(desk: Desk) -> None:
    await desk.announces()
    (path,) = (desk.channel.folder / "v1").glob("init-*")
    path.unlink()
    assert await desk.channel.put_init("v1", desk.studio.generations["v1"], desk.studio.inits["v1"])
    assert path.read_bytes() == desk.studio.inits["v1"]


async def test_what_is_behind_the_window_is_gone(tmp_path: Path) -> None:
    desk = Desk(tmp_path, Studio(window_s=6))
    await desk.announces()
    parts = desk.studio.run(12_000)
    await desk.puts(*parts)
    kind, detail = await desk.refuses(only("v1", parts)[0])
    assert kind == "gone" and detail.endswith(f"go on after {desk.channel.last_number}")
    desk.journal.close()


async def test_a_number_of_a_gap_is_gone(desk: Desk) -> None:
    await desk.announces()
    parts = only("v1", desk.studio.run(4000))
    first = parts[0].number
    await desk.puts(*(part for part in parts if part.number in (first, first + 2)))
    assert (await desk.refuses(next(part for part in parts if part.number == first + 1)))[0] == "gone"


async def test_the_next_number_closes_a_segment_that_was_cut_short(desk: Desk) -> None:
    await desk.announces()
    parts = only("v1", desk.studio.run(2500))
    first = parts[0].number
    cut = [part for part in parts if part.number == first][:2]
    after = [part for part in parts if part.number == first + 1][:1]
    await desk.puts(*cut, *after)
    assert (desk.channel.folder / "v1" / f"{first}.m4s").read_bytes() == b"".join(part.body for part in cut)
    (row,) = desk.journal.segments("studio", "e1")
    assert (row.number, len(row.parts)) == (first, 2)
    opened = desk.channel.tracks["v1"].window.segments
    assert [(s.number, s.closed) for s in opened] == [(first, True), (first + 1, False)]


async def test_a_last_part_that_is_repeated_with_the_flag_closes(desk: Desk) -> None:
    """The journal may have failed at the first attempt."""
    await desk.announces()
    first, *_ = only("v1", desk.studio.run(900))
    await desk.puts(first)
    assert await desk.puts(first, last=True) == [False]
    assert desk.channel.tracks["v1"].open is None and len(desk.journal.segments("studio", "e1")) == 1


async def test_a_last_part_sent_twice_at_once_is_one(desk: Desk) -> None:
    await desk.announces()
    *parts, last = [p for p in only("v1", desk.studio.run(1900)) if p.number == 1_700_000_000]
    await desk.puts(*parts)
    assert sorted(await asyncio.gather(desk.puts(last), desk.puts(last))) == [[False], [True]]


@pytest.mark.rule(
    "RFC 8216bis 4.4.3.1", "every EXTINF, rounded to the nearest whole second, is at most the target duration"
)
async def test_the_target_duration_grows_only(desk: Desk, tmp_path: Path) -> None:
    await desk.announces()
    assert desk.channel.window().target == 1
    long = Studio(grid_ms=4000)
    await desk.announces(long, grid_ms=1000)
    await desk.puts(*long.run(5000))
    assert desk.channel.window().target == 4
    await desk.announces()
    assert desk.channel.window().target == 4
    assert desk.journal.channels()[0].target == 4
    assert [rounded(Fraction(n, 10)) for n in (1, 14, 15, 24, 25)] == [1, 1, 2, 2, 3]


@pytest.mark.rule(
    "RFC 8216bis 6.2.2", "no segment leaves that would make the playlist shorter than three target durations"
)
async def test_a_window_holds_six_target_durations_at_least(tmp_path: Path) -> None:
    desk = Desk(tmp_path, Studio(window_s=1))
    await desk.announces()
    for _ in range(15):
        await desk.puts(*desk.studio.run(1000))
        for track in desk.channel.window().tracks.values():
            listed = [s for s in track.segments if s.closed]
            whole = track.segments[0].number == 1_700_000_000
            assert whole or sum(s.duration for s in listed) >= 3 * track.format.timescale
    assert 6 <= len(desk.numbers("v1")) <= 8
    desk.journal.close()


async def test_tracks_begin_at_one_number(tmp_path: Path) -> None:
    desk = Desk(tmp_path, Studio(window_s=8))
    await desk.announces()
    for _ in range(20):
        await desk.puts(*desk.studio.run(700))
        assert desk.numbers("v1")[0] == desk.numbers("a1")[0]
    assert desk.numbers("v1")[0] > 1_700_000_000
    desk.journal.close()


async def test_a_track_that_left_the_session_holds_nothing_back(tmp_path: Path) -> None:
    desk = Desk(tmp_path, Studio(window_s=8, tracks=("v1", "v2", "a1")))
    await desk.announces()
    await desk.puts(*desk.studio.run(3500))
    assert desk.channel.tracks["v2"].open is not None
    fewer = Studio(window_s=8, start_ms=desk.studio.now_ms)
    fewer.begin(next_number=desk.channel.last_number + 1)
    assert await desk.announces(fewer) == desk.channel.last_number
    assert desk.channel.tracks["v2"].open is None  # what it had is closed, not left behind
    for _ in range(20):
        await desk.puts(*fewer.run(1000))
    assert list(desk.channel.window().tracks) == ["v1", "a1"]
    assert desk.numbers("v1")[0] == desk.numbers("a1")[0] > desk.numbers("v2")[-1]
    desk.journal.close()


@pytest.mark.rule(
    "RFC 8216bis 6.2.4", "discontinuity sequence numbers of one moment are the same in all media playlists"
)
async def test_a_track_that_joins_counts_discontinuities_as_the_others_do(desk: Desk) -> None:
    await desk.announces()
    await desk.puts(*desk.studio.run(3000))
    more = Studio(tracks=("v1", "v2", "a1"), start_ms=desk.studio.now_ms)
    more.sessions = 1
    more.begin(next_number=await desk.announces(more) + 1, after_ms=4000)
    parts = more.run(3000)
    await desk.puts(*only("v2", parts), *only("v1", parts), *only("a1", parts))
    assert {track.segments[-1].breaks for track in desk.channel.window().tracks.values()} == {1}
    assert "#EXT-X-DISCONTINUITY-SEQUENCE:0\n" in desk.playlist("v2")
    assert desk.playlist("v2").count("#EXT-X-DISCONTINUITY\n") == 1


async def test_a_new_session_goes_on_after_a_gap_and_a_discontinuity(desk: Desk) -> None:
    await desk.announces()
    await desk.puts(*desk.studio.run(3300))
    before = read_media(desk.playlist())
    desk.studio.begin(next_number=desk.channel.last_number + 1, after_ms=2700)
    await desk.announces()
    await desk.puts(*desk.studio.run(2500))
    after = read_media(desk.playlist())
    assert after.broken_promises(before) == []
    rows = [(row.uri, bool(row.gap_tag), bool(row.discontinuity)) for row in after.parsed.segments if row.uri]
    base = 1_700_000_000
    assert rows[3:6] == [
        (f"{base + 3}.m4s", False, False),
        (f"{base + 4}.m4s", True, False),
        (f"{base + 5}.m4s", True, False),
    ]
    assert rows[6] == (f"{base + 6}.m4s", False, True)
    assert desk.numbers("v1") == desk.numbers("a1")


async def test_an_encoder_with_another_sampling_rate_is_taken(desk: Desk) -> None:
    await desk.announces()
    await desk.puts(*desk.studio.run(3500))
    other = Studio(asc=ASC_44100, start_ms=desk.studio.now_ms)
    other.sessions = 1
    other.begin(next_number=await desk.announces(other) + 1)
    await desk.puts(*other.run(3000))
    window = desk.channel.window()
    assert window.tracks["a1"].format.timescale == 44_100
    assert all(s.discontinuity == (s.number == s.run) for s in window.tracks["a1"].segments)
    assert {s.breaks for s in window.tracks["a1"].segments} == {1}
    seconds = {name: Fraction(t.segments[-1].start, t.format.timescale) for name, t in window.tracks.items()}
    assert abs(seconds["v1"] - seconds["a1"]) < Fraction(1, 20)
    again = desk.restarts()
    assert again.window().tracks["a1"].format.timescale == 44_100
    restored, kept = again.tracks["a1"].window, desk.channel.tracks["a1"].window
    assert (restored.segments, restored.breaks, restored.run_starts) == (kept.segments, kept.breaks, kept.run_starts)


async def test_a_session_that_ends_closes_what_is_open(desk: Desk) -> None:
    await desk.announces()
    await desk.puts(*desk.studio.run(1500))
    assert desk.channel.live and desk.channel.tracks["v1"].open is not None
    await desk.announces(state="ended")
    assert not desk.channel.live and desk.channel.tracks["v1"].open is None
    assert desk.channel.report().state == "ended"
    assert "PRELOAD-HINT" not in desk.playlist()


async def test_a_channel_without_media_stalls_and_closes_what_is_open(desk: Desk) -> None:
    await desk.announces()
    await desk.puts(*desk.studio.run(1500))
    await desk.channel.close_stalled()
    assert desk.channel.tracks["v1"].open is not None
    assert "PRELOAD-HINT" in desk.playlist() and desk.channel.report().state == "live"
    desk.clock.advance(6001)
    assert desk.channel.report().state == "stalled" and desk.channel.report().age_ms == 6001
    assert "PRELOAD-HINT" not in desk.playlist()
    await desk.channel.close_stalled()
    assert desk.channel.tracks["v1"].open is None
    assert len(desk.journal.segments("studio", "e1")) == 4


async def test_the_report_says_what_is_held(desk: Desk) -> None:
    assert desk.channel.report().age_ms == -1
    await desk.announces(numbering="counted", why="keyframes come as they like")
    await desk.puts(*desk.studio.run(4000))
    report = desk.channel.report()
    assert (report.first_number, report.last_number) == (1_700_000_000, 1_700_000_003)
    assert (report.numbering, report.why) == ("counted", "keyframes come as they like")
    assert 3900 <= report.window_ms <= 4000
    video, audio = report.tracks
    assert (video.frame_rate, video.width, audio.sample_rate, audio.channels) == ("25", 320, 48_000, 2)


async def test_a_removed_channel_takes_nothing_and_wakes_who_waits(desk: Desk) -> None:
    await desk.announces()
    parts = desk.studio.run(2500)
    await desk.puts(*parts[:6])
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(desk.channel.changed())
        await asyncio.sleep(0)
        await desk.channel.remove()
        await waiting
    assert not desk.channel.folder.exists() and desk.journal.segments("studio", "e1") == []
    for attempt in (
        desk.puts(parts[6]),
        desk.channel.put_init("v1", desk.studio.generations["v1"], desk.studio.inits["v1"]),
        desk.channel.begin(desk.studio.note),
        desk.channel.remove(),
    ):
        with pytest.raises(Problem, match="the channel was removed"):
            await attempt
    await desk.channel.close_stalled()
    assert not desk.channel.folder.exists() and desk.journal.channels() == []


async def test_removing_waits_for_a_write_that_is_under_way(desk: Desk) -> None:
    await desk.announces()
    parts = [p for p in only("v1", desk.studio.run(1900)) if p.number == 1_700_000_000]
    await desk.puts(*parts[:-1])
    closing, removing = await asyncio.gather(desk.puts(parts[-1]), desk.channel.remove(), return_exceptions=True)
    assert closing == [True] and removing is None
    assert desk.journal.segments("studio", "e1") == [] and not desk.channel.folder.exists()


def test_a_snapshot_is_a_value(desk: Desk) -> None:
    assert desk.channel.window() is desk.channel.window()
    assert desk.channel.window().tracks == {}


def test_the_session_note_of_the_kit_is_one(desk: Desk) -> None:
    assert msgspec.json.decode(msgspec.json.encode(desk.studio.note), type=SessionNote) == desk.studio.note
