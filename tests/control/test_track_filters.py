"""Filters of tracks through the admin API, on a real origin."""

from __future__ import annotations

import json

from tests.control.conftest import Answer, Control
from tests.control.test_subtitles import SRT, box, real_origin
from tests.origin.conftest import Origin

__all__ = ["box", "real_origin"]
PATH = "/api/v1/assets/tour/tracks"


async def put(box: Control, tracks: str) -> Answer:
    return await box.call("PUT", PATH, data=json.dumps({"tracks": tracks}).encode())


async def test_a_filter_comes_and_goes(box: Control) -> None:
    assert (await box.call("POST", "/api/v1/assets/tour/subtitles?language=de", data=SRT)).status == 201
    assert (await box.call("GET", PATH)).json["left_out"] == []
    made = await put(box, "text:fr")
    assert (made.status, made.json["own"], made.json["left_out"]) == (200, True, ["s1"])
    assert made.headers["Cache-Control"] == "no-store"
    assert (await box.call("GET", PATH)).json == made.json
    asset = (await box.call("GET", "/api/v1/assets/tour")).json
    assert asset["report"]["left_out"] == ["s1"], "the catalog knows it too"
    taken = await box.call("POST", "/api/v1/assets/tour/subtitles?language=fr", data=SRT)
    assert taken.json["track"] == "s2", "a name that is left out is not free"
    assert (await box.call("DELETE", PATH)).status == 204
    assert (await box.call("GET", "/api/v1/assets/tour")).json["report"]["left_out"] == []


async def test_refusals_are_the_origins(box: Control) -> None:
    refused = await put(box, "video:none")
    assert refused.status == 400 and "leaves nothing to play" in refused.json["detail"]
    assert (await box.call("PUT", PATH, data=b" " * 4097)).status == 413
    for method in ("GET", "PUT", "DELETE"):
        assert (await box.call(method, "/api/v1/assets/none/tracks", data=b"{}")).status == 404


async def test_an_origin_that_is_away(box: Control, real_origin: Origin) -> None:
    real_origin.ctx.stopping.set()
    await real_origin.running
    assert (await put(box, "v1")).status in (502, 504)
