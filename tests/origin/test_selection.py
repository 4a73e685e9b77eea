"""Clips and choices of tracks over HTTP, and what players make of them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import m3u8
import msgspec
import pytest

from base.names import Leaf
from base.problems import Problem
from base.reports import AssetReport
from base.select import parse
from origin import selection
from tests.kit.dash import read_manifest
from tests.kit.media import Films
from tests.kit.optional import program
from tests.origin.conftest import Origin
from tests.origin.test_views import added, name
from tests.origin.test_vod import puts


async def report_of(origin: Origin, films: Films, film: str) -> AssetReport:
    answer = await puts(origin, "tour", films(film).read_bytes(), "?target_ms=2000")
    return msgspec.json.decode(answer.body, type=AssetReport)


async def test_a_clip_is_asked_for_by_url(origin: Origin, films: Films) -> None:
    report = await report_of(origin, films, "feature")
    top = await origin.get("/vod/tour/multivariant.m3u8?end=9.0&start=4.5&CMCD=x")
    assert top.status == 200 and "#EXT-X-START:TIME-OFFSET=0.5,PRECISE=YES" in top.text
    found = m3u8.loads(top.text)
    uris = [p.uri for p in (*found.playlists, *found.media, *found.iframe_playlists)]
    assert len(uris) == 3 and all(uri.endswith(".m3u8?start=4.5&end=9") for uri in uris)
    for uri in uris:
        listed = m3u8.loads((await origin.get(f"/vod/tour/{uri}")).text)
        assert [s.uri for s in listed.segments] == ["2.m4s", "3.m4s", "4.m4s"] and listed.media_sequence == 2
    for leaf in ("multivariant-ts.m3u8", f"{report.edition}/v1/media-ts.m3u8"):
        assert "EXT-X-START" in (await origin.get(f"/vod/tour/{leaf}?start=4.5")).text
    schedule = read_manifest((await origin.get("/vod/tour/manifest.mpd?start=4.5&end=9")).text, 0)
    assert [[s.number for s in row.segments] for row in schedule.rows] == [[2, 3, 4]] * 3  # picture, sound, trick play
    whole = await origin.get("/vod/tour/manifest.mpd")
    assert whole.headers["ETag"] != (await origin.get("/vod/tour/manifest.mpd?start=4.5")).headers["ETag"]
    assert (await origin.get("/vod/tour/manifest.mpd?start=0")).body == whole.body


@pytest.mark.parametrize(
    ("query", "status", "says"),
    [
        ("start=1h", 400, "time in seconds"),
        ("start=99", 400, "behind the end"),
        ("tracks=audio:fr,video:none", 404, "a1"),
    ],
)
async def test_what_cannot_be_is_said(origin: Origin, films: Films, query: str, status: int, says: str) -> None:
    await report_of(origin, films, "two-languages")
    for leaf in ("multivariant.m3u8", "manifest.mpd"):
        answer = await origin.get(f"/vod/tour/{leaf}?{query}")
        assert answer.status == status and says in answer.detail, answer.text


async def test_tracks_are_chosen_by_url(origin: Origin, films: Films) -> None:
    await report_of(origin, films, "two-languages")
    for leaf in ("manifest.mpd", "manifest-ondemand.mpd"):
        text = (await origin.get(f"/vod/tour/{leaf}?tracks=audio:de")).text
        assert 'id="v1"' in text and 'id="a2"' in text and 'id="a1"' not in text
    found = m3u8.loads((await origin.get("/vod/tour/multivariant.m3u8?tracks=audio:de")).text)
    assert [m.language for m in found.media] == ["de"]
    only = m3u8.loads((await origin.get("/vod/tour/multivariant.m3u8?tracks=video:none,a1")).text)
    assert not only.media and len(only.playlists) == 1 and "/a1/media.m3u8" in only.playlists[0].uri
    assert len(m3u8.loads((await origin.get("/vod/tour/multivariant-ts.m3u8?tracks=a2")).text).media) == 1


async def test_ffmpeg_reads_a_clip_from_segment_to_segment(origin: Origin, films: Films, tmp_path: Path) -> None:
    report = await report_of(origin, films, "feature")
    text = (await origin.get(f"/vod/tour/{report.edition}/v1/media.m3u8?start=4.5&end=9")).text
    listed = m3u8.loads(text)
    for uri in (listed.segment_map[0].uri, *(s.uri for s in listed.segments)):
        (tmp_path / uri).write_bytes((await origin.get(f"/vod/tour/{report.edition}/v1/{uri}")).body)
    (tmp_path / "media.m3u8").write_text(text)
    sums = []
    for source, cut in ((tmp_path / "media.m3u8", []), (films("feature"), ["-ss", "4", "-t", "6"])):
        words = [program("ffmpeg"), "-v", "error", *cut, "-i", str(source), "-map", "0:v", "-f", "framemd5", "-"]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        sums.append([line.split(",")[-1] for line in done.stdout.splitlines() if line[0] != "#"])
    assert len(sums[0]) == 6 * 25 and sums[0] == sums[1]


def test_a_signature_is_handed_on_as_it_came(films: Films, tmp_path: Path) -> None:
    asset = added(films, "plain", tmp_path)
    chosen = parse(Leaf.MULTIVARIANT, "tracks=v1&start=3&sig=k1.00ff", signed=True)
    text = selection.text(name(Leaf.MULTIVARIANT, asset), asset, chosen)
    assert "media.m3u8?start=3&tracks=v1&sig=k1.00ff" in text


def test_a_track_that_ends_before_the_clip_is_left_out(films: Films, tmp_path: Path) -> None:
    asset = added(films, "two-languages", tmp_path)
    short = asset.plan.tracks[2]
    short.first[2:] = short.first[2]  # from the third segment on it has nothing
    chosen = parse(Leaf.MULTIVARIANT, "start=5")
    found = m3u8.loads(selection.text(name(Leaf.MULTIVARIANT, asset), asset, chosen))
    assert len(found.media) == 1
    with pytest.raises(Problem, match="no track is left"):
        selection.text(name(Leaf.MULTIVARIANT, asset), asset, parse(Leaf.MULTIVARIANT, "start=5&tracks=video:none,a2"))
