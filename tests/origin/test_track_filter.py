"""A filter of tracks: what it leaves, and how it is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from base.problems import Problem
from base.reports import TrackReport
from base.select import terms
from origin.track_filter import FILE, TrackFilter, load, of, parse, playable, store

REPORTS = (
    TrackReport(track="v1", kind="video", codec="avc1.640028", bandwidth=1, height=1080),
    TrackReport(track="v2", kind="video", codec="avc1.64001f", bandwidth=1, height=720),
    TrackReport(track="a1", kind="audio", codec="mp4a.40.2", bandwidth=1, language="en"),
    TrackReport(track="a2", kind="audio", codec="mp4a.40.2", bandwidth=1, language="de-AT"),
    TrackReport(track="s1", kind="text", codec="wvtt", bandwidth=1, language="de"),
)


@pytest.mark.parametrize(
    ("own", "usual", "left_out"),
    [
        (None, "", ""),
        (None, "audio:de", "a1"),
        ("", "audio:de", ""),
        ("video:<=720", "audio:de", "v1"),
        ("audio:en,text:none", "", "a2 s1"),
        ("v2,a2", "", "v1 a1"),
    ],
)
def test_an_assets_own_filter_stands_instead_of_the_nodes(own: str | None, usual: str, left_out: str) -> None:
    mine = None if own is None else terms(own) if own else ()
    found = of(mine, terms(usual) if usual else (), REPORTS)
    assert found.left_out == set(left_out.split()) and found.own is (own is not None)


def test_texts_alone_cannot_be_played() -> None:
    assert not playable(of(terms("video:none,audio:fr"), (), REPORTS), REPORTS)
    assert playable(of(terms("video:none,a2"), (), REPORTS), REPORTS)
    assert playable(TrackFilter(), REPORTS)


@pytest.mark.parametrize("words", ["audio:de,v1", ""])
def test_a_filter_is_kept_and_taken_away(tmp_path: Path, words: str) -> None:
    found = parse(f'{{"tracks": "{words}"}}'.encode())
    assert load(tmp_path) is None
    store(tmp_path, found)
    assert load(tmp_path) == found
    store(tmp_path, None)
    assert load(tmp_path) is None and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("body", [b"", b"[]", b'{"tracks": 1}', b'{"track": "a1"}', b'{"tracks": "audio"}', b"\xff"])
def test_what_is_no_filter_is_refused(body: bytes) -> None:
    with pytest.raises(Problem) as caught:
        parse(body)
    assert caught.value.kind.name == "malformed"


def test_a_damaged_filter_shows_nothing(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b'{"tracks":"aud')
    assert not playable(of(load(tmp_path), (), REPORTS), REPORTS)


def test_an_asset_that_has_gone(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="no asset gone"):
        store(tmp_path / "gone", ())
