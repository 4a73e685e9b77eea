from aiohttp import web

from control.node_status import processes


async def test_every_process_of_the_box_is_asked(home) -> None:
    async def health(_: web.Request) -> web.Response:
        return web.json_response({"role": "edge", "worker": 1, "state": "ok", "pid": 42})

    app = web.Application()
    app.router.add_get("/healthz", health)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.UnixSite(runner, str(home.socket("edge", 1))).start()
    await web.UnixSite(runner, str(home.socket("control", door="node"))).start()
    home.socket("origin").touch()  # left by a kill: nobody answers
    try:
        assert await processes(home.run) == [
            {"role": "edge", "worker": 1, "state": "ok", "pid": 42},
            {"role": "origin", "worker": 0, "state": "away", "pid": 0},
        ]
    finally:
        await runner.cleanup()
