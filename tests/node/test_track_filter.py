"""`headwater asset tracks`, against a real box; what a viewer then finds."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from node.home import Home
from tests.kit.media import Films
from tests.node.conftest import headwater
from tests.node.test_catalog import fetch


async def test_tracks_are_chosen_from_the_command_line(appliances: Any, home: Home, films: Films) -> None:
    await (await appliances("--json", "--set", "origin.tracks=audio:de", real=True)).ready()
    where = ("--home", str(home.root))
    code, out, err = await headwater("add", str(films("two-languages")), "--title", "tour", *where, "--json")
    assert code == 0, err
    manifest = json.loads(out)["manifests"]["dash"]
    code, out, err = await headwater("asset", "tracks", "tour", *where)
    assert (code, out.splitlines()) == (0, ["v1", "a2", "a1  left out"]), err
    assert "filter: audio:de, this node's" in err
    assert b'id="a1"' not in await asyncio.to_thread(fetch, manifest)
    code, out, err = await headwater("asset", "tracks", "tour", "audio:en,video:<=2160", *where)
    assert code == 0 and out.splitlines() == ["v1", "a1", "a2  left out"] and "its own" in err
    code, out, _ = await headwater("asset", "tracks", "tour", "--all", *where, "--json")
    assert json.loads(out) == {"tracks": "", "own": True, "kept": ["v1", "a1", "a2"], "left_out": []}
    code, out, _ = await headwater("asset", "tracks", "tour", "--default", *where, "--json")
    assert json.loads(out)["left_out"] == ["a1"]
    for words, sentence in ((("tour", "video:none,audio:none"), "leaves nothing to play"), (("gone", "v1"), "gone")):
        code, out, err = await headwater("asset", "tracks", *words, *where)
        assert (code, out) == (1, "") and sentence in err, err
