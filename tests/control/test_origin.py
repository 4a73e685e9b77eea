import asyncio
from collections.abc import AsyncIterator

import pytest

from base.names import Kind
from base.problems import Problem
from base.reports import ChannelReport
from control.origin import Origin, Refused


@pytest.fixture
async def client(home, origin) -> AsyncIterator[Origin]:
    made = Origin(f"unix:{home.socket('origin', door='media')}")
    yield made
    await made.close()


async def body(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


@pytest.mark.parametrize("length", [6, None])
async def test_a_file_goes_through_and_a_report_comes_back(client: Origin, origin, length: int | None) -> None:
    report = await client.put("tour", body(b"abc", b"def"), length, "request-1")
    assert report.bytes == 6
    assert origin.request_ids == ["request-1"]
    assert await client.asset("tour") == report


async def test_a_refusal_is_kept_as_it_came(client: Origin) -> None:
    with pytest.raises(Refused) as refused:
        await client.put("tour", body(b"junk"), 4, "r")
    assert refused.value.status == 422
    assert b"it is not an MP4 file" in refused.value.body
    assert refused.value.content_type == "application/problem+json"


async def test_a_body_that_breaks_leaves_nothing_at_the_origin(client: Origin, origin) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"abc"
        raise ConnectionResetError("the uploader is gone")

    for length in (100, None):
        with pytest.raises(Problem) as refused:
            await client.put("tour", broken(), length, "r")
        assert refused.value.kind.name == "upstream"
    assert await client.asset("tour") is None


async def test_absence_and_damage_are_different_facts(client: Origin, origin) -> None:
    assert await client.channel("news") is None
    origin.broken["tour"] = "the index does not match the file"
    with pytest.raises(Problem, match="the index does not match the file") as refused:
        await client.asset("tour")
    assert refused.value.kind.name == "unplayable"


async def test_a_channel_is_reported(client: Origin, origin) -> None:
    origin.channels["news"] = ChannelReport(channel="news", edition="e1", state="live")
    assert (await client.channel("news")) == origin.channels["news"]


async def test_deleting_what_is_not_there_is_done_already(client: Origin, origin) -> None:
    await client.delete(Kind.LIVE, "news")
    assert origin.asked == [("DELETE", "/live/news")]


async def test_an_origin_that_is_away_is_upstream(client: Origin, origin) -> None:
    await origin.stop()
    for work in (client.asset("x"), client.delete(Kind.VOD, "x"), client.put("x", body(b"a"), 1, "r")):
        with pytest.raises(Problem) as refused:
            await work
        assert refused.value.kind.name == "upstream"


async def test_an_origin_that_is_slow_is_late(home) -> None:
    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_unix_server(mute, home.run / "mute.sock")
    client = Origin(f"unix:{home.run / 'mute.sock'}")
    with pytest.raises(Problem) as refused:
        await client.asset("x", 0.05)
    assert refused.value.kind.name == "late"
    await client.close()
    server.close()
    await server.wait_closed()
