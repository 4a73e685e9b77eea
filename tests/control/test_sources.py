"""Sources through the admin API."""

from __future__ import annotations

import json

import pytest

from tests.control.conftest import Control
from tests.control.test_cues import desired

PATH = "/api/v1/channels/far/source"
URL = "https://ann:secret@tv.example/live.ts?token=hidden#program=2"


async def source_of(control: Control) -> str:
    (channel,) = [one for one in (await desired(control)).channels if one.channel == "far"]
    return channel.source


async def test_a_source_is_part_of_the_desired_state(control: Control, capfd: pytest.CaptureFixture[str]) -> None:
    body = json.dumps({"channel": "far", "source": "udp://239.1.2.3:5000"}).encode()
    assert (await control.call("POST", "/api/v1/channels", data=body)).status == 201
    assert (await control.call("GET", PATH)).json == {"url": "udp://239.1.2.3:5000"}
    assert await source_of(control) == "udp://239.1.2.3:5000"
    put = await control.call("PUT", PATH, data=json.dumps({"url": URL}).encode())
    assert put.status == 200 and put.json == {"url": URL}
    assert await source_of(control) == URL
    assert (await control.call("DELETE", PATH)).status == 204
    assert await source_of(control) == ""
    assert (await control.call("GET", PATH.replace("far", "none"))).status == 404
    out, err = capfd.readouterr()
    assert "https://tv.example:443" in out + err and "hidden" not in out + err and "secret" not in out + err


@pytest.mark.parametrize("url", ["", "file:///etc/passwd", "udp://host:1", "x" * 3000])
async def test_what_is_no_source_is_refused(control: Control, url: str) -> None:
    body = json.dumps({"channel": "far"}).encode()
    assert (await control.call("POST", "/api/v1/channels", data=body)).status == 201
    refused = await control.call("PUT", PATH, data=json.dumps({"url": url}).encode())
    assert refused.status == 400
    if url:
        made = await control.call("POST", "/api/v1/channels", data=json.dumps({"channel": "b", "source": url}).encode())
        assert made.status == 400
