import asyncio

from control.changes import Changes


async def test_a_waiter_is_woken_by_the_next_number() -> None:
    changes = Changes(4)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(changes.above(4, 10))
        await asyncio.sleep(0)
        changes.move(5)
    assert waiting.result() is True


async def test_a_higher_number_is_answered_at_once_and_time_runs_out() -> None:
    changes = Changes(4)
    assert await changes.above(3, 0)
    assert not await changes.above(4, 0.01)


async def test_the_number_never_falls() -> None:
    changes = Changes(4)
    changes.move(3)
    assert changes.seq == 4


async def test_closing_lets_waiters_go_without_news() -> None:
    changes = Changes(4)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(changes.above(4, 10))
        await asyncio.sleep(0)
        changes.close()
    assert waiting.result() is False
