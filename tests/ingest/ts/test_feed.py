"""A transport stream into a session of the ingest's core, whose parts a recording origin keeps."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from base.desired import Desired
from base.problems import Problem
from base.scte35.commands import BreakDuration, SpliceInsert
from base.scte35.section import Section, write
from ingest.live import LiveSession
from ingest.publisher import origin_client
from ingest.registry import Registry
from ingest.session import Happening
from ingest.ts.feed import Feed
from node.home import Home
from node.process import Context
from tests.ingest.ts.test_demuxer import BOTH, playing
from tests.kit.ingesting import KEY, STUDIO
from tests.kit.recording_origin import RecordingOrigin
from tests.kit.ts_packets import AUDIO_PID, CUE_PID, VIDEO_PID, Stream


@asynccontextmanager
async def session() -> AsyncIterator[tuple[Context, Registry, LiveSession, RecordingOrigin]]:
    folder = Path(tempfile.mkdtemp(prefix="hw"))
    ctx = Context(role="ingest", home=Home(folder))
    ctx.home.make()
    client, base = origin_client(f"unix:{folder}/o.sock")
    async with RecordingOrigin(folder / "o.sock") as origin, client:
        registry = Registry(ctx, client, base)
        registry.follow(Desired(seq=1, channels=(STUDIO,)))
        _, live = await registry.offer(KEY, "test", "peer", asyncio.current_task())
        assert live is not None
        yield ctx, registry, live, origin
        await ctx.tasks.close()
    shutil.rmtree(folder)


async def test_frames_become_segments_and_octets_are_counted() -> None:
    async with session() as (ctx, registry, live, origin):
        feed = Feed(live, ctx.metrics)
        octets = playing(Stream().tables(BOTH), 0, 60).octets  # a keyframe each 0.2 s
        wait = await feed.take(octets)
        assert wait == 0 or wait < 3
        await feed.end()
        registry.close(live, Happening.LOST)
        await origin.until(lambda: len(origin.numbers("v1")) >= 2 and len(origin.numbers("a1")) >= 2)
        assert live.bytes == len(octets)


async def test_a_source_ahead_of_time_is_told_to_wait() -> None:
    async with session() as (ctx, _, live, _origin):
        feed = Feed(live, ctx.metrics)
        assert await feed.take(playing(Stream().tables(BOTH), 0, 150).octets) > 2


async def test_damage_is_counted_once() -> None:
    async with session() as (ctx, _, live, _origin):
        feed = Feed(live, ctx.metrics)
        stream = playing(Stream().tables([*BOTH, (0x04, 0x130, b"")]), 0, 5)
        stream.loses(VIDEO_PID)
        stream.loses(AUDIO_PID)
        await feed.take(playing(stream, 5, 5).octets)
        feed.count()
        feed.count()
        assert ctx.metrics.value("ingest_ts_faults", what="continuity") == 2


async def test_what_is_not_taken_is_a_problem() -> None:
    async with session() as (ctx, _, live, _origin):
        with pytest.raises(Problem, match="MPEG-2 video"):
            await Feed(live, ctx.metrics).take(Stream().tables([(0x02, VIDEO_PID, b"")]).octets * 3)


@pytest.mark.rule("SCTE 35 8.1", "sections come on a PID of stream type 0x86 of the program")
async def test_a_section_becomes_a_mark_at_the_frame_that_it_names() -> None:
    async with session() as (ctx, registry, live, origin):
        feed = Feed(live, ctx.metrics)
        cut = 9000 + 3600 * 60  # the keyframe of picture 60
        insert = SpliceInsert(event_id=7, time=cut, duration=BreakDuration(30 * 90000, auto_return=True))
        stream = playing(Stream().tables([*BOTH, (0x86, CUE_PID, b"")]), 0, 30)
        stream.unit(CUE_PID, b"\0" + write(Section(command=insert)))
        await feed.take(playing(stream, 30, 70).octets)
        registry.close(live, Happening.LOST)
        await origin.until(lambda: bool(origin.marks))
        mark = origin.marks[0]
        assert (mark.action, mark.event, mark.planned_ms) == ("out", 7, 30_000)
        first = min(number for track, number in origin.parts if track == "v1")
        assert mark.number > first
