"""Streams are made once for a track of an asset, and anew for another asset by the same name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from base.names import Kind, Leaf, Name
from base.problems import Problem
from origin.streams import Streams
from tests.kit.media import Films
from tests.origin.test_views import added


def name(track: str, edition: str) -> Name:
    return Name(kind=Kind.VOD, title="tour", edition=edition, track=track, leaf=Leaf.TS_SEGMENT, number=0)


def test_a_stream_is_made_once(films: Films, tmp_path: Path) -> None:
    asset = added(films, "two-languages", tmp_path / "a")
    streams = Streams()
    first = streams.of(name("v1", asset.plan.edition), asset)
    assert streams.of(name("v1", asset.plan.edition), asset) is first
    other = streams.of(name("a1", asset.plan.edition), asset)
    assert other is not first
    assert (np.diff(first.before) > 0).all() and first.before[0] == 0
    again = added(films, "two-languages", tmp_path / "b")
    assert streams.of(name("v1", asset.plan.edition), again) is not first


def test_what_has_no_place_is_said_each_time(films: Films, tmp_path: Path) -> None:
    asset = added(films, "mp3", tmp_path / "a")
    streams = Streams()
    for _ in range(2):
        with pytest.raises(Problem, match="fMP4"):
            streams.of(name("a1", asset.plan.edition), asset)
