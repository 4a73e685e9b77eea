"""Splices that come with the media: a real encoder's transport stream with sections, as far as what the origin gets."""

from __future__ import annotations

import pytest

from base.push import MarkNote
from base.scte35.commands import BreakDuration, SpliceInsert, SpliceNull, TimeSignal
from base.scte35.descriptors import Segmentation
from base.scte35.section import Section, parse, write
from ingest.session import Happening
from ingest.ts.feed import Feed
from packager.fragments import read_chunk
from tests.ingest.ts.test_feed import session
from tests.kit.recording_origin import RecordingOrigin
from tests.kit.srt import made
from tests.kit.ts_splices import first_time, with_sections

NULL = write(Section(command=SpliceNull()))
FRAME = 3600  # of 25 a second, in 90 kHz


async def published(ts: bytes) -> RecordingOrigin:
    async with session() as (ctx, registry, live, origin):
        feed = Feed(live, ctx.metrics)
        for at in range(0, len(ts), 1316):
            await feed.take(ts[at : at + 1316])
        await feed.end()
        registry.close(live, Happening.STOP)
        await origin.until(lambda: bool(origin.notes) and origin.notes[-1].state == "ended")
        return origin


def starts(origin: RecordingOrigin) -> dict[int, int]:
    """Presentation time of each segment's first picture, ticks since 1970."""
    return {number: read_chunk(origin.parts["v1", number][0]).pts for number in origin.numbers("v1")}


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """12 s, a keyframe each second, and one at each splice, from where the encoder counts anew."""
    path = tmp_path_factory.mktemp("ts") / "film.ts"
    return made(path, seconds=12, options=("-force_key_frames", "4.4,7.4")).read_bytes()


@pytest.mark.rule("SCTE 35 9.8.2.1", "an auto_return ends the break after its duration, without a section")
@pytest.mark.rule("SCTE 35 9.7.3", "the splice is at the first picture at or after its time")
async def test_a_segment_begins_at_the_splice_and_at_the_return(film: bytes) -> None:
    begin = first_time(film)
    out = SpliceInsert(event_id=9, time=begin + round(4.4 * 90_000), duration=BreakDuration(3 * 90_000))
    octets = write(Section(command=out))
    origin = await published(with_sections(film, [(0, NULL), (0.4, octets), (1.4, octets), (2.4, octets)]))
    began, ended = origin.marks
    assert (began.action, ended.action) == ("out", "in") and began.section == octets and not ended.section
    assert began.planned_ms == 3000 and began.timescale == 90_000
    found = starts(origin)
    assert found[began.number] == began.start and found[ended.number] == ended.start
    zero = found[min(found)]
    assert began.start - zero == pytest.approx(4.4 * 90_000, abs=2) and ended.start - began.start == 3 * 90_000
    assert sorted(found) == list(range(min(found), max(found) + 1)), "no number is skipped, none is one more"
    assert 2000 in {note.longest_ms for note in origin.notes}
    assert {note.numbering for note in origin.notes} == {"wall"}, "keyframes at splices are not irregular"


async def test_a_pair_of_time_signals(film: bytes) -> None:
    begin = first_time(film)

    def signal(kind: int, seconds: float) -> bytes:
        descriptor = Segmentation(event_id=3, type=kind)
        command = TimeSignal(begin + round(seconds * 90_000))
        return write(Section(command=command, descriptors=(descriptor,)))

    start, end = signal(0x34, 4.4), signal(0x35, 7.4)
    origin = await published(with_sections(film, [(0, NULL), (0.5, start), (3, end)]))
    assert [(mark.action, mark.kind, mark.section) for mark in origin.marks] == [
        ("out", "34", start),
        ("in", "34", end),
    ]
    assert origin.marks[1].start - origin.marks[0].start == 3 * 90_000


async def test_what_is_cancelled_does_not_come_and_what_is_damaged_is_dropped(film: bytes) -> None:
    begin = first_time(film)
    out = write(Section(command=SpliceInsert(event_id=9, time=begin + round(4.4 * 90_000))))
    gone = write(Section(command=SpliceInsert(event_id=9, cancel=True)))
    damaged = out[:-1] + bytes([out[-1] ^ 1])
    origin = await published(with_sections(film, [(0.4, out), (0.8, damaged), (2, gone)]))
    assert origin.marks == [] and len(starts(origin)) >= 10


async def test_at_once_is_the_next_keyframe(film: bytes) -> None:
    octets = write(Section(command=SpliceInsert(event_id=9, immediate=True)))
    origin = await published(with_sections(film, [(0, NULL), (2.3, octets)]))
    (mark,) = origin.marks
    zero = min(starts(origin).values())
    assert mark.start - zero == pytest.approx(3 * 90_000, abs=FRAME)
    assert isinstance(parse(mark.section).command, SpliceInsert)
    assert mark == MarkNote(
        action="out",
        kind="insert",
        event=9,
        start=mark.start,
        timescale=90_000,
        number=mark.number,
        avail=True,
        section=octets,
    )
