"""The table and the ready line."""

import json
from pathlib import Path

from node import plan, welcome
from node.home import Home
from node.settings import Settings

HOME = Home(Path("/srv/headwater"))
KEYS = {"studio": "s3cr3t", "demo": "d3m0"}


def test_a_full_box_with_a_demo_says_where_to_look_and_how_to_publish() -> None:
    made = plan.make(HOME, [*plan.FULL, "demo"], Settings())
    text = "\n".join(welcome.table(made, KEYS, lan="192.168.1.20"))
    for words in (
        "watch     http://localhost:8081/watch/live/demo",
        "http://localhost:8081/operator",
        "edge      http://localhost:8080",
        "rtmp://localhost:1935/live  channel studio, stream key s3cr3t",
        "srt://localhost:9000?streamid=CHANNEL?key=KEY",
        "http://localhost:8087/whip/CHANNEL",
        "http://localhost:8085/push/CHANNEL",
        "home      /srv/headwater",
        "192.168.1.20 instead of localhost (control, rtmp, edge)",
        "Ctrl-C stops.",
    ):
        assert words in text
    assert KEYS["demo"] not in text, "that channel has its publisher"
    assert "rtmps:" not in text


def test_protocols_are_named_where_they_are_on_and_where_they_listen() -> None:
    given = {"ingest.srt": False, "ingest.push_listen": "192.0.2.7:99", "ingest.rtmps_certificate": "c.pem"}
    text = "\n".join(welcome.table(plan.make(HOME, plan.FULL, Settings({**given})), KEYS))
    assert "srt:" not in text
    assert "http://192.0.2.7:99/push/CHANNEL" in text
    assert "rtmps://localhost:1936/live" in text


def test_an_edge_alone_says_nothing_of_publishing() -> None:
    chosen = Settings({"edge.upstream": "http://o:1", "edge.listen": "127.0.0.1:80"})
    text = "\n".join(welcome.table(plan.make(HOME, ["edge"], chosen), {}, lan="192.168.1.20"))
    assert "publish" not in text and "operator" not in text
    assert "other machines" not in text, "it listens on loopback only"


def test_a_box_without_channels_says_how_to_make_one() -> None:
    text = "\n".join(welcome.table(plan.make(HOME, plan.FULL, Settings()), {}))
    assert "headwater channel create NAME" in text
    assert "watch/live" not in text


def test_the_ready_line_is_one_line_of_json() -> None:
    made = plan.make(HOME, ["origin"], Settings({"origin.listen": "127.0.0.1:9100"}))
    line = welcome.ready_line(made, admin_token=None, pid=7)
    assert "\n" not in line
    assert json.loads(line) == {
        "ready": True,
        "edge": None,
        "control": None,
        "rtmp": None,
        "origin": "http://127.0.0.1:9100",
        "ops": "http://127.0.0.1:8083",
        "home": "/srv/headwater",
        "admin_token": None,
        "pid": 7,
    }
