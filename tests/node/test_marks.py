"""`headwater marks`, against a real box; what a viewer then finds."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from node.home import Home
from node.marks import clock
from tests.kit.media import Films
from tests.node.conftest import headwater
from tests.node.test_catalog import fetch


async def test_marks_from_the_command_line(appliances: Any, home: Home, films: Films, tmp_path: Path) -> None:
    await (await appliances("--json", real=True)).ready()
    where = ("--home", str(home.root))
    code, out, err = await headwater("add", str(films("silent")), "--title", "tour", *where, "--json")
    assert code == 0, err
    asset = json.loads(out)
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    given = [
        {"id": "a", "start": 0, "kind": "chapter", "title": "Anfang"},
        {"id": "b", "start": 4.25, "kind": "ad", "duration": 2},
    ]
    good.write_text(json.dumps(given))
    bad.write_text('[{"id": "a", "start": -1, "kind": "ad"}]')

    code, out, err = await headwater("marks", "tour", *where)
    assert (code, out) == (0, "") and "headwater marks tour FILE.json" in err
    code, out, err = await headwater("marks", "tour", str(good), *where)
    assert code == 0 and out.splitlines() == ["0:00:00      a  chapter  Anfang", "0:00:04.250  b  ad  2 s"], err
    assert json.loads((await headwater("marks", "tour", *where, "--json"))[1]) == given
    top = (await asyncio.to_thread(fetch, asset["manifests"]["hls"])).decode()
    uri = next(line for line in top.splitlines() if line.endswith(asset_marks(top)))
    media = (await asyncio.to_thread(fetch, asset["manifests"]["hls"].rpartition("/")[0] + "/" + uri)).decode()
    assert media.count("#EXT-X-DATERANGE") == 2

    for manifest in ("hls", "dash"):
        code, out, err = await headwater("probe", asset["manifests"][manifest])
        assert code == 0, out + err

    for words, sentence in (
        (("tour", str(bad)), "/0/start"),
        (("tour", str(tmp_path / "gone.json")), "no such file"),
        (("nothing", str(good)), "nothing"),
    ):
        code, out, err = await headwater("marks", *words, *where)
        assert (code, out) == (1, "") and sentence in err, (words, err)
    assert (await headwater("marks", "tour", "--remove", *where))[:2] == (0, "removed the marks of tour\n")
    assert json.loads((await headwater("marks", "tour", *where, "--json"))[1]) == []


def asset_marks(top: str) -> str:
    """How the addresses of media playlists end."""
    return "?marks=" + top.partition("?marks=")[2][:16]


@pytest.mark.parametrize(("seconds", "said"), [(0, "0:00:00"), (3723.25, "1:02:03.250"), (59.9996, "0:01:00")])
def test_times_are_said_as_people_do(seconds: float, said: str) -> None:
    assert clock(seconds) == said
