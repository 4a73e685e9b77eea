"""`headwater channel schedule`, against a real box."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from node.home import Home
from node.main import run
from tests.kit.media import Films
from tests.node.conftest import headwater


@pytest.mark.slow
async def test_a_schedule_from_the_command_line(appliances: Any, home: Home, films: Films, tmp_path: Path) -> None:
    box = await appliances("--json", real=True)
    await box.ready()
    where = ("--home", str(home.root))
    assert (await headwater("channel", "create", "linear", *where))[0] == 0
    assert (await headwater("add", str(films("bframes")), "--title", "tour", *where))[0] == 0
    said = ("channel", "schedule", "linear")
    assert (await headwater(*said, *where))[0] == 0
    code, out, err = await headwater(*said, "--loop", "tour", "tour", *where)
    assert code == 0 and out.split() == ["then", "tour", "then", "tour", "over", "and", "over"], err
    folder = tmp_path / "films"
    folder.mkdir()
    shutil.copy(films("bframes"), folder / "b.mp4")
    shutil.copy(films("bframes"), folder / "a.mp4")
    (folder / "notes.txt").write_text("no film")
    for _ in range(2):  # the second time they are there
        code, out, err = await headwater(*said, "--folder", str(folder), *where)
        assert code == 0 and out.split() == ["then", "a-mp4", "then", "b-mp4", "over", "and", "over"], err
    assert (await headwater(*said, "--folder", str(tmp_path / "none"), *where))[0] == 1
    day = tmp_path / "day.json"
    day.write_text(json.dumps({"items": [{"asset": "tour", "at": "2027-01-15T08:00:00Z"}]}))
    code, out, err = await headwater(*said, "--file", str(day), "--json", *where)
    assert code == 0 and json.loads(out)["items"][0]["at"] == "2027-01-15T08:00:00Z", err
    code, _, err = await headwater(*said, "--loop", "nothing", *where)
    assert code == 1 and "nothing" in err
    code, _, err = await headwater(*said, "--file", str(tmp_path / "no.json"), *where)
    assert code == 1 and "cannot be read" in err
    assert (await headwater(*said, "--none", *where))[1] == "linear plays nothing\n"


def test_bad_words(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(["channel", "schedule", "linear", "--none", "--loop", "a"])
    assert ended.value.code == 2 and "--loop" in capsys.readouterr().err
