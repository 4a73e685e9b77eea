"""Subtitles through the admin API, on a real origin."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from node.home import Home
from tests.control.conftest import Answer, Control
from tests.kit.captions import Caption608, with_captions
from tests.kit.media import Films
from tests.origin.conftest import Origin, running_origin

SRT = b"1\n00:00:01,000 --> 00:00:02,000\nHallo\n"


@pytest.fixture
async def real_origin(home: Home) -> AsyncIterator[Origin]:
    async with running_origin(home.root, drain__seconds=1) as origin:
        yield origin


@pytest.fixture
async def box(real_origin: Origin, running: Any, films: Films) -> AsyncIterator[Control]:
    """Control with one film, `tour`."""
    async with running() as control:
        made = await control.call("POST", "/api/v1/assets?title=tour", data=films("silent").read_bytes())
        assert made.status == 201, made.text
        yield control


async def add(box: Control, query: str = "language=de", body: bytes = SRT) -> Answer:
    return await box.call("POST", f"/api/v1/assets/tour/subtitles?{query}", data=body)


async def texts(box: Control) -> list[str]:
    asset = (await box.call("GET", "/api/v1/assets/tour")).json
    return [track["track"] for track in asset["report"]["tracks"] if track["kind"] == "text"]


async def test_subtitles_come_and_go(box: Control) -> None:
    made = await add(box, "language=de&label=Deutsch&kind=captions&default=1")
    assert made.status == 201 and made.headers["Location"] == "/api/v1/assets/tour/subtitles/s1"
    text = made.json["report"]["tracks"][-1]
    assert made.json["track"] == "s1" and made.json["state"] == "ready"
    assert (text["language"], text["label"], text["role"], text["default"]) == ("de", "Deutsch", "captions", True)
    assert (await add(box, "language=fr")).json["track"] == "s2"
    assert await texts(box) == ["s1", "s2"]
    assert (await box.call("DELETE", "/api/v1/assets/tour/subtitles/s1")).status == 204
    assert await texts(box) == ["s2"]
    assert (await add(box)).json["track"] == "s1", "the first name that is free"


async def test_many_at_once_get_names_of_their_own(box: Control) -> None:
    made = await asyncio.gather(*(add(box) for _ in range(5)))
    assert sorted(one.json["track"] for one in made) == ["s1", "s2", "s3", "s4", "s5"]
    assert await texts(box) == ["s1", "s2", "s3", "s4", "s5"]


async def test_refusals_are_the_origins(box: Control) -> None:
    refused = await add(box, body=b"1\n00:00:01,000 --> soon\nx")
    assert refused.status == 422 and "line 2" in refused.json["detail"]
    assert (await add(box, "language=german!")).status == 400
    assert (await add(box, body=b"x" * ((8 << 20) + 1))).status == 413
    for path in ("/api/v1/assets/none/subtitles?language=de", "/api/v1/assets/No/subtitles?language=de"):
        assert (await box.call("POST", path, data=SRT)).status == 404
    for track in ("s1", "v1", "x%2Fy", "S1"):
        assert (await box.call("DELETE", f"/api/v1/assets/tour/subtitles/{track}")).status == 404
    assert await texts(box) == []


async def test_an_origin_that_is_away(box: Control, real_origin: Origin) -> None:
    real_origin.ctx.stopping.set()
    await real_origin.running
    assert (await add(box)).status in (502, 504)


async def test_captions_of_the_picture_are_found(box: Control, films: Films) -> None:
    none = await box.call("POST", "/api/v1/assets/tour/captions")
    assert none.status == 404 and "no CEA-608 captions" in none.json["detail"]
    film = with_captions(films("silent").read_bytes(), Caption608().pop_on("HELLO", shown=30, gone=60).pairs)
    made = await box.call("POST", "/api/v1/assets?title=news", data=film)
    assert [track["role"] for track in made.json["report"]["tracks"] if track["kind"] == "text"] == ["captions"]
    found = await box.call("POST", "/api/v1/assets/news/captions?language=en")
    assert found.status == 200 and found.json["report"]["tracks"][-1]["language"] == "en"
    assert (await box.call("POST", "/api/v1/assets/gone/captions")).status == 404
