"""`headwater channel limits`, against a real box."""

from __future__ import annotations

import json
from typing import Any

import pytest

from node.home import Home
from tests.node.conftest import headwater


@pytest.mark.slow
async def test_limits_from_the_command_line(appliances: Any, home: Home) -> None:
    box = await appliances("--json", real=True)
    await box.ready()
    where = ("--home", str(home.root))
    assert (await headwater("channel", "create", "field", *where))[0] == 0
    said = ("channel", "limits", "field")
    code, out, err = await headwater(*said, *where)
    assert code == 0 and out.count("no limit") == 3, err
    code, out, err = await headwater(*said, "--kbps", "8000", "--minutes", "90", *where)
    assert code == 0 and "8000 kbit/s" in out and "90 min" in out, err
    code, out, err = await headwater(*said, "--lines", "1080", "--kbps", "0", "--json", *where)
    assert code == 0 and json.loads(out) == {"kbps": 0, "lines": 1080, "seconds": 5400}, err
    code, _, err = await headwater("channel", "limits", "none", *where)
    assert code == 1 and "none" in err
