"""Harvest through the admin API, on a real origin with a channel that was published."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from base.problems import Problem
from control.harvests import read
from control.rows import Channel
from node.home import Home
from tests.control.conftest import Control
from tests.kit.live_media import Studio
from tests.origin.conftest import Origin, running_origin

START, END = "2023-11-14T22:13:22Z", "2023-11-14T23:13:26+01:00"


@pytest.fixture
async def real_origin(home: Home) -> AsyncIterator[Origin]:
    async with running_origin(home.root, drain__seconds=1) as origin:
        studio = Studio()
        await origin.announce(studio)
        await origin.publish(studio.run(10_000) + studio.finish())
        yield origin


@pytest.fixture
async def box(real_origin: Origin, running: Any) -> AsyncIterator[Control]:
    async with running() as control:
        yield control


async def test_a_harvest_is_an_asset_of_the_catalog(box: Control, real_origin: Origin) -> None:
    channel = (await box.call("GET", "/api/v1/channels/studio")).json["title"]
    usual = f"{channel.lower()}-2023-11-14-22-13"
    for title, name, shown in (
        ("", usual, f"{channel} 2023-11-14 22:13"),
        ("Goal", "goal", "Goal"),
    ):
        body = json.dumps({"start": START, "end": END} | ({"title": title} if title else {})).encode()
        made = await box.call("POST", "/api/v1/channels/studio/harvest", data=body)
        assert made.status == 201, made.text
        assert made.headers["Location"] == f"/api/v1/assets/{name}"
        assert (made.json["asset"], made.json["title"], made.json["state"]) == (name, shown, "ready")
        assert round(made.json["report"]["duration_ms"], -2) == 4000
        assert (await real_origin.get(f"/vod/{name}/manifest.mpd")).status == 200
    listed = (await box.call("GET", "/api/v1/assets")).json["assets"]
    assert {row["asset"] for row in listed} == {usual, "goal"}
    assert (await box.call("DELETE", "/api/v1/channels/studio")).status == 204
    assert (await real_origin.get("/vod/goal/manifest.mpd")).status == 200
    assert (await box.call("DELETE", "/api/v1/assets/goal")).status == 204
    assert (await real_origin.get("/vod/goal/manifest.mpd")).status == 404


async def test_refusals_leave_nothing_behind(box: Control) -> None:
    for channel, start, end, status, says in (
        ("studio", "2023-11-14T20:13:22Z", END, 410, "the window of the channel begins"),
        ("studio", START, START, 400, "end: give a time after start"),
        ("studio", "yesterday", END, 400, "start: give a time with its zone"),
        ("none", START, END, 404, "none"),
    ):
        body = json.dumps({"start": start, "end": end}).encode()
        answer = await box.call("POST", f"/api/v1/channels/{channel}/harvest", data=body)
        assert answer.status == status and says in answer.json["detail"], answer.text
    assert (await box.call("GET", "/api/v1/assets")).json["assets"] == []


@pytest.mark.parametrize("start", ["2023-11-14", "2023-11-14T22:13:22", "0001-01-01T00:00:00Z", "", "now"])
def test_times_need_their_zone(start: str) -> None:
    with pytest.raises(Problem, match="start: give a time with its zone"):
        read(json.dumps({"start": start, "end": END}).encode(), Channel.__new__(Channel))
