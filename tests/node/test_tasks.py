"""Background tasks that somebody awaits."""

import asyncio

import structlog

from node.tasks import TaskSet


async def test_close_cancels_and_awaits_them_all() -> None:
    tasks = TaskSet()
    ended: list[str] = []

    async def work(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append(name)

    for name in ("a", "b"):
        tasks.start(work(name), name)
    await asyncio.sleep(0)
    assert len(tasks) == 2
    await tasks.close()
    assert (sorted(ended), len(tasks)) == (["a", "b"], 0)


async def test_a_task_that_is_done_is_forgotten() -> None:
    tasks = TaskSet()
    assert await tasks.start(asyncio.sleep(0, "well"), "nap") == "well"
    assert len(tasks) == 0


async def test_a_fault_is_logged_with_the_tasks_name() -> None:
    tasks = TaskSet()

    async def fails() -> None:
        raise ValueError("no such luck")

    with structlog.testing.capture_logs() as logged:
        await asyncio.wait([tasks.start(fails(), "fill")])
        await asyncio.sleep(0)
    assert [(entry["event"], entry["task"]) for entry in logged] == [("task.fault", "fill")]


async def test_a_task_that_starts_another_while_closing_is_awaited_too() -> None:
    tasks = TaskSet()
    late: list[str] = []

    async def last() -> None:
        late.append("done")

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            tasks.start(last(), "last")

    tasks.start(work(), "first")
    await asyncio.sleep(0)
    await tasks.close()
    assert late == ["done"]
