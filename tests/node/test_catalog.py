"""`headwater add`, `assets`, `asset` and `channel`, against a real box."""

import asyncio
import io
import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from node import catalog
from node.command import Fault
from node.home import Home
from node.main import run
from tests.kit.media import Films
from tests.node.conftest import headwater


def fetch(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=5) as answer:
        body: bytes = answer.read()
        return body


async def test_the_catalog_from_the_command_line(appliances: Any, home: Home, films: Films) -> None:
    box = await appliances("--json", real=True)
    ready = await box.ready()
    where = ("--home", str(home.root))
    film = films("bframes")

    code, out, err = await headwater("add", str(film), "--title", "My film", *where, "--json")
    assert code == 0, err
    asset = json.loads(out)
    assert asset["title"] == "My film"
    assert asset["manifests"]["hls"].startswith(ready["edge"])
    assert (await asyncio.to_thread(fetch, asset["manifests"]["hls"])).startswith(b"#EXTM3U")

    code, out, err = await headwater("add", str(film), *where)
    assert code == 0, err
    assert f"HLS    {ready['edge']}/vod/" in out
    assert len(json.loads((await headwater("assets", *where, "--json"))[1])["assets"]) == 2
    assert "[ready] My film" in (await headwater("assets", *where))[1]
    assert (await headwater("asset", "remove", asset["asset"], *where))[:2] == (0, f"removed {asset['asset']}\n")
    assert "My film" not in (await headwater("assets", *where))[1]

    text = film.parent / "notes.mp4"
    text.write_text("this is no film\n" * 100)
    code, out, err = await headwater("add", str(text), *where)
    assert (code, out) == (1, "") and err.startswith("headwater: ")

    made = json.loads((await headwater("channel", "create", "news", *where, "--json"))[1])
    rekeyed = json.loads((await headwater("channel", "key", "news", *where, "--json"))[1])
    assert made["publish"]["key"] != rekeyed["publish"]["key"]
    names = [
        entry["channel"] for entry in json.loads((await headwater("channel", "list", *where, "--json"))[1])["channels"]
    ]
    assert "news" in names
    code, _, err = await headwater("channel", "create", "news", *where)
    assert code == 1 and "news" in err
    code, out, _ = await headwater("channel", "remove", "news", *where, "--json")
    assert (code, json.loads(out)) == (0, {"channel": "news", "removed": True})
    code, _, err = await headwater("channel", "remove", "news", *where)
    assert code == 1 and err.startswith("headwater: ")


def test_an_answer_is_shown_line_by_line() -> None:
    found = {
        "channel": "news",
        "title": "",
        "publish": {"url": "rtmp://h/live", "key": "k"},
        "manifests": {"hls": "http://e/m.m3u8", "dash": "http://e/m.mpd"},
        "watch": "http://c/watch",
    }
    assert catalog.rows(found, ("channel", "title")) == [
        ("channel", "news"),
        ("publish", "rtmp://h/live"),
        ("stream key", "k"),
        ("HLS", "http://e/m.m3u8"),
        ("DASH", "http://e/m.mpd"),
        ("watch", "http://c/watch"),
    ]


def test_a_file_that_is_none_is_told_before_anything_is_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["add", str(tmp_path / "none.mp4"), "--home", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"headwater: {tmp_path / 'none.mp4'} does not exist\n"
    assert run(["add", str(tmp_path), "--home", str(tmp_path)]) == 1
    assert "is not a file" in capsys.readouterr().err


def test_what_was_found_of_renditions_is_shown_line_by_line() -> None:
    report = {
        "files": ["1080p.mp4", "720p.mp4", "480p.mp4", "deutsch.m4a"],
        "tracks": [
            {"track": "v1", "kind": "video", "codec": "avc1.640028", "width": 1920, "height": 1080, "language": ""},
            {"track": "v2", "kind": "video", "codec": "avc1.64001f", "width": 1280, "height": 720, "language": ""},
            {"track": "a1", "kind": "audio", "codec": "mp4a.40.2", "width": 0, "height": 0, "language": "de"},
        ],
        "alignments": [
            {"track": "v2", "switchable": True, "because": "", "file": "720p.mp4"},
            {"track": "v3", "switchable": False, "because": "none at 4.000 s", "file": "480p.mp4"},
            {"track": "a1", "switchable": True, "because": "it begins at 2.000 s", "file": "deutsch.m4a"},
        ],
    }
    assert catalog.renditions(report) == [
        ("v1", "1920x1080, avc1.640028"),
        ("v2", "1280x720, avc1.64001f; switchable: yes"),
        ("a1", "de, mp4a.40.2; it begins at 2.000 s"),
        ("v3", "480p.mp4; switchable: no, because none at 4.000 s"),
    ]
    assert catalog.renditions({"tracks": report["tracks"], "alignments": [], "files": []}) == []


@pytest.mark.parametrize("words", [["--segment", "x"], ["--segment", "-1"], ["--bootstrap", "1,,2"], ["--last", "no"]])
def test_a_policy_that_makes_no_sense_is_told_before_anything_is_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    with pytest.raises(SystemExit):
        run(["add", str(tmp_path / "a.mp4"), "--home", str(tmp_path), *words])
    assert words[0] in capsys.readouterr().err


async def test_a_channel_with_a_source_from_the_command_line(appliances: Any, home: Home) -> None:
    box = await appliances("--json", real=True)
    await box.ready()
    where = ("--home", str(home.root))
    code, _, err = await headwater("channel", "create", "far", "--source", "udp://127.0.0.1:9", *where)
    assert code == 0, err
    url = "http://tv.example/live.ts"
    assert (await headwater("channel", "set", "far", "--source", url, *where))[1] == "far is fetched by this node\n"
    code, _, err = await headwater("channel", "set", "far", "--source", "nowhere", *where)
    assert code == 1 and "is pulled by udp, rtp, http, https" in err
    code, out, _ = await headwater("channel", "set", "far", "--source", "", *where)
    assert (code, out) == (0, "far is for encoders to publish\n")


def test_an_address_that_holds_a_secret_comes_by_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("http://tv.example/live.ts?token=hidden\n"))
    assert catalog._source("-") == "http://tv.example/live.ts?token=hidden"
    with pytest.raises(Fault, match="no address"):
        catalog._source("-")
