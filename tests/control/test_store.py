import asyncio
import os
import sqlite3
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from base.problems import Problem
from base.reports import AssetReport
from control.rows import AssetState
from control.store import Catalog
from node.clock import SteppedClock

NOW = 1_700_000_000_000
REPORT = AssetReport(asset="tour", edition="e1", duration_ms=1000, segments=1, target_ms=4000, bytes=77, tracks=())


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock(NOW)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "control" / "catalog.db"


@pytest.fixture
async def catalog(path: Path, clock: SteppedClock) -> AsyncIterator[Catalog]:
    made = await Catalog.open(path, clock)
    yield made
    await made.close()


async def refused(kind: str, work: object) -> Problem:
    with pytest.raises(Problem) as found:
        await work  # type: ignore[misc]
    assert found.value.kind.name == kind
    return found.value


async def test_a_channel_is_kept_over_a_reopen(catalog: Catalog, path: Path, clock: SteppedClock) -> None:
    made = await catalog.add_channel("news", "News", "h1", segment_ms=4000)
    await catalog.close()
    again = await Catalog.open(path, clock)
    try:
        assert await again.channel("news") == made
        assert (made.segment_ms, made.part_ms, made.key_hashes, made.enabled) == (4000, 500, ("h1",), True)
        assert again.changes.seq == made.rev
        assert not await again.is_new()
    finally:
        await again.close()


async def test_every_change_has_a_higher_sequence_and_a_revision_row(
    catalog: Catalog, path: Path, clock: SteppedClock
) -> None:
    assert await catalog.is_new() and catalog.changes.seq == 0
    first = await catalog.add_channel("news", "News", "h1")
    second = await catalog.replace_keys("news", "h2")
    await catalog.remove_channel("news")
    await catalog.add_asset("tour", "Tour")
    with sqlite3.connect(path) as db:
        rows = db.execute("SELECT seq, time, what FROM revision ORDER BY seq").fetchall()
    assert rows == [
        (first.rev, NOW, "channel news added"),
        (second.rev, NOW, "channel news has a new key"),
        (first.rev + 2, NOW, "channel news removed"),
        (first.rev + 3, NOW, "asset tour is being added"),
    ]
    assert (await catalog.desired())[0] == catalog.changes.seq == first.rev + 3


async def test_a_catalog_begun_anew_is_ahead_of_the_lost_one(tmp_path: Path, clock: SteppedClock) -> None:
    """Nodes keep the highest sequence that they saw: after a loss, control must not speak below it."""
    lost = await Catalog.open(tmp_path / "lost.db", clock)
    old = (await lost.add_channel("news", "News", "h1")).rev
    await lost.close()
    clock.advance(60_000)
    fresh = await Catalog.open(tmp_path / "fresh.db", clock)
    assert (await fresh.add_channel("news", "News", "h1")).rev > old
    await fresh.close()


async def test_a_clock_set_back_does_not_set_the_sequence_back(catalog: Catalog, clock: SteppedClock) -> None:
    first = await catalog.add_channel("news", "News", "h1")
    clock.advance(-3_600_000)
    assert (await catalog.replace_keys("news", "h2")).rev == first.rev + 1


async def test_a_name_used_again_is_another_edition(catalog: Catalog) -> None:
    first = await catalog.add_channel("news", "News", "h1")
    await catalog.remove_channel("news")
    second = await catalog.add_channel("news", "News", "h2")
    assert first.edition != second.edition
    assert second.key_hashes == ("h2",)


async def test_a_second_channel_by_the_name_changes_nothing(catalog: Catalog) -> None:
    made = await catalog.add_channel("news", "News", "h1")
    await refused("conflict", catalog.add_channel("news", "Other", "h2"))
    assert await catalog.channels() == [made]
    assert catalog.changes.seq == made.rev


async def test_new_keys_replace_all_old_ones(catalog: Catalog) -> None:
    await catalog.add_channel("news", "News", "h1")
    await catalog.add_channel("art", "Art", "h9")
    assert (await catalog.replace_keys("news", "h2")).key_hashes == ("h2",)
    assert (await catalog.channel("art")).key_hashes == ("h9",)


