"""Splices through the admin API: taken, repeated, moved, cancelled, refused; and what nodes are told of them."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import msgspec
import pytest

from base.desired import DESIRED_PATH, Desired
from base.problems import Problem
from base.scte35.commands import BreakDuration, SpliceInsert, SpliceNull
from base.scte35.section import Section, parse, write
from control.cues import LEAD_MS, NewCue, cue_of, shown
from control.rows import Cue
from tests.base.scte35.vectors import SAMPLES
from tests.control.conftest import Answer, Control

NOW = 1_800_000_000_000
PATH = "/api/v1/channels/news/cues"


def made(there: list[Cue] | None = None, now_ms: int = NOW, **given: Any) -> Cue:
    return cue_of("news", NewCue(**given), there or [], now_ms)


def test_a_break_now_is_a_little_ahead_so_that_every_node_knows() -> None:
    cue = made(action="out", duration=30)
    assert (cue.at_ms, cue.duration_ms, cue.event) == (NOW + LEAD_MS, 30_000, NOW // 1000 & 0x7FFFFFFF)
    command = parse(cue.section).command
    assert command == SpliceInsert(event_id=cue.event, immediate=True, duration=BreakDuration(2_700_000))
    assert shown(cue)["at"] == "2027-01-15T08:00:02.000Z" and shown(cue)["duration"] == 30
    assert made([cue], action="out").event == cue.event + 1, "a break of its own"


def test_an_end_is_of_the_break_that_is_on() -> None:
    first, second = made(action="out", event=7), made(action="out", event=8, duration=10)
    assert made([first, second], action="in", now_ms=NOW + 5000).event == 8
    assert made([first, second], action="in", now_ms=NOW + 20_000).event == 7, "8 has ended by itself"
    end = made([first], action="in")
    assert parse(end.section).command == SpliceInsert(event_id=7, out_of_network=False, immediate=True)
    with pytest.raises(Problem, match="no break"):
        made([first, end], action="in")


def test_the_same_again_is_the_same() -> None:
    cue = made(action="out", event=7, duration=30)
    assert made([cue], now_ms=NOW + 500, action="out", event=7, duration=30) == cue
    moved = made([cue], action="out", event=7, duration=20, at="2027-01-15T08:10:00Z")
    assert (moved.at_ms, moved.duration_ms) == (NOW + 600_000, 20_000)
    assert made([cue], now_ms=NOW + 5000, action="out", event=7, at="2027-01-15T08:10:00Z") == cue, "it was made"


def test_a_section_says_it_itself() -> None:
    found = made(section=SAMPLES["14.1 placement opportunity start"])
    assert (found.action, found.event, found.duration_ms) == ("out", 0x4800008E, 307_000)
    assert base64.b64encode(found.section).decode() == SAMPLES["14.1 placement opportunity start"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "action: give out, in, or a section"),
        ({"action": "in", "duration": 3}, "duration: "),
        ({"action": "out", "at": "soon"}, "at: give"),
        ({"action": "out", "at": "2027-01-15T08:10:00"}, "with its zone"),
        ({"action": "out", "at": "2026-01-15T08:10:00Z"}, "next seven days"),
        ({"action": "out", "at": "2028-01-15T08:10:00Z"}, "next seven days"),
        ({"section": "%%%"}, "section: give base64"),
        ({"section": "AAAA"}, "section: this is no splice_info_section"),
        ({"section": base64.b64encode(write(Section(command=SpliceNull()))).decode()}, "signals no splice"),
        ({"section": SAMPLES["null"], "event": 3}, "leave them out"),
    ],
)
def test_refusals_say_what_to_do(given: dict[str, Any], says: str) -> None:
    with pytest.raises(Problem, match=says):
        made(**given)


async def post(box: Control, **given: Any) -> Answer:
    return await box.call("POST", PATH, data=json.dumps(given).encode())


@pytest.fixture
async def news(control: Control) -> AsyncIterator[Control]:
    body = {"channel": "news", "splices": True, "interstitials": "https://ads.example/{channel}/{event}"}
    assert (await control.call("POST", "/api/v1/channels", data=json.dumps(body).encode())).status == 201
    yield control


async def desired(box: Control) -> Desired:
    connector = aiohttp.UnixConnector(str(box.ctx.home.socket("control", door="node")))
    async with aiohttp.ClientSession(connector=connector) as node, node.get(f"http://control{DESIRED_PATH}") as answer:
        return msgspec.json.decode(await answer.read(), type=Desired)


async def test_splices_are_part_of_the_desired_state(news: Control) -> None:
    before = (await desired(news)).seq
    first = await post(news, action="out", duration=30, event=5)
    assert first.status == 201 and first.json["event"] == 5
    again = await post(news, action="out", duration=30, event=5)
    assert again.status == 200 and again.json == first.json
    state = await desired(news)
    (channel,) = [spec for spec in state.channels if spec.channel == "news"]
    assert [base64.b64encode(cue.section).decode() for cue in channel.cues] == [first.json["section"]]
    assert state.seq > before and channel.splices and channel.interstitials == "https://ads.example/{channel}/{event}"
    assert (await news.call("GET", PATH)).json == {"cues": [first.json]}


async def test_what_has_not_begun_is_cancelled(news: Control) -> None:
    await post(news, action="out", event=5)
    assert (await news.call("DELETE", f"{PATH}/5")).status == 204
    assert (await news.call("GET", PATH)).json == {"cues": []}
    assert (await news.call("DELETE", f"{PATH}/5")).status == 404
    assert (await news.call("DELETE", f"{PATH}/five")).status == 400


async def test_bad_requests(news: Control) -> None:
    assert (await post(news, action="sideways")).json["field"] == "action"
    assert (await news.call("POST", PATH, data=b" " * 20_000)).status == 413
    assert (await news.call("POST", "/api/v1/channels/none/cues", data=b'{"action": "out"}')).status == 404
    assert (await news.call("GET", "/api/v1/channels/none/cues")).status == 404
    body = b'{"channel": "other", "interstitials": "ftp://x"}'
    assert (await news.call("POST", "/api/v1/channels", data=body)).json["field"] == "interstitials"
