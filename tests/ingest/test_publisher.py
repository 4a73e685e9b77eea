from __future__ import annotations

import asyncio
import dataclasses
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from base.push import MarkNote, PartNote, SessionNote, TrackNote
from ingest.backlog import Backlog
from ingest.publisher import Publisher, origin_client
from node.clock import SystemClock
from node.metrics import Metrics
from node.tasks import TaskSet
from packager.segmenter import Part
from tests.kit.recording_origin import RecordingOrigin

INIT = "0011223344556677"
NOTE = SessionNote(
    session="s1",
    started_ms=0,
    grid_ms=2000,
    part_ms=500,
    tracks=(TrackNote(track="v1", kind="video"), TrackNote(track="a1", kind="audio", order=1)),
)


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="hw"))  # pytest's own folders are too deep for a socket's path
    yield made
    shutil.rmtree(made)


class Publishing:
    def __init__(self, publisher: Publisher, metrics: Metrics) -> None:
        self.it = publisher
        self.metrics = metrics

    async def begins(self) -> int:
        return await self.it.begin(NOTE, {"v1": (INIT, b"init v1"), "a1": (INIT, b"init a1")})

    def sends(self, number: int, indexes: range, *, close: bool = True, track: str = "v1") -> None:
        for index in indexes:
            last = close and index == indexes[-1]
            body = f"{track} {number}.{index}".encode()
            self.it.offer(Part(track=track, number=number, part=index, body=body, note=PartNote(init=INIT, last=last)))


@asynccontextmanager
async def publishing(folder: Path, backlog: Backlog | None = None) -> AsyncIterator[Publishing]:
    metrics, tasks = Metrics(), TaskSet()
    client, base = origin_client(f"unix:{folder / 'o.sock'}")
    async with client:
        publisher = Publisher(
            channel="studio",
            edition="e1",
            client=client,
            base=base,
            clock=SystemClock(),
            metrics=metrics,
            tasks=tasks,
            backlog=backlog,
        )
        try:
            yield Publishing(publisher, metrics)
        finally:
            await tasks.close()


def bodies(origin: RecordingOrigin, track: str, number: int) -> list[str]:
    return [body.decode() for body in origin.parts[(track, number)]]


async def test_note_init_and_parts_in_order(folder: Path) -> None:
    async with RecordingOrigin(folder / "o.sock", last_number=41) as origin, publishing(folder) as p:
        assert await p.begins() == 41
        for track in ("v1", "a1"):
            p.sends(42, range(4), track=track)
        assert await p.it.flush(5)
        assert bodies(origin, "v1", 42) == [f"v1 42.{n}" for n in range(4)]
        assert origin.closed == {("v1", 42), ("a1", 42)}
        assert origin.refusals == []
        await p.it.end(5)
        assert [note.state for note in origin.notes] == ["live", "ended"]


async def test_an_origin_that_is_away_at_first_gets_everything_when_it_comes(folder: Path) -> None:
    origin = RecordingOrigin(folder / "o.sock")
    async with publishing(folder) as p:
        assert await p.begins() == -1
        assert p.it.away
        p.sends(5, range(4))
        async with origin:
            assert await p.it.flush(10)
            assert bodies(origin, "v1", 5) == [f"v1 5.{n}" for n in range(4)]
            assert not p.it.away


async def test_an_origin_that_forgot_is_given_the_open_segment_again(folder: Path) -> None:
    async with RecordingOrigin(folder / "o.sock") as origin, publishing(folder) as p:
        await p.begins()
        p.sends(5, range(3))
        p.sends(6, range(2), close=False)
        assert await p.it.flush(5)
        await origin.goes()
        origin.forgets()
        p.sends(6, range(2, 4))
        await origin.comes()
        assert await p.it.flush(10)
        assert bodies(origin, "v1", 6) == [f"v1 6.{n}" for n in range(4)]
        assert origin.numbers("v1") == [5, 6]
        assert (412, "/live/studio/e1/v1/6.2.m4s") in origin.refusals
        assert p.metrics.value("ingest_put_retries") > 0
        assert p.metrics.value("ingest_dropped_parts") == 0


@pytest.mark.parametrize("status", [409, 410, 413])
async def test_a_segment_that_the_origin_will_not_have_is_skipped(folder: Path, status: int) -> None:
    async with RecordingOrigin(folder / "o.sock") as origin, publishing(folder) as p:
        origin.refuse = lambda path: status if "/v1/5." in path else None
        await p.begins()
        p.sends(5, range(3))
        p.sends(6, range(3))
        assert await p.it.flush(5)
        assert origin.numbers("v1") == [6]
        assert p.metrics.value("ingest_dropped_parts") == 3