async def test_a_stale_revision_changes_nothing(catalog: Catalog) -> None:
    made = await catalog.add_channel("news", "News", "h1")
    stale = frozenset({made.rev - 1})
    await refused("precondition", catalog.remove_channel("news", stale))
    await refused("precondition", catalog.replace_keys("news", "h2", stale))
    assert await catalog.channel("news") == made
    await catalog.remove_channel("news", frozenset({made.rev}))


async def test_what_is_not_there_is_unknown(catalog: Catalog) -> None:
    await refused("unknown", catalog.channel("news"))
    await refused("unknown", catalog.remove_channel("news"))
    await refused("unknown", catalog.asset("tour"))
    await refused("unknown", catalog.asset_is("tour", AssetState.READY))
    await catalog.drop_asset("tour")
    assert catalog.changes.seq == 0


async def test_enabling_is_a_change_only_when_it_changes(catalog: Catalog) -> None:
    made = await catalog.add_channel("demo", "Demo", "h1", demo=True)
    assert (await catalog.enable_channel("demo", True)) == made
    off = await catalog.enable_channel("demo", False)
    assert not off.enabled and off.rev == made.rev + 1 and off.edition == made.edition


async def test_an_asset_moves_through_its_states(catalog: Catalog) -> None:
    row = await catalog.add_asset("tour", "Tour")
    assert (row.state, row.report, row.bytes) == (AssetState.ADDING, None, 0)
    assert await catalog.assets_in(AssetState.ADDING) == [row]
    ready = await catalog.asset_is("tour", AssetState.READY, report=REPORT)
    assert (ready.report, ready.bytes) == (REPORT, 77)
    await refused("conflict", catalog.add_asset("tour", "Again"))
    removing = await catalog.asset_is("tour", AssetState.REMOVING, revs=frozenset({ready.rev}))
    assert removing.report == REPORT
    assert (await catalog.count_assets())[AssetState.REMOVING] == 1
    await catalog.drop_asset("tour")
    assert not await catalog.has_asset("tour")


async def test_a_list_goes_on_where_it_stopped(catalog: Catalog, clock: SteppedClock) -> None:
    names = [f"a{number}" for number in range(7)]
    for name in names:
        await catalog.add_asset(name, name)
        clock.advance(1 if name != "a3" else 0)  # two of the same moment
    found, after = [], None
    while page := await catalog.assets(after=after, limit=2):
        found += [row.asset for row in page]
        after = (page[-1].created_ms, page[-1].asset)
        if len(found) == 2:
            await catalog.add_asset("late", "Late")  # newer: on no later page
    assert found == ["a6", "a5", "a4", "a3", "a2", "a1", "a0"]


async def test_waiting_nodes_hear_of_a_change_whose_caller_went_away(catalog: Catalog) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def work(change: Any) -> None:
        change.note("a change")
        begun.set()
        assert go_on.wait(5)

    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(catalog.changes.above(0, 10))
        gone = group.create_task(catalog._write(work))
        assert await asyncio.to_thread(begun.wait, 5)
        gone.cancel()
        go_on.set()
    assert waiting.result()


async def test_writers_at_once_do_not_fail(catalog: Catalog) -> None:
    async with asyncio.TaskGroup() as group:
        for number in range(40):
            group.create_task(catalog.add_asset(f"a{number}", "x"))
            group.create_task(catalog.channels())
    rows = await catalog.assets(limit=100)
    assert len({row.rev for row in rows}) == 40


async def test_commits_are_on_the_disk(catalog: Catalog, path: Path) -> None:
    def pragmas() -> tuple[object, ...]:
        with catalog._engine.connect() as connection:
            return tuple(
                connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")
            )

    assert await asyncio.to_thread(pragmas) == ("wal", 2)  # 2 is FULL
    assert path.stat().st_mode & 0o777 == 0o600
    assert all(os.stat(child).st_mode & 0o077 == 0 for child in path.parent.iterdir())
