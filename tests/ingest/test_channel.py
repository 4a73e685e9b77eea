from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from base.desired import ChannelSpec, CueSpec
from base.media import Sample
from base.push import MarkNote, SessionNote
from base.scte35.commands import BreakDuration, SpliceInsert, SpliceNull
from base.scte35.section import Section, write
from ingest.channel import Channel
from ingest.grid import Grid
from ingest.intake import Run, Stamped
from packager.entries import aac_format, avc_format
from packager.segmenter import Part
from tests.kit.rtmp import ASC, AVCC

BEGIN_S = 1_795_300_000
WALL = BEGIN_S // 2
FORMATS = {"v1": avc_format(AVCC), "a1": aac_format(ASC)}
SPEC = ChannelSpec(channel="studio", title="Studio", edition="e1", key_hashes=(), window_s=600)
REGULAR = Grid(grid_ms=2000, interval_ms=2000)


class Offered:
    """Takes the place of the way to the origin: what would be PUT, in order."""

    def __init__(self, granted: int) -> None:
        self.granted = granted
        self.breaks: tuple[MarkNote, ...] = ()
        self.notes: list[SessionNote] = []
        self.parts: list[Part] = []

    async def begin(self, note: SessionNote, inits: dict[str, tuple[str, bytes]]) -> int:
        self.notes.append(note)
        return self.granted

    def offer(self, part: Part) -> None:
        self.parts.append(part)