async def test_an_origin_that_asks_for_ever_does_not_stop_the_channel(folder: Path) -> None:
    async with RecordingOrigin(folder / "o.sock") as origin, publishing(folder) as p:
        origin.refuse = lambda path: 412 if "/v1/5." in path else None
        await p.begins()
        p.sends(5, range(2))
        p.sends(6, range(2))
        assert await p.it.flush(15)
        assert origin.numbers("v1") == [6]


async def test_a_channel_that_the_origin_does_not_know_yet_is_asked_again(folder: Path) -> None:
    asked = 0

    def unknown_twice(path: str) -> int | None:
        nonlocal asked
        asked += 1
        return 404 if asked <= 2 else None

    async with RecordingOrigin(folder / "o.sock", last_number=7) as origin, publishing(folder) as p:
        origin.refuse = unknown_twice
        assert await p.begins() == 7


MARK = MarkNote(action="out", kind="insert", event=7, start=90_000, timescale=90_000, number=2, section=b"\xfc")


def with_mark() -> Part:
    note = PartNote(init=INIT, last=True)
    return Part(track="v1", number=1, part=0, body=b"v1 1.0", note=note, marks=(MARK,))


async def test_marks_are_there_before_the_part_ahead_of_them(folder: Path) -> None:
    before: list[int] = []
    async with RecordingOrigin(folder / "o.sock") as origin, publishing(folder) as made:
        origin.refuse = lambda path: before.append(len(origin.marks)) if path.endswith("/1.0.m4s") else None
        await made.begins()
        made.it.offer(with_mark())
        assert await made.it.flush(10)
    assert origin.marks == [MARK] and before == [1]


async def test_an_origin_that_was_away_gets_the_marks_too(folder: Path) -> None:
    async with publishing(folder) as made:
        await made.begins()
        made.it.offer(with_mark())
        async with RecordingOrigin(folder / "o.sock") as origin:
            assert await made.it.flush(20)
    assert origin.marks == [MARK] and origin.numbers("v1") == [1]


async def test_marks_of_a_segment_that_is_given_up_come_with_the_next(folder: Path) -> None:
    asked: list[str] = []

    def refuse(path: str) -> int | None:
        if path.endswith("cues.json"):
            asked.append(path)
        return 404 if path.endswith("cues.json") and len(asked) <= 6 else None

    async with RecordingOrigin(folder / "o.sock") as origin, publishing(folder) as made:
        origin.refuse = refuse
        await made.begins()
        made.it.offer(with_mark())
        made.sends(2, range(2))
        assert await made.it.flush(60)
    assert origin.marks == [MARK] and origin.numbers("v1") == [2]


async def test_an_origin_that_takes_no_marks_gets_the_media(folder: Path) -> None:
    async with RecordingOrigin(folder / "o.sock") as origin, publishing(folder) as made:
        origin.refuse = lambda path: 405 if path.endswith("cues.json") else None
        await made.begins()
        made.it.offer(with_mark())
        assert await made.it.flush(10)
    assert origin.marks == [] and origin.numbers("v1") == [1]


async def test_as_many_marks_as_there_may_be_all_arrive(folder: Path) -> None:
    marks = tuple(msgspec.structs.replace(MARK, event=event) for event in range(250))
    async with RecordingOrigin(folder / "o.sock") as origin, publishing(folder) as made:
        await made.begins()
        made.it.offer(dataclasses.replace(with_mark(), marks=marks))
        assert await made.it.flush(20)
    assert origin.marks == list(marks)


async def test_a_segment_that_was_given_up_while_the_origin_was_away_does_not_end_the_track(folder: Path) -> None:
    """The encoder came back with another configuration meanwhile: the old one is kept no longer."""
    origin = RecordingOrigin(folder / "o.sock")
    async with publishing(folder, Backlog(max_bytes=100)) as made:
        await made.begins()
        made.sends(5, range(1))
        await asyncio.sleep(0)  # its task begins with segment 5
        for number in (6, 7, 8):
            other = Part(track="v1", number=number, part=0, body=b"x" * 60, note=PartNote(init="22" * 8, last=True))
            made.it.offer(other)
        beginning = made.it.begin(NOTE, {"v1": ("22" * 8, b"other init")})
        async with origin:
            await beginning
            assert await made.it.flush(20)
            await origin.until(lambda: origin.numbers("v1") == [8])
