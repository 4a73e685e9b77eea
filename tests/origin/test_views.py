"""What is printed of an asset: every leaf that is a manifest, and clear words where a view cannot be."""

from __future__ import annotations

import shutil
from pathlib import Path

import m3u8
import pytest

from base.names import LIVE_ONLY, MANIFESTS, PICTURES, VOD_ONLY, Kind, Leaf, Name
from base.problems import Problem
from origin import views
from origin.asset import Asset
from origin.assets import MEZZANINE, Assets
from tests.kit.media import Films

XML = {Leaf.MANIFEST, Leaf.MANIFEST_NUMBER, Leaf.MANIFEST_ON_DEMAND}


def added(films: Films, film: str, folder: Path) -> Asset:
    assets = Assets(folder / "vod")
    incoming = assets.incoming()
    shutil.copy(films(film), incoming / MEZZANINE)
    return assets.add("film", incoming, 2000)


def name(leaf: Leaf, asset: Asset, track: str = "") -> Name:
    edition = asset.plan.edition if track else ""
    return Name(kind=Kind.VOD, title="film", leaf=leaf, edition=edition, track=track)


def test_every_manifest_has_a_text(films: Films, tmp_path: Path) -> None:
    asset = added(films, "two-languages", tmp_path)
    below = {Leaf.MEDIA_PLAYLIST, Leaf.MEDIA_PLAYLIST_TS, Leaf.IFRAME_PLAYLIST}
    for leaf in MANIFESTS - PICTURES - LIVE_ONLY:
        printed = views.text(name(leaf, asset, "v1" if leaf in below else ""), asset)
        assert printed.startswith("<?xml" if leaf in XML else "#EXTM3U")
    assert below < MANIFESTS and MANIFESTS & VOD_ONLY


@pytest.mark.rule("RFC 8216bis 4.4.6.3", "an I-frame stream has no audio group and names a playlist of I-frames only")
def test_the_multivariant_playlist_offers_trick_play(films: Films, tmp_path: Path) -> None:
    asset = added(films, "bframes", tmp_path)
    found = m3u8.loads(views.text(name(Leaf.MULTIVARIANT, asset), asset))
    (trick,) = found.iframe_playlists
    assert trick.uri == name(Leaf.IFRAME_PLAYLIST, asset, "v1").relative
    assert 0 < trick.iframe_stream_info.bandwidth < found.playlists[0].stream_info.bandwidth
    listed = m3u8.loads(views.text(name(Leaf.IFRAME_PLAYLIST, asset, "v1"), asset))
    assert listed.is_i_frames_only and len(listed.segments) == asset.plan.count


def test_transport_streams_have_no_init_segment(films: Films, tmp_path: Path) -> None:
    asset = added(films, "bframes", tmp_path)
    top = m3u8.loads(views.text(name(Leaf.MULTIVARIANT_TS, asset), asset))
    assert top.playlists[0].uri == name(Leaf.MEDIA_PLAYLIST_TS, asset, "v1").relative
    found = m3u8.loads(views.text(name(Leaf.MEDIA_PLAYLIST_TS, asset, "v1"), asset))
    assert found.version == 3 and not found.segment_map
    assert [s.uri for s in found.segments] == [f"{n}.ts" for n in range(asset.plan.count)]


@pytest.mark.rule("RFC 8216bis 4.4.6.2.1", "BANDWIDTH of a transport stream counts its packet heads")
def test_transport_streams_need_more_bandwidth(films: Films, tmp_path: Path) -> None:
    asset = added(films, "plain", tmp_path)
    as_ts, as_mp4 = (
        m3u8.loads(views.text(name(leaf, asset), asset)).playlists[0].stream_info
        for leaf in (Leaf.MULTIVARIANT_TS, Leaf.MULTIVARIANT)
    )
    assert as_ts.bandwidth > as_mp4.bandwidth and as_ts.average_bandwidth > as_mp4.average_bandwidth


def test_a_track_without_a_place_in_ts_is_left_out(films: Films, tmp_path: Path) -> None:
    asset = added(films, "mp3", tmp_path)
    top = m3u8.loads(views.text(name(Leaf.MULTIVARIANT_TS, asset), asset))
    assert not top.media and "mp4a" not in top.playlists[0].stream_info.codecs


def test_a_picture_without_a_place_in_ts_makes_no_presentation(films: Films, tmp_path: Path) -> None:
    asset = added(films, "av1-opus", tmp_path)
    with pytest.raises(Problem, match="use the fMP4 playlists") as refused:
        views.text(name(Leaf.MULTIVARIANT_TS, asset), asset)
    assert refused.value.kind.name == "unknown"


@pytest.mark.parametrize("leaf", [Leaf.MEDIA_PLAYLIST, Leaf.MEDIA_PLAYLIST_TS, Leaf.IFRAME_PLAYLIST])
def test_a_track_that_is_not_there_is_unknown(films: Films, tmp_path: Path, leaf: Leaf) -> None:
    asset = added(films, "silent", tmp_path)
    with pytest.raises(Problem, match="no track a1"):
        views.text(name(leaf, asset, "a1"), asset)


def test_sound_has_no_i_frames(films: Films, tmp_path: Path) -> None:
    asset = added(films, "plain", tmp_path)
    with pytest.raises(Problem, match="only video"):
        views.text(name(Leaf.IFRAME_PLAYLIST, asset, "a1"), asset)
