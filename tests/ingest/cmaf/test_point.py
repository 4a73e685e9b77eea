"""A publishing point's session: how it begins, who else may push, how it ends."""

from __future__ import annotations

import pytest

from ingest.session import SILENCE_S, STALL_S
from node.clock import SteppedClock, SystemClock
from tests.kit.ingesting import Publisher
from tests.kit.pushing import Source, Track, pushed_to

pytestmark = pytest.mark.usefixtures("soon")
VIDEO = Track("video")


async def test_a_source_that_falls_silent_is_over_and_may_go_on_without_its_header() -> None:
    clock = SteppedClock(SystemClock().now_ms())
    async with pushed_to(clock=clock) as (role, port), Source(port) as source:
        second = clock.now_ms() // 1000
        await source.sends("v.cmfv", VIDEO.header)
        for n in range(4):
            await source.sends("v.cmfv", VIDEO.segment(second - 4 + n))
        clock.advance(2000)
        await role.until_state("live")
        clock.advance(round(STALL_S * 1000))
        await role.until_state("stalled")
        clock.advance(round(SILENCE_S * 1000))
        await role.until_state("none")
        for n in range(4):
            await source.sends("v.cmfv", VIDEO.segment(second + 20 + n))
        clock.advance(2000)
        await role.until_state("live")


async def test_one_publisher_at_a_time_whatever_its_protocol() -> None:
    async with pushed_to() as (role, port), Source(port) as source:
        publisher = Publisher(role.port)
        await publisher.opens()
        publisher.sends(0, 1200)
        await role.until_state("live")
        status, why = await source.puts("v.cmfv", VIDEO.header)
        assert (status, "published already" in why) == (403, True)
        publisher.goes()
        await role.until_state("none")
        assert await source.puts("v.cmfv", VIDEO.header) == (200, "")


async def test_a_second_address_needs_epoch_times() -> None:
    async with pushed_to() as (_, port), Source(port) as source, Source(port, address="127.0.0.2") as second:
        await source.sends("v.cmfv", VIDEO.header)
        await source.sends("v.cmfv", VIDEO.segment(0))
        status, why = await second.puts("v.cmfv", VIDEO.segment(7))
        assert (status, "another address" in why) == (403, True)


async def test_two_addresses_with_epoch_times_are_one_source() -> None:
    async with pushed_to() as (role, port), Source(port) as source, Source(port, address="127.0.0.2") as second:
        now = role.ctx.clock.now_ms() // 1000
        for one in (source, second):
            await one.sends("v.cmfv", VIDEO.header)
        for n in range(6):
            for one in (source, second)[:: 1 if n % 2 else -1]:
                await one.sends("v.cmfv", VIDEO.segment(now - 6 + n))
        await role.origin.until(lambda: len(role.origin.numbers("v1")) >= 4)
        found = role.origin.numbers("v1")
        assert found == list(range(found[0], found[0] + len(found)))
        assert len((await role.status())["sessions"]) == 1


async def test_a_drain_closes_what_is_open() -> None:
    async with pushed_to() as (role, port), Source(port) as source:
        now = role.ctx.clock.now_ms() // 1000 // 2 * 2
        await source.sends("v.cmfv", VIDEO.header)
        for n in range(4):
            await source.sends("v.cmfv", VIDEO.segment(now - 4 + n))
        role.ctx.stopping.set()
        await role.origin.until(lambda: role.origin.numbers("v1") == list(range(now - 4, now)))
        assert (await source.puts("v.cmfv", VIDEO.segment(now)))[0] in (0, 503)
