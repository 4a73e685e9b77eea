"""Cues in the catalog: one for each event and action, forgotten when they are long over."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from base.problems import Problem
from control.cue_store import KEPT_MS, MOST
from control.rows import Cue
from control.store import Catalog
from node.clock import SteppedClock

NOW = 1_800_000_000_000
CUE = Cue(channel="news", event=1, action="out", at_ms=NOW, duration_ms=30_000, section=b"\xfc", created_ms=NOW)


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock(NOW)


@pytest.fixture
async def catalog(tmp_path: Path, clock: SteppedClock) -> AsyncIterator[Catalog]:
    made = await Catalog.open(tmp_path / "catalog.db", clock)
    await made.add_channel("news", "News", "h1")
    yield made
    await made.close()


async def add(catalog: Catalog, cue: Cue) -> bool:
    return (await catalog.add_cue("news", lambda there, now_ms: cue))[1]


async def test_one_for_each_event_and_action(catalog: Catalog) -> None:
    assert await add(catalog, CUE) and not await add(catalog, CUE)
    seq = catalog.changes.seq
    assert not await add(catalog, CUE) and catalog.changes.seq == seq, "nothing new, nothing for nodes to fetch"
    later = replace(CUE, at_ms=NOW + 500)
    end = replace(CUE, action="in", at_ms=NOW + 900, duration_ms=-1)
    assert await add(catalog, later) and await add(catalog, end)
    assert await catalog.cues("news") == [later, end]
    _, _, everything = await catalog.desired()
    assert everything == [later, end]
    await catalog.remove_channel("news")
    assert (await catalog.desired())[2] == []


async def test_what_is_long_over_is_forgotten(catalog: Catalog, clock: SteppedClock) -> None:
    await add(catalog, CUE)
    clock.advance(KEPT_MS + 29_000)
    await add(catalog, replace(CUE, event=2, at_ms=clock.now_ms()))
    assert [cue.event for cue in await catalog.cues("news")] == [1, 2]
    clock.advance(2000)
    await add(catalog, replace(CUE, event=3, at_ms=clock.now_ms()))
    assert [cue.event for cue in await catalog.cues("news")] == [2, 3]


async def test_there_is_a_limit(catalog: Catalog) -> None:
    for event in range(MOST):
        await add(catalog, replace(CUE, event=event))
    with pytest.raises(Problem, match="200 splices"):
        await add(catalog, replace(CUE, event=MOST))


async def test_what_has_begun_is_not_cancelled(catalog: Catalog) -> None:
    await add(catalog, CUE)
    with pytest.raises(Problem, match="has begun"):
        await catalog.cancel_cue("news", 1)
    await add(catalog, replace(CUE, event=2, at_ms=NOW + 1))
    await catalog.cancel_cue("news", 2)
    with pytest.raises(Problem, match="no splice 2"):
        await catalog.cancel_cue("news", 2)
