from __future__ import annotations

from base.desired import ChannelSpec
from base.media import Sample
from base.push import SessionNote
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
