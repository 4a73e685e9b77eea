"""The shelf keeps what was printed of an asset while that asset is the one that is at hand."""

from __future__ import annotations

from pathlib import Path

from origin.asset import Asset
from origin.printed import Printed, Shelf
from tests.kit.media import Films
from tests.origin.test_views import added


def printed(asset: Asset, octets: int) -> Printed:
    return Printed(asset=asset, body=bytes(octets), fields={"ETag": '"a"'})


def test_what_was_printed_is_found_for_the_same_asset_only(films: Films, tmp_path: Path) -> None:
    one, other = added(films, "plain", tmp_path / "a"), added(films, "plain", tmp_path / "b")
    shelf = Shelf()
    shelf.keep("/vod/film/manifest.mpd", printed(one, 10))
    assert shelf.find("/vod/film/manifest.mpd?start=1", one) is None
    found = shelf.find("/vod/film/manifest.mpd", one)
    assert found is not None and found is shelf.holds("/vod/film/manifest.mpd")
    assert shelf.find("/vod/film/manifest.mpd", other) is None
    assert shelf.holds("/vod/film/manifest.mpd") is None  # and it is not kept for an asset that has gone


def test_the_least_recently_asked_for_goes_first(films: Films, tmp_path: Path) -> None:
    asset = added(films, "plain", tmp_path)
    shelf = Shelf(most_octets=100)
    for key in "abcd":
        shelf.keep(key, printed(asset, 25))
    assert shelf.find("a", asset)
    shelf.keep("e", printed(asset, 20))
    assert [key for key in "abcde" if shelf.holds(key)] == ["a", "c", "d", "e"]
    shelf.keep("f", printed(asset, 26))  # more than a quarter
    assert shelf.holds("f") is None
    shelf.keep("a", printed(asset, 5))  # anew
    shelf.keep("g", printed(asset, 25))
    assert [key for key in "acdeg" if shelf.holds(key)] == ["a", "c", "d", "e", "g"]
