import asyncio
from collections.abc import AsyncIterator

import pytest

from base.problems import Problem
from control.delivery import Delivery
from control.incoming import Described
from control.origin import Origin, Refused
from control.remuxer import Remuxer
from control.rows import AssetState
from control.store import Catalog
from control.uploads import Uploads
from node.clock import SteppedClock

FILE = [Described(name="tour.mp4", length=None)]


@pytest.fixture
async def catalog(home) -> AsyncIterator[Catalog]:
    made = await Catalog.open(home.data / "control" / "catalog.db", SteppedClock())
    yield made
    await made.close()


@pytest.fixture
async def uploads(home, origin, catalog) -> AsyncIterator[Uploads]:
    client = Origin(f"unix:{home.socket('origin', door='media')}")
    remuxer = Remuxer(home.socket("remux", door="jobs"))
    yield Uploads(catalog, client, Delivery(client, remuxer))
    await remuxer.close()
    await client.close()


async def body(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def broken() -> AsyncIterator[bytes]:
    yield b"abc"
    raise ConnectionResetError("the uploader is gone")


async def test_a_file_becomes_a_ready_asset(uploads: Uploads, catalog: Catalog) -> None:
    row = await uploads.add("tour", "Tour", body(b"abc"), FILE, "r")
    assert (row.state, row.bytes) == (AssetState.READY, 3)
    assert await catalog.asset("tour") == row


async def test_the_same_title_gets_the_next_name_also_at_once(uploads: Uploads) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(uploads.add("tour", "Tour", body(b"abc"), FILE, "r")) for _ in range(4)]
    assert sorted(task.result().asset for task in tasks) == ["tour", "tour-2", "tour-3", "tour-4"]


async def test_a_name_that_only_the_origin_knows_is_left_alone(uploads: Uploads, origin) -> None:
    """The catalog was lost or put back from an old copy: the origin's files are not overwritten."""
    await uploads.add("tour", "Tour", body(b"abc"), FILE, "r")
    await uploads._catalog.drop_asset("tour")
    origin.broken["tour-2"] = "damaged"
    assert (await uploads.add("tour", "Tour", body(b"def"), FILE, "r")).asset == "tour-3"
    assert origin.assets["tour"].bytes == 3


async def test_a_refusal_changes_nothing(uploads: Uploads, catalog: Catalog) -> None:
    with pytest.raises(Refused):
        await uploads.add("tour", "Tour", body(b"junk"), FILE, "r")
    assert await catalog.assets() == []


async def test_an_upload_that_broke_off_is_settled_by_the_keeper(uploads: Uploads, catalog: Catalog) -> None:
    with pytest.raises(Problem):
        await uploads.add("tour", "Tour", broken(), [Described(name="tour.mp4", length=100)], "r")
    assert (await catalog.asset("tour")).state is AssetState.ADDING
    assert await uploads.settle_all() == 0
    assert not await catalog.has_asset("tour")


async def test_a_file_that_got_there_after_all_is_ready(uploads: Uploads, catalog: Catalog, origin) -> None:
    await uploads.add("tour", "Tour", body(b"abc"), FILE, "r")
    await catalog.asset_is("tour", AssetState.ADDING)
    assert await uploads.settle_all() == 0
    assert (await catalog.asset("tour")).state is AssetState.READY


async def test_a_file_that_the_origin_cannot_open_has_failed_with_its_reason(uploads: Uploads, catalog, origin) -> None:
    await catalog.add_asset("tour", "Tour")
    origin.broken["tour"] = "the index does not match the file"
    assert await uploads.settle_all() == 0
    row = await catalog.asset("tour")
    assert (row.state, row.reason) == (AssetState.FAILED, "the index does not match the file")
    assert await uploads.remove("tour")
    assert not await catalog.has_asset("tour")


async def test_while_the_origin_is_away_nothing_is_decided(uploads: Uploads, catalog: Catalog, home, origin) -> None:
    await uploads.add("tour", "Tour", body(b"abc"), FILE, "r")
    await catalog.add_asset("other", "Other")
    await origin.stop()
    assert not await uploads.remove("tour")
    assert await uploads.settle_all() == 2
    assert (await catalog.asset("tour")).state is AssetState.REMOVING
    await origin.start(home.socket("origin", door="media"))
    assert await uploads.settle_all() == 0
    assert await catalog.assets() == [] and origin.assets == {}


async def test_an_upload_that_runs_is_neither_settled_nor_removed(uploads: Uploads, catalog, origin) -> None:
    origin.gate.clear()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(uploads.add("tour", "Tour", body(b"abc"), FILE, "r"))
        async with asyncio.timeout(5):
            while "tour" not in origin.assets:
                await asyncio.sleep(0.01)
        assert await uploads.settle_all() == 0
        with pytest.raises(Problem) as refused:
            await uploads.remove("tour")
        assert refused.value.kind.name == "conflict"
        assert (await catalog.asset("tour")).state is AssetState.ADDING
        origin.gate.set()
    assert running.result().state is AssetState.READY


async def test_the_keeper_settles_at_start_and_when_something_is_left(uploads: Uploads, catalog: Catalog) -> None:
    await catalog.add_asset("early", "Early")
    keeper = asyncio.get_running_loop().create_task(uploads.keep())
    try:
        async with asyncio.timeout(5):
            while await catalog.has_asset("early"):
                await asyncio.sleep(0.01)
        with pytest.raises(Problem):
            await uploads.add("tour", "Tour", broken(), [Described(name="tour.mp4", length=100)], "r")
        async with asyncio.timeout(5):
            while await catalog.has_asset("tour"):
                await asyncio.sleep(0.01)
    finally:
        keeper.cancel()
