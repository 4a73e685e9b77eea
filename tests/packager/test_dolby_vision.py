"""Dolby Vision beside a base layer: records written into films of FFmpeg, and what is then said of them."""

from __future__ import annotations

import json
import struct
import subprocess
from dataclasses import replace
from pathlib import Path

import m3u8
import msgspec
import pytest

from base.media import Format
from base.names import Kind, Leaf
from base.select import ALL
from origin import selection, views
from origin.asset import Asset
from origin.assets import MEZZANINE, Assets
from packager import dolby_vision, hls
from packager.boxes import box
from packager.cenc import ContentKey, Scheme
from packager.cenc_boxes import protected_entry
from packager.describe import report, video_range
from packager.init import init_segment
from packager.movie import read_init, read_movie
from packager.segment import segment
from tests.kit.media import Films
from tests.kit.optional import program
from tests.origin.test_views import added, name
from tests.packager.manifests import NS, valid
from tests.packager.test_colour import H265, HDR10, NAMED, film

SCTE = "{urn:scte:dash:scte214-extensions}"


def record(profile: int, level: int, compatibility: int, *, enhanced: bool = False, version: int = 1) -> bytes:
    """A DOVIDecoderConfigurationRecord with metadata and a base layer."""
    fields = profile << 9 | level << 3 | 4 | enhanced << 1 | 1
    return struct.pack(">BBHB19x", version, 0, fields, compatibility << 4)


def with_record(fmt: Format, body: bytes, kind: bytes = b"dvvC") -> Format:
    return replace(fmt, entry=box(fmt.entry[4:8], fmt.entry[8:], box(kind, body)))


@pytest.fixture(scope="module")
def pq(tmp_path_factory: pytest.TempPathFactory) -> Format:
    return film(tmp_path_factory.mktemp("pq"), *H265, HDR10, "-tag:v", "hvc1")


@pytest.fixture(scope="module")
def hlg(tmp_path_factory: pytest.TempPathFactory) -> Format:
    options = (*H265, NAMED.format("arib-std-b67") + ":log-level=error", "-tag:v", "hev1")
    return film(tmp_path_factory.mktemp("hlg"), *options)


@pytest.mark.rule("RFC 8216bis 4.4.6.2", "SUPPLEMENTAL-CODECS names an enhancement and the brand of its base layer")
def test_a_playlist_tells_of_both_layers(pq: Format, hlg: Format) -> None:
    for fmt, compatibility, told, spoken in ((pq, 1, "dvh1.08.06/db1p", "PQ"), (hlg, 4, "dvhe.08.06/db4h", "HLG")):
        track = report("v1", with_record(fmt, record(8, 6, compatibility)), 1000, 900, "25")
        text = hls.multivariant("tour", Kind.VOD, "e1", [track], iframes=[track])
        (variant,) = m3u8.loads(text).playlists
        assert variant.stream_info.codecs == fmt.codec and variant.stream_info.video_range == spoken
        assert text.count(f'SUPPLEMENTAL-CODECS="{told}"') == 2, "and the I-frame playlist does"
    assert "SUPPLEMENTAL" not in hls.multivariant("tour", Kind.VOD, "e1", [report("v1", pq, 1000, 900)])


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (record(5, 6, 0), b"dvcC"),  # no base layer that others could show
        (record(7, 6, 6, enhanced=True), b"dvcC"),
        (record(8, 6, 1, enhanced=True), b"dvvC"),
        (record(8, 6, 0), b"dvvC"),
        (record(9, 6, 2), b"dvvC"),  # of H.264, in HEVC
        (record(8, 6, 1, version=2), b"dvvC"),
        (b"\1\0\x10", b"dvvC"),
    ],
)
def test_what_leans_on_no_base_layer_is_not_told_of(pq: Format, body: bytes, kind: bytes) -> None:
    fmt = with_record(pq, body, kind)
    assert dolby_vision.of(fmt) is None and report("v1", fmt, 1, 1).supplemental == ""
    assert init_segment(fmt)[:28] == init_segment(pq)[:28]


def test_other_codecs_and_other_transfers(pq: Format, films: Films) -> None:
    avc = read_movie(memoryview(films("plain").read_bytes())).tracks[0].format
    found = dolby_vision.of(with_record(avc, record(9, 3, 2)))
    assert found is not None and (found.codec, found.brand) == ("dva1.09.03", "db2g")
    assert dolby_vision.of(pq) is None
    plain = with_record(avc, record(9, 3, 2))
    assert video_range(plain) == "SDR"


