"""Limits through the admin API."""

from __future__ import annotations

import json

import pytest

from base.desired import Limits
from tests.control.conftest import Control
from tests.control.test_cues import desired

PATH = "/api/v1/channels/field/limits"


async def limits_of(control: Control) -> Limits:
    (channel,) = [one for one in (await desired(control)).channels if one.channel == "field"]
    return channel.limits


async def test_limits_are_part_of_the_desired_state(control: Control) -> None:
    assert (await control.call("POST", "/api/v1/channels", data=b'{"channel": "field"}')).status == 201
    assert (await control.call("GET", PATH)).json == {"kbps": 0, "lines": 0, "seconds": 0}
    put = await control.call("PUT", PATH, data=json.dumps({"kbps": 8000, "lines": 1080}).encode())
    assert (put.status, put.json) == (200, {"kbps": 8000, "lines": 1080, "seconds": 0})
    assert await limits_of(control) == Limits(kbps=8000, lines=1080)
    assert (await control.call("PUT", PATH, data=b'{"seconds": 3600}')).json["kbps"] == 0, "what is left out is none"
    assert await limits_of(control) == Limits(seconds=3600)
    assert (await control.call("DELETE", PATH)).status == 204
    assert await limits_of(control) == Limits()
    assert (await control.call("GET", PATH.replace("field", "none"))).status == 404


@pytest.mark.parametrize("body", [{"kbps": -1}, {"lines": "1080"}, {"seconds": 10**9}, {"bits": 1}])
async def test_what_is_no_limit_is_refused(control: Control, body: dict[str, object]) -> None:
    assert (await control.call("POST", "/api/v1/channels", data=b'{"channel": "field"}')).status == 201
    assert (await control.call("PUT", PATH, data=json.dumps(body).encode())).status == 400
