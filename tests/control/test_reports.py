import asyncio
from collections.abc import AsyncIterator

import pytest

from base.reports import ChannelReport
from control.origin import Origin
from control.reports import Reports
from node.clock import SteppedClock
from node.tasks import TaskSet

LIVE = ChannelReport(channel="news", edition="e1", state="live")


@pytest.fixture
async def reports(home, origin) -> AsyncIterator[tuple[Reports, SteppedClock]]:
    client, tasks, clock = Origin(f"unix:{home.socket('origin', door='media')}"), TaskSet(), SteppedClock()
    yield Reports(client, clock, tasks), clock
    await tasks.close()
    await client.close()


async def test_many_askers_are_one_question_a_second(reports, origin) -> None:
    asked, clock = reports
    origin.channels["news"] = LIVE
    assert await asyncio.gather(*(asked.channel("news") for _ in range(20))) == [LIVE] * 20
    clock.advance(999)
    await asked.channel("news")
    assert origin.asked == [("GET", "news")]
    clock.advance(1)
    await asked.channel("news")
    assert len(origin.asked) == 2


async def test_an_origin_that_is_away_is_no_report(reports, origin) -> None:
    asked, _ = reports
    await origin.stop()
    assert await asked.channels(["news", "art"]) == {"news": None, "art": None}


async def test_a_channel_that_was_never_published_is_idle(reports) -> None:
    asked, _ = reports
    found = await asked.channel("news")
    assert (found.state, found.age_ms) == ("idle", -1)


async def test_one_asker_who_leaves_does_not_end_the_question_of_others(reports, origin) -> None:
    asked, _ = reports
    origin.channels["news"] = LIVE
    async with asyncio.TaskGroup() as group:
        leaving = group.create_task(asked.channel("news"))
        staying = group.create_task(asked.channel("news"))
        await asyncio.sleep(0)
        leaving.cancel()
    assert staying.result() == LIVE
