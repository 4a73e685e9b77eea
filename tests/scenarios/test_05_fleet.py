"""Roles on boxes of their own meet over TCP, as on one box over sockets."""

from pathlib import Path

import aiohttp
import pytest

from tests.kit.appliance import Appliance, free_port_base
from tests.kit.media import Films
from tests.kit.viewer import Viewer


async def test_an_edge_alone_serves_from_an_origin_elsewhere(films: Films, tmp_path: Path) -> None:
    with Appliance(origin_door=True) as core:
        asset = core.command("add", str(films("plain")))
        config = tmp_path / "edge.toml"
        config.write_text(f'[edge]\nupstream = "http://{core.origin_address}"\nworkers = 2\n')
        with Appliance("--role", "edge", "--config", str(config)) as paris:
            path = asset["manifests"]["hls"].removeprefix(core.url["edge"])
            async with Viewer(paris.url["edge"] + path) as viewer:
                played = await viewer.ends(within=30)
            assert played.holes == [] and played.faults == [], viewer.story()
            assert paris.metric("headwater_edge_fills_total", result="stored") > 0
            filled = paris.metric("headwater_edge_fills_total")
            async with Viewer(paris.url["edge"] + path) as second:
                await second.ends(within=30)
            workers = 2  # each worker fills its own memory
            assert paris.metric("headwater_edge_fills_total") <= workers * filled


async def test_an_origin_alone_uses_several_cores(films: Films) -> None:
    address = f"127.0.0.1:{free_port_base() + 4}"
    words = ("--role", "origin", "--workers", "2", "--listen", address, "--set", "pictures.on=0")
    with Appliance(*words) as core:
        url = f"http://{address}/vod/tour"

        async def status(path: str, method: str = "GET", body: bytes | None = None) -> int:
            """Each over a connection of its own: the kernel chooses the worker."""
            async with aiohttp.ClientSession() as client, client.request(method, url + path, data=body) as answer:
                return answer.status

        def answered(worker: int) -> float:
            return core.metric("headwater_http_requests_total", role="origin", worker=str(worker), method="GET")

        assert await status("/mezzanine.mp4", "PUT", films("plain").read_bytes()) == 201
        async with Viewer(f"{url}/multivariant.m3u8") as viewer:
            played = await viewer.ends(within=30)
        assert played.holes == [] and played.faults == [], viewer.story()
        assert {await status("/manifest.mpd") for _ in range(30)} == {200}
        assert answered(0) > 0 and answered(1) > 0

        killed = core.kill("origin", 1)
        core.wait_for_new("origin", killed, 1)
        assert core.metric("headwater_node_restarts_total", role="origin") == 1
        assert {await status("/manifest.mpd") for _ in range(20)} == {200}
        assert await status("/status.json", "DELETE") == 204
        assert {await status("/manifest.mpd") for _ in range(20)} == {404}

        with pytest.raises(AssertionError, match=f"cannot listen on {address}"), Appliance(*words):
            pass
        assert core.stop() == 0
