from __future__ import annotations

import asyncio

from ingest.channel import Channel
from ingest.live import MAX_AHEAD_MS, LiveSession
from ingest.media import Frame
from ingest.publisher import Publisher as Publication
from ingest.publisher import origin_client
from ingest.session import STALL_S, Happening, Session, State
from node.clock import SteppedClock
from node.metrics import Metrics
from node.tasks import TaskSet
from tests.kit.ingesting import KEY, STUDIO, Publisher, ingesting
from tests.kit.rtmp import statuses


async def test_a_publisher_faster_than_time_is_read_no_faster_than_time() -> None:
    """A file sent without -re: what is ahead of the clock waits in the connection, not in memory."""
    async with ingesting() as role:
        publisher = Publisher(role.port)
        await publisher.opens()
        publisher.sends(0, 20_000)
        await role.origin.until(lambda: len(role.origin.numbers("v1")) >= 1)
        now_ms = role.ctx.clock.now_ms()
        newest = max(number for _, number in role.origin.parts) * 1000
        assert newest <= now_ms + MAX_AHEAD_MS + 2000


async def test_the_status_names_what_is_published_and_no_key() -> None:
    async with ingesting() as role:
        publisher = Publisher(role.port)
        await publisher.opens()
        publisher.sends(0, 2200)
        await role.origin.until(lambda: bool(role.origin.parts))
        session = await role.until_state("live")
        assert session["software"] == "test"
        assert session["keyframe_interval_ms"] == 1000
        assert session["tracks"] == {"v1": "avc1.42c00c", "a1": "mp4a.40.2"}
        assert session["bytes"] > 1000
        assert KEY not in str(session)


async def test_a_refusal_reaches_the_publisher() -> None:
    async with ingesting() as role:
        publisher = Publisher(role.port)
        await publisher.opens()
        publisher.sends(0, 11_000, gop_ms=99_999)
        said = statuses(await publisher.closed())
        assert said[-1][0] == "NetStream.Publish.Rejected"
        assert "keyframe interval" in said[-1][1]


async def test_an_upload_that_still_runs_does_not_revive_a_session_that_was_displaced() -> None:
    """A pushing source gives frames by tasks of their own: cancelling the session's does not end them."""
    clock, metrics, tasks = SteppedClock(), Metrics(), TaskSet()
    client, base = origin_client("unix:/nowhere")
    made = Publication(
        channel="studio", edition="e1", client=client, base=base, clock=clock, metrics=metrics, tasks=tasks
    )
    session = tasks.start(asyncio.Event().wait(), "session")
    async with client:
        live = LiveSession(
            id="s1", channel=Channel(STUDIO, made), hashed="", peer="", software="", started_ms=clock.now_ms(),
            clock=clock, metrics=metrics, session=Session(heard=clock.monotonic()), task=session,
        )  # fmt: skip
        live.happen(Happening.ADMIT)
        clock.advance(round(STALL_S * 1000))
        live.tick()
        live.cancel(Happening.DISPLACED)
        await live.frame(Frame(track="v1", dts=0, timescale=1000, data=b"x"))
        live.close(Happening.DISPLACED)
    await tasks.close()
    assert live.ended.is_set()
    assert live.session.state is State.ENDED and live.session.reason is Happening.DISPLACED
