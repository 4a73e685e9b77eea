"""Marks through the admin API, on a real origin."""

from __future__ import annotations

import json
from typing import Any

from tests.control.conftest import Answer, Control
from tests.control.test_subtitles import box, real_origin
from tests.origin.conftest import Origin

__all__ = ["box", "real_origin"]
PATH = "/api/v1/assets/tour/marks"
MARK = {"id": "a", "start": 1.5, "kind": "chapter"}


async def put(box: Control, given: Any) -> Answer:
    return await box.call("PUT", PATH, data=json.dumps(given).encode())


async def test_marks_come_and_go(box: Control) -> None:
    assert (await box.call("GET", PATH)).json == []
    made = await put(box, [MARK])
    assert (made.status, made.json) == (200, [MARK]) and made.headers["Cache-Control"] == "no-store"
    assert (await box.call("GET", PATH)).json == [MARK]
    assert (await box.call("DELETE", PATH)).status == 204
    assert (await box.call("GET", PATH)).json == []


async def test_refusals_are_the_origins(box: Control) -> None:
    refused = await put(box, [MARK, {"id": "b"}])
    assert refused.status == 400 and refused.json["detail"].startswith("/1: ") and refused.json["pointer"] == "/1"
    assert (await box.call("PUT", PATH, data=b" " * ((256 << 10) + 1))).status == 413
    for method in ("GET", "PUT", "DELETE"):
        assert (await box.call(method, "/api/v1/assets/none/marks", data=b"[]")).status == 404


async def test_an_origin_that_is_away(box: Control, real_origin: Origin) -> None:
    real_origin.ctx.stopping.set()
    await real_origin.running
    assert (await put(box, [MARK])).status in (502, 504)