def test_init_segments_keep_the_record_and_say_the_brands(pq: Format) -> None:
    body = record(8, 6, 1)
    fmt = with_record(pq, body)
    init = init_segment(fmt)
    brands = [init[at : at + 4] for at in range(16, struct.unpack_from(">I", init)[0], 4)]
    assert brands[-2:] == [b"dby1", b"db1p"] and b"cmfc" in brands
    assert init.count(b"dvvC" + body) == 1
    assert read_init(memoryview(init)).entry == fmt.entry
    key = ContentKey(kid=bytes(16), key=bytes(16), iv=bytes(16))
    assert protected_entry(fmt.entry, "video", Scheme.CBCS, key).count(b"dvvC" + body) == 1


def inserted(data: bytes, path: list[tuple[bytes, int]], extra: bytes) -> bytes:
    """The boxes with one more at the end of the box at a path of (type, octets before the boxes in it)."""
    made, at = b"", 0
    while at < len(data):
        (size,) = struct.unpack_from(">I", data, at)
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + size]
        if path and kind == path[0][0]:
            skip = path[0][1]
            body = body[:skip] + inserted(body[skip:], path[1:], extra)
        made += struct.pack(">I", len(body) + 8) + kind + body
        at += size
    return made if path else made + extra


@pytest.fixture
def asset(tmp_path: Path) -> Asset:
    """A film of ten seconds in HEVC, into which the record is written."""
    film(tmp_path, *H265, HDR10 + ":keyint=25", "-tag:v", "hvc1", lasts=10)
    path = [(kind, 0) for kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl")] + [(b"stsd", 8), (b"hvc1", 78)]
    data = (tmp_path / "film.mp4").read_bytes()
    assert data.index(b"moov") > data.index(b"mdat"), "offsets stay what they are"
    assets = Assets(tmp_path / "vod")
    incoming = assets.incoming()
    (incoming / MEZZANINE).write_bytes(inserted(data, path, box(b"dvvC", record(8, 6, 1))))
    assets.add("tour", incoming, 2000)
    return Assets(tmp_path / "vod").get("tour")


def test_others_find_the_record_in_what_is_served(asset: Asset, tmp_path: Path) -> None:
    body = segment(asset.plan.tracks[0], 0)
    media = b"".join(asset.files[0][at : at + size] for at, size in body.ranges)
    (tmp_path / "v1.mp4").write_bytes(asset.inits["v1"] + body.head + media)
    words = [program("ffprobe"), "-v", "error", "-show_streams", "-of", "json", str(tmp_path / "v1.mp4")]
    (stream,) = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)["streams"]
    said = next(one for one in stream["side_data_list"] if one["side_data_type"] == "DOVI configuration record")
    assert (said["dv_profile"], said["dv_level"], said["dv_bl_signal_compatibility_id"]) == (8, 6, 1)


@pytest.mark.rule("ISO/IEC 23009-1 5.3.7", "what is beside a codec is said by attributes that the schema lets in")
def test_manifests_tell_of_it(asset: Asset) -> None:
    for leaf in (Leaf.MANIFEST, Leaf.MANIFEST_NUMBER, Leaf.MANIFEST_ON_DEMAND):
        mpd = valid(selection.text(name(leaf, asset), asset, ALL))
        (found, *_) = mpd.iter(f"{NS}Representation")
        assert found.get("codecs").startswith("hvc1") and found.get(f"{SCTE}supplementalCodecs") == "dvh1.08.06"
        assert found.get(f"{SCTE}supplementalProfiles") == "db1p"
    assert 'SUPPLEMENTAL-CODECS="dvh1.08.06/db1p"' in selection.text(name(Leaf.MULTIVARIANT, asset), asset, ALL)


def test_mpeg_ts_does_not_tell_of_it(films: Films, tmp_path: Path) -> None:
    plain = added(films, "plain", tmp_path)
    video, *rest = plain.tracks
    asset = replace(plain, tracks=(msgspec.structs.replace(video, supplemental="dva1.09.03/db2g"), *rest))
    assert "SUPPLEMENTAL" in views.text(name(Leaf.MULTIVARIANT, asset), asset)
    assert "SUPPLEMENTAL" not in views.text(name(Leaf.MULTIVARIANT_TS, asset), asset)
