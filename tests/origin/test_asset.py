"""An open asset: what it says of itself, and when it looks at its tables."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from origin.asset import Asset
from origin.track_filter import TrackFilter
from packager.index import StaleIndex
from tests.kit.media import Films
from tests.origin.test_views import added


@pytest.fixture
def asset(films: Films, tmp_path: Path) -> Asset:
    return added(films, "two-languages", tmp_path)


def test_the_report_has_all_tracks_and_says_which_are_left_out(asset: Asset) -> None:
    hidden = replace(asset, filter=TrackFilter(left_out=frozenset({"v1", "a2"}))).report()
    assert hidden.left_out == ("a2", "v1") and asset.report().left_out == ()
    assert hidden.tracks == asset.report().tracks and len(hidden.tracks) == 3


def test_the_tables_of_a_track_are_compared_once(asset: Asset) -> None:
    assert asset.unchecked == {"v1", "a1", "a2"}
    assert asset.media_of("a1") is asset.files[0] and asset.unchecked == {"v1", "a2"}
    track = asset.index.track("v1")
    assert track is not None and track.checksum is not None
    broken = replace(asset, index=replace(asset.index, tracks=(replace(track, checksum=track.checksum ^ 1),)))
    with pytest.raises(StaleIndex):
        broken.check("v1")
    assert "v1" in broken.unchecked, "it is looked at again"
