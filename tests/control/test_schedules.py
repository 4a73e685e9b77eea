"""Schedules through the admin API."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from base.desired import PlayoutItem, PlayoutSpec
from base.problems import Problem
from control.bodies import decode
from control.schedules import Schedule, shown, spec
from tests.control.conftest import Control
from tests.control.test_cues import desired

PATH = "/api/v1/channels/linear/schedule"


def given(**body: Any) -> PlayoutSpec:
    return spec(decode(json.dumps(body).encode(), Schedule))


def test_a_loop_and_a_day() -> None:
    assert given(items=[{"asset": "a"}, {"asset": "b"}], loop=True, slate="s") == PlayoutSpec(
        items=(PlayoutItem(asset="a"), PlayoutItem(asset="b")), loop=True, slate="s"
    )
    day = given(items=[{"asset": "a", "at": "2027-01-15T08:00:00Z"}, {"asset": "b"}])
    assert day.items == (PlayoutItem(asset="a", at_ms=1_800_000_000_000), PlayoutItem(asset="b"))
    assert shown(msgspec.json.encode(day).decode()) == {
        "items": [{"asset": "a", "at": "2027-01-15T08:00:00Z"}, {"asset": "b"}],
        "loop": False,
        "start": None,
        "slate": None,
    }


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"items": []}, "items"),
        ({"items": [{"asset": "No"}]}, "lower-case"),
        ({"items": [{"asset": "a"}]}, "start: say when"),
        ({"items": [{"asset": "a", "at": "2027-01-15T08:00:00Z"}], "loop": True}, "a loop has no times"),
        ({"items": [{"asset": "a", "at": "2027-01-15T08:00:00"}]}, "time zone"),
        (
            {"items": [{"asset": "a", "at": "2027-01-15T08:00:00Z"}, {"asset": "a", "at": "2027-01-15T07:00:00Z"}]},
            "must rise",
        ),
        ({"items": [{"asset": "a", "at": "1970-01-01T00:00:00Z"}]}, "from 1971"),
        ({"items": [{"asset": "a"}], "loop": True, "start": "9999-12-31T23:59:59-14:00"}, "from 1971"),
        ({"items": [{"asset": "a"}], "lop": True}, "lop"),
    ],
)
def test_refusals_say_what_to_do(body: dict[str, Any], says: str) -> None:
    with pytest.raises(Problem, match=says):
        given(**body)


async def test_a_schedule_is_part_of_the_desired_state(control: Control) -> None:
    body = json.dumps({"channel": "linear"}).encode()
    assert (await control.call("POST", "/api/v1/channels", data=body)).status == 201
    assert (await control.call("GET", PATH)).json == {"items": []}
    film = b"x" * 100
    assert (await control.call("POST", "/api/v1/assets?title=tour", data=film)).status == 201
    wanted = json.dumps({"items": [{"asset": "tour"}], "loop": True}).encode()
    put = await control.call("PUT", PATH, data=wanted)
    assert put.status == 200 and put.json["items"] == [{"asset": "tour"}]
    (channel,) = [one for one in (await desired(control)).channels if one.channel == "linear"]
    assert channel.playout == PlayoutSpec(items=(PlayoutItem(asset="tour"),), loop=True)
    unknown = json.dumps({"items": [{"asset": "nothing"}], "loop": True}).encode()
    assert (await control.call("PUT", PATH, data=unknown)).status == 404
    assert (await control.call("DELETE", PATH)).status == 204
    (channel,) = [one for one in (await desired(control)).channels if one.channel == "linear"]
    assert channel.playout is None
    assert (await control.call("GET", PATH.replace("linear", "none"))).status == 404
