"""What is said of pictures needs settings alone: no decoder, no folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from base.names import parse
from base.problems import Problem
from node.settings import Settings
from origin.asset import Asset
from origin.assets import MEZZANINE, Assets
from origin.offered_pictures import OfferedPictures, best
from origin.track_filter import TrackFilter
from tests.kit.media import Films

PLAIN, COVERED = "/vod/tour/manifest.mpd", "/~cbcs/vod/tour/manifest.mpd"


@pytest.fixture
def asset(films: Films, tmp_path: Path) -> Asset:
    assets = Assets(tmp_path / "vod")
    incoming = assets.incoming()
    (incoming / MEZZANINE).write_bytes(films("plain").read_bytes())
    return assets.add("tour", incoming, 2000)


@pytest.mark.parametrize(
    ("given", "path", "offered"),
    [
        ({}, PLAIN, True),
        ({"pictures.on": False}, PLAIN, False),
        ({}, COVERED, False),
        ({"pictures.protected": True}, COVERED, True),
        ({"pictures.protected": True}, "/~aes-128/vod/tour/multivariant.m3u8", False),
        ({"origin.clear": False}, PLAIN, False),
    ],
)
def test_the_settings_say_what_is_offered(asset: Asset, given: dict[str, bool], path: str, offered: bool) -> None:
    name = parse(path)
    assert name is not None
    assert (OfferedPictures(Settings({**given})).sheets(name, asset) is not None) is offered


@pytest.mark.parametrize(
    ("given", "prefix", "kind"), [({"pictures.on": False}, "", "unknown"), ({}, "/~cenc", "forbidden"), ({}, "", "")]
)
def test_who_asks_for_what_is_not_offered_is_told_which_setting(given: dict[str, bool], prefix: str, kind: str) -> None:
    name = parse(f"{prefix}/vod/tour/poster.jpg")
    assert name is not None
    offered = OfferedPictures(Settings({**given}))
    if not kind:
        offered.check(name)
        return
    with pytest.raises(Problem, match=r"pictures\.") as refused:
        offered.check(name)
    assert refused.value.kind.name == kind


def test_no_picture_of_what_an_operator_leaves_out(asset: Asset) -> None:
    name = parse(PLAIN)
    assert name is not None
    offered = OfferedPictures(Settings())
    hidden = replace(asset, filter=TrackFilter(left_out=frozenset({"v1"})))
    assert offered.sheets(name, asset) is not None and offered.sheets(name, hidden) is None
    assert best(asset, 640) is not None and best(hidden, 640) is None
