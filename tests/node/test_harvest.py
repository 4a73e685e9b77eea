"""`headwater channel harvest`, against a real box; that it makes a film is shown in tests/scenarios."""

from __future__ import annotations

from typing import Any

import pytest

from node.home import Home
from node.main import run
from tests.node.conftest import headwater

TIMES = ("--start", "2023-11-14T22:13:22Z", "--end", "2023-11-14T22:13:26Z")


async def test_what_cannot_be_harvested_is_said(appliances: Any, home: Home) -> None:
    box = await appliances("--json", real=True)
    await box.ready()
    where = ("--home", str(home.root))
    assert (await headwater("channel", "create", "news", *where))[0] == 0
    code, out, err = await headwater("channel", "harvest", "news", *TIMES, *where)
    assert code == 1 and not out and "nothing was published on it" in err
    code, _, err = await headwater("channel", "harvest", "none", *TIMES, *where)
    assert code == 1 and "none" in err
    code, _, err = await headwater("channel", "harvest", "news", "--start", "now", *TIMES[2:], *where)
    assert code == 1 and "start: give a time with its zone" in err


def test_both_times_are_needed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(["channel", "harvest", "news", *TIMES[:2]])
    assert ended.value.code == 2 and "--end" in capsys.readouterr().err
