"""Manifests that sources push."""

from __future__ import annotations

import pytest

from base.problems import Problem
from ingest.cmaf.manifest import read

MPD = b"""<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="dynamic" availabilityStartTime="1970-01-01T00:00:00Z">
 <Period id="0" start="PT0S">
  <AdaptationSet id="1" contentType="video" mimeType="video/mp4">
   <SegmentTemplate initialization="$RepresentationID$.init" media="$RepresentationID$-$Number$.cmfv"/>
   <Representation id="hd" bandwidth="4000000" width="1280" height="720"/>
   <Representation id="sd" bandwidth="800000"/>
  </AdaptationSet>
  <AdaptationSet id="2" mimeType="audio/mp4" lang="de">
   <Role schemeIdUri="urn:mpeg:dash:role:2011" value="main"/><Label>Deutsch</Label>
   <SegmentTemplate initialization="$RepresentationID$.init" media="$RepresentationID$-$Number$.cmfv"/>
   <Representation id="de"/>
  </AdaptationSet>
 </Period>
</MPD>"""


@pytest.mark.rule("DASH-IF ingest 6.2 16", "SegmentTemplate names the header and the segments of each representation")
def test_an_mpd() -> None:
    found = read(MPD, "x/live.mpd")
    assert [(t.representation, t.kind, t.header, t.order) for t in found.tracks] == [
        ("hd", "video", "x/hd.init", 0), ("sd", "video", "x/sd.init", 1), ("de", "audio", "x/de.init", 2),
    ]  # fmt: skip
    assert found.tracks[0].media.fullmatch("x/hd-812345.cmfv")
    german = found.tracks[2]
    assert (german.language, german.role, german.label) == ("de", "main", "Deutsch")
    assert (found.tracks[0].bitrate, found.ended, found.media) == (4_000_000, False, True)


def test_an_mpd_that_is_over() -> None:
    assert read(MPD.replace(b'"dynamic"', b'"static"'), "live.mpd").ended


def test_a_media_playlist() -> None:
    text = (
        b'#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MAP:URI="init.mp4"\n#EXTINF:2,\n1.m4s\n#EXT-X-DISCONTINUITY\n'
        b'#EXT-X-MAP:URI="init2.mp4"\n#EXTINF:2,\n2.m4s\n#EXT-X-ENDLIST\n'
    )
    found = read(text, "hd/out.m3u8")
    assert found.headers == {"hd/1.m4s": "hd/init.mp4", "hd/2.m4s": "hd/init2.mp4"}
    assert (found.breaks, found.ended, found.media) == (frozenset({"hd/2.m4s"}), True, True)


def test_a_multivariant_playlist_lists_no_segments() -> None:
    found = read(b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nhd.m3u8\n", "m.m3u8")
    assert (found.headers, found.media) == ({}, False)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b"<MPD", "a.mpd"), (b"<html/>", "a.mpd"), (b"\xff\xfe", "a.m3u8"), (b"1.ts\n", "a.m3u8"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><MPD>&b;</MPD>', "a.mpd"), (b"", "a.m3u8"),
    ],
)  # fmt: skip
def test_what_is_refused(body: bytes, path: str) -> None:
    with pytest.raises(Problem) as refused:
        read(body, path)
    assert refused.value.kind.name == "malformed"


def test_names_outside_of_the_path_are_left_out() -> None:
    assert read(b'#EXTM3U\n#EXT-X-MAP:URI="../../i.mp4"\n#EXTINF:1,\n../../../x.m4s\n', "out.m3u8").headers == {}