class Published:
    def __init__(self, granted: int = -1) -> None:
        self.offered = Offered(granted)
        self.it = Channel(SPEC, self.offered)  # type: ignore[arg-type]  # the two calls that it makes
        self.it.open_session("s1", 5)

    async def plays(self, begin: int, end: int) -> None:
        """Seconds of both tracks, a keyframe every 2 s."""
        for n in range(begin * 25, end * 25):
            video = Sample(dts=BEGIN_S * 90_000 + n * 3600, sync=n % 50 == 0, data=b"v")
            await self.it.take(Stamped("v1", video))
            for m in range(-(-n * 1920 // 1024), -(-(n + 1) * 1920 // 1024)):
                await self.it.take(Stamped("a1", Sample(dts=BEGIN_S * 48_000 + m * 1024, data=b"a")))

    def firsts(self, track: str = "v1") -> list[tuple[int, bool]]:
        """(number, discontinuity) of each segment."""
        return [(p.number, p.note.discontinuity) for p in self.offered.parts if p.track == track and p.part == 0]


async def test_the_first_run_of_a_channel() -> None:
    published = Published()
    await published.it.take(Run(formats=FORMATS, grid=REGULAR, jumped=True))
    await published.plays(0, 4)
    published.it.close_run()
    assert published.firsts() == [(WALL, False), (WALL + 1, False)]
    assert [p.number for p in published.offered.parts if p.note.last and p.track == "a1"] == [WALL, WALL + 1]
    [note] = published.offered.notes
    assert (note.numbering, note.window_s, note.part_ms, [t.track for t in note.tracks]) == (
        "wall",
        600,
        513,  # even parts: 24 frames of sound
        ["v1", "a1"],
    )


async def test_numbers_do_not_go_back_behind_the_origins() -> None:
    published = Published(granted=WALL + 100)
    await published.it.take(Run(formats=FORMATS, grid=REGULAR, jumped=True))
    await published.plays(0, 2)
    published.it.close_run()
    assert published.firsts() == [(WALL + 101, True)]


async def test_a_jump_is_a_discontinuity_and_a_counted_run_is_none() -> None:
    published = Published()
    await published.it.take(Run(formats=FORMATS, grid=REGULAR, jumped=True))
    await published.plays(0, 2)
    counted = Grid(grid_ms=2000, interval_ms=2000, counted=True, why="irregular")
    await published.it.take(Run(formats=FORMATS, grid=counted, jumped=False))
    await published.plays(2, 4)
    await published.it.take(Run(formats=FORMATS, grid=counted, jumped=True))
    await published.plays(10, 12)
    published.it.close_run()
    assert published.firsts() == [(WALL, False), (WALL + 1, False), (WALL + 5, True)]
    assert [note.numbering for note in published.offered.notes] == ["wall", "counted", "counted"]
    assert published.offered.notes[1].why == "irregular"


async def test_other_formats_are_a_discontinuity() -> None:
    published = Published()
    await published.it.take(Run(formats=FORMATS, grid=REGULAR, jumped=True))
    await published.plays(0, 2)
    others = FORMATS | {"a1": aac_format(bytes.fromhex("1188"))}
    await published.it.take(Run(formats=others, grid=REGULAR, jumped=False))
    await published.plays(2, 4)
    published.it.close_run()
    assert published.firsts("v1") == [(WALL, False), (WALL + 1, True)]


async def test_an_origin_that_answers_late_moves_the_numbers() -> None:
    published = Published()
    await published.it.take(Run(formats=FORMATS, grid=REGULAR, jumped=True))
    await published.plays(0, 2)
    published.offered.granted = WALL + 50
    await published.plays(2, 4)
    published.it.close_run()
    assert [number for number, _ in published.firsts()] == [WALL, WALL + 51]


def asked(at_s: int, event: int = 7) -> CueSpec:
    command = SpliceInsert(event_id=event, immediate=True, duration=BreakDuration(4 * 90_000))
    return CueSpec(at_ms=(BEGIN_S + at_s) * 1000, section=write(Section(command=command)))


async def test_splices_of_the_desired_state_are_told_once_with_the_part_before_them() -> None:
    published = Published()
    published.it.now_ms = BEGIN_S * 1000
    cue = asked(3)
    await published.it.take(Run(formats=FORMATS, grid=REGULAR, jumped=True))
    for _ in range(2):
        published.it.follow(replace(SPEC, cues=(cue,)))
    await published.plays(0, 12)
    published.it.close_run()
    told = [(part.number, part.note.last, mark) for part in published.offered.parts for mark in part.marks]
    assert [(number, last, mark.action, mark.start - BEGIN_S * 90_000) for number, last, mark in told] == [
        (WALL + 1, True, "out", 4 * 90_000),
        (WALL + 3, True, "in", 8 * 90_000),  # planned at 7 s: the next keyframe
    ]
    assert [mark.number for *_, mark in told] == [WALL + 2, WALL + 4]
    assert (told[0][2].section, told[1][2].section) == (cue.section, b"")
    assert not published.it.cues.pending(published.it.now_ms)
    assert published.offered.notes[0].longest_ms == 0, "each keyframe is a line: none has to move"


async def test_a_splice_that_is_no_more_in_the_desired_state_does_not_come() -> None:
    published = Published()
    await published.it.take(Run(formats=FORMATS, grid=REGULAR, jumped=True))
    published.it.follow(replace(SPEC, cues=(asked(3),)))
    published.it.follow(SPEC)
    await published.plays(0, 8)
    published.it.close_run()
    assert not any(part.marks for part in published.offered.parts)


async def test_a_process_that_comes_back_within_a_break_tells_of_it_again_and_of_its_end() -> None:
    """The origin knows the break and lets the repetition go; without it an end would be missing."""
    published = Published()
    published.it.follow(replace(SPEC, cues=(asked(-3), asked(-600, 8), CueSpec(at_ms=0, section=b"x"))))
    published.it.now_ms = BEGIN_S * 1000
    await published.it.take(Run(formats=FORMATS, grid=REGULAR, jumped=True))
    await published.plays(0, 6)
    published.it.close_run()
    told = [(mark.action, mark.start // 90_000 - BEGIN_S) for part in published.offered.parts for mark in part.marks]
    assert told == [("out", 0), ("in", 2)]


@pytest.mark.parametrize(
    ("spec", "grid", "signals", "longest"),
    [
        ({}, Grid(grid_ms=2000, interval_ms=1000), False, 0),
        ({"splices": True}, Grid(grid_ms=2000, interval_ms=1000), False, 3200),
        ({"splices": True}, REGULAR, False, 0),
        ({}, REGULAR, True, 4000),
        ({"splices": True}, Grid(grid_ms=2000, interval_ms=900, counted=True), True, 0),
    ],
)
async def test_how_long_segments_may_be(spec: dict[str, Any], grid: Grid, signals: bool, longest: int) -> None:
    published = Published()
    published.it.follow(replace(SPEC, **spec))
    if signals:
        published.it.will_signal()
    await published.it.take(Run(formats=FORMATS, grid=grid, jumped=True))
    assert [note.longest_ms for note in published.offered.notes] == [longest]
    published.it.close_run()


async def test_a_source_that_signals_without_saying_so_first_is_told_to_the_origin() -> None:
    published = Published()
    await published.it.take(Run(formats=FORMATS, grid=REGULAR, jumped=True))
    await published.plays(0, 1)
    assert published.it.signal(b"no section", lambda _: 0) == []
    null = write(Section(command=SpliceNull()))
    assert published.it.signal(null, lambda _: 0) == []
    await published.plays(1, 2)
    published.it.close_run()
    assert [note.longest_ms for note in published.offered.notes] == [0, 4000]


async def test_a_break_that_the_origin_knows_to_be_on_ends_when_it_was_to() -> None:
    """A process that was started within a break of which the encoder does not speak again."""
    published = Published()
    published.it.now_ms = BEGIN_S * 1000
    published.offered.breaks = (
        MarkNote(
            action="out",
            kind="34",
            event=7,
            start=(BEGIN_S - 20) * 1_000_000,
            timescale=1_000_000,
            planned_ms=23_000,
            returns=True,
            section=b"x",
        ),
    )
    await published.it.take(Run(formats=FORMATS, grid=REGULAR, jumped=True))
    await published.plays(0, 8)
    published.it.close_run()
    (end,) = [mark for part in published.offered.parts for mark in part.marks]
    assert (end.action, end.kind, end.event, end.start // 90_000 - BEGIN_S) == ("in", "34", 7, 4)
