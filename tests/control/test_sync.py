import asyncio

import aiohttp
import msgspec

from base.desired import Desired, key_hash
from control.store import Catalog
from control.sync import Sync
from node import web
from node.clock import SteppedClock
from node.process import Context


async def desired(control, have: str = "") -> Desired:
    answer = await control.node(f"/sync/v1/desired{have}")
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    return msgspec.json.decode(answer.body, type=Desired)


async def test_a_new_node_is_answered_at_once(control) -> None:
    found = await desired(control)
    assert [row.channel for row in found.channels] == ["studio"]
    assert found.channels[0].key_hashes == (key_hash(control.keys()["studio"]),)
    assert found.seq > 0


async def test_a_node_that_waits_hears_of_each_change(control) -> None:
    first = await desired(control)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(desired(control, f"?have={first.seq}"))
        made = await control.call("POST", "/api/v1/channels", json={"channel": "news", "window_s": 60})
    assert made.status == 201
    found = waiting.result()
    assert found.seq == made.json["rev"] > first.seq
    assert {row.channel: row.window_s for row in found.channels} == {"news": 60, "studio": 1800}

    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(desired(control, f"?have={found.seq}"))
        await control.call("DELETE", "/api/v1/channels/news")
    assert [row.channel for row in waiting.result().channels] == ["studio"]


async def test_no_news_is_304_after_the_hold(home) -> None:
    catalog = await Catalog.open(home.data / "catalog.db", SteppedClock())
    made = await catalog.add_channel("news", "News", "h")
    ctx = Context(role="control", home=home)
    app = web.make_app(ctx)
    door = home.socket("control", door="node")
    Sync(catalog, door, hold_s=0.05).add_to(app)
    async with web.serving(ctx, app, [door]), aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(door))) as http:
        async with http.get(f"http://control/sync/v1/desired?have={made.rev}") as answer:
            assert (answer.status, await answer.read()) == (304, b"")
        async with http.get(f"http://control/sync/v1/desired?have={made.rev - 1}") as answer:
            assert answer.status == 200
    await catalog.close()


async def test_nothing_is_told_on_the_public_port_or_the_rim_socket(control) -> None:
    assert (await control.call("GET", "/sync/v1/desired")).status == 404
    rim = aiohttp.UnixConnector(str(control.home.socket("control")))
    async with aiohttp.ClientSession(connector=rim) as session, session.get("http://c/sync/v1/desired") as answer:
        assert answer.status == 404


async def test_a_number_that_is_none_is_malformed(control) -> None:
    for have in ("x", "1.5", "9" * 30, "--1"):
        assert (await control.node(f"/sync/v1/desired?have={have}")).status == 400


async def test_waiting_nodes_do_not_hold_up_the_end(running, origin) -> None:
    async with running() as control:
        seq = (await desired(control)).seq
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(control.node(f"/sync/v1/desired?have={seq}"))
            await asyncio.sleep(0.05)
            began = asyncio.get_running_loop().time()
            control.ctx.stopping.set()
        assert waiting.result().status == 304
        assert asyncio.get_running_loop().time() - began < 0.9
