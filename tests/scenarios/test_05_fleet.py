"""Roles on boxes of their own meet over TCP, as on one box over sockets."""

from pathlib import Path

from tests.kit.appliance import Appliance
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
