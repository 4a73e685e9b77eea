"""`headwater channel cue`, against a real box."""

from __future__ import annotations

import json
from typing import Any

import pytest

from node.home import Home
from node.main import run
from tests.node.conftest import headwater


@pytest.mark.slow
async def test_splices_from_the_command_line(appliances: Any, home: Home) -> None:
    box = await appliances("--json", real=True)
    await box.ready()
    where = ("--home", str(home.root))
    assert (await headwater("channel", "create", "news", "--splices", *where))[0] == 0

    code, out, err = await headwater("channel", "cue", "news", "--out", "30", "--event", "7", *where)
    assert code == 0 and out.startswith("out 7 at 2") and out.endswith(" for 30 s\n"), err
    assert json.loads((await headwater("channel", "cue", "news", "--in", *where, "--json"))[1])["event"] == 7
    assert "out 7 at" in (await headwater("channel", "cue", "news", *where))[1]

    later = ("channel", "cue", "news", "--out", "--event", "8", "--at")
    code, _, err = await headwater(*later, "tomorrow", *where)
    assert code == 1 and "at: give" in err
    assert (await headwater("channel", "cue", "news", "--cancel", "9", *where))[0] == 1
    code, _, err = await headwater("channel", "cue", "none", "--out", *where)
    assert code == 1 and "none" in err


@pytest.mark.parametrize("words", [("--out", "0"), ("--out", "x"), ("--out", "3", "--in")])
def test_bad_words(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(["channel", "cue", "news", *words])
    assert ended.value.code == 2 and "--out" in capsys.readouterr().err
