from __future__ import annotations

from ingest.live import MAX_AHEAD_MS
from tests.kit.ingesting import KEY, Publisher, ingesting
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
