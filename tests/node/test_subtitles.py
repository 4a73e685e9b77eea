"""`headwater subtitles`, against a real box."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from node.home import Home
from node.subtitles import language_of, notes, texts
from tests.kit.media import Films
from tests.node.conftest import headwater
from tests.node.test_catalog import fetch


async def test_subtitles_from_the_command_line(appliances: Any, home: Home, films: Films, tmp_path: Path) -> None:
    await (await appliances("--json", real=True)).ready()
    where = ("--home", str(home.root))
    code, out, err = await headwater("add", str(films("silent")), "--title", "tour", *where, "--json")
    assert code == 0, err
    asset = json.loads(out)
    german, broken = tmp_path / "tour.de.srt", tmp_path / "tour.vtt"
    german.write_bytes("1\n00:00:01,000 --> 00:00:02,000\nGrüße\n".encode("cp1252"))
    broken.write_text("WEBVTT\n\n00:01.000 -> 00:02.000\nx\n")

    code, out, err = await headwater("subtitles", "list", "tour", *where)
    assert (code, out) == (0, "") and "headwater subtitles add tour FILE" in err
    code, out, err = await headwater("subtitles", "add", "tour", str(german), "--label", "Deutsch", *where)
    assert (code, out) == (0, "s1  de  subtitles  Deutsch\n"), err
    assert err.startswith("note: s1: read as Windows-1252")
    code, out, err = await headwater(
        "subtitles", "add", "tour", str(german), "--language", "de-AT", "--captions", "--default", *where, "--json"
    )
    assert json.loads(out)["track"] == "s2", err
    listed = (await headwater("subtitles", "list", "tour", *where))[1]
    assert listed.splitlines() == ["s1  de  subtitles  Deutsch", "s2  de-AT  captions  default"]
    top = (await asyncio.to_thread(fetch, asset["manifests"]["hls"])).decode()
    assert 'LANGUAGE="de-AT",DEFAULT=YES' in top and 'NAME="Deutsch"' in top

    for words, sentence in (
        (("add", "tour", str(broken), "--language", "de"), "line 3"),
        (("add", "tour", str(broken)), "line 3"),
        (("add", "tour", str(tmp_path / "gone.srt")), "no such file"),
        (("add", "nothing", str(german)), "nothing"),
        (("remove", "tour", "s9"), "s9"),
        (("extract", "tour", "--language", "en"), "no CEA-608 captions"),
    ):
        code, out, err = await headwater("subtitles", *words, *where)
        assert (code, out) == (1, "") and sentence in err, (words, err)
    assert (await headwater("subtitles", "remove", "tour", "s1", *where))[:2] == (0, "removed s1 of tour\n")

    code, out, err = await headwater("add", str(films("silent")), "--subtitles", str(german), *where, "--json")
    assert code == 0 and [track["language"] for track in texts(json.loads(out))] == ["de"], err
    code, out, err = await headwater(
        "add", str(films("silent")), "--title", "x", "--subtitles", str(german), "--subtitles", str(broken), *where
    )
    assert (code, out) == (1, "") and err.startswith("headwater: x was added, tour.vtt was not: line 3"), err
    found = json.loads((await headwater("subtitles", "list", "tour", *where, "--json"))[1])
    assert [track["track"] for track in found["subtitles"]] == ["s2"]


@pytest.mark.parametrize(
    "name, language",
    [
        ("film.de.srt", "de"),
        ("a.b.en-GB.vtt", "en-GB"),
        ("film.srt", ""),
        ("film.2024.srt", ""),
        ("film.zh-Hant.ttml", "zh-Hant"),
    ],
)
def test_a_files_name_may_say_the_language(name: str, language: str) -> None:
    assert language_of(name) == language


def test_what_an_answer_says_of_texts() -> None:
    found = {"report": {"tracks": [{"kind": "video"}, {"kind": "text", "track": "s1"}], "notes": ["s1: a", "s10: b"]}}
    assert texts(found) == [{"kind": "text", "track": "s1"}] and notes(found, "s1") == ["s1: a"]
    assert texts({}) == [] and notes({"report": None}, "s1") == []
