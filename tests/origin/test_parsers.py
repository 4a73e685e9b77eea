"""Everything that the origin prints is read by parsers that others wrote: m3u8, hls-parser, mpd-parser, the schema.

The texts are found as a player finds them: from each top playlist and manifest, under each protection, along its URIs.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import m3u8
import pytest
from lxml import etree
from m3u8 import parser as strict

from base.names import MANIFESTS, PROTECTED, Kind, Leaf, Name
from node.clock import SteppedClock
from tests.kit.live_media import Studio
from tests.kit.media import Films
from tests.kit.parsers import parsed
from tests.origin.conftest import Origin, live, running_origin
from tests.origin.test_texts import put
from tests.packager.manifests import NS, timeline, valid

TOPS = sorted(leaf for leaf in MANIFESTS - {Leaf.POSTER} if Name(kind=Kind.VOD, title="x", leaf=leaf).at_top)
FILMS = ("two-languages", "irregular", "h264-eac3", "hevc-ac3", "av1-opus", "silent")
QUERIES = ("", "?start=3&end=7")
Texts = dict[str, str]


async def reachable(origin: Origin, tops: list[str]) -> Texts:
    """Each top that there is, and all playlists that they name."""
    found: Texts = {}
    waiting = list(tops)
    while waiting:
        path = waiting.pop()
        answer = await origin.get(path)
        if path in found or (answer.status in (403, 404, 422) and path in tops):
            continue
        assert answer.status == 200, f"{path}: {answer.text}"
        found[path] = answer.text
        uris = re.findall(r'^([^#\s]+\.m3u8\S*)$|URI="([^"]+\.m3u8[^"]*)"', answer.text, re.MULTILINE)
        waiting += [urljoin(path, one or other) for one, other in uris]
    return found


@pytest.fixture
async def films_of_all_kinds(home: Path, films: Films) -> AsyncIterator[Texts]:
    async with running_origin(home, drain__seconds=1, pictures__on=True) as origin:
        tops = []
        for film in FILMS:
            answer = await origin.ask("PUT", f"/vod/{film}/mezzanine.mp4?target_ms=2000", data=films(film).read_bytes())
            assert answer.status == 201, answer.text
            assert (await put(origin, title=film)).status == 201
            for leaf in TOPS:
                name = Name(kind=Kind.VOD, title=film, leaf=leaf).path
                tops.append(name)
                tops += [f"/~{method}{name}" for method, leaves in PROTECTED.items() if leaf in leaves]
        yield await reachable(origin, tops + [top + query for top in tops for query in QUERIES if query])


@pytest.mark.rule("RFC 8216bis 4.1", "what is printed on demand is read by hls-parser (strict), m3u8 and mpd-parser")
async def test_on_demand(films_of_all_kinds: Texts) -> None:
    texts = films_of_all_kinds
    leaves = {path.rpartition("/")[2].partition("?")[0] for path in texts}
    assert leaves == {
        "multivariant.m3u8", "multivariant-ts.m3u8", "manifest.mpd", "manifest-number.mpd", "manifest-ondemand.mpd",
        "media.m3u8", "media-ts.m3u8", "iframes.m3u8", "images.m3u8",
    }  # fmt: skip
    assert {path.split("/")[1] for path in texts} == {"vod", *(f"~{method}" for method in PROTECTED)}
    check(texts)


async def test_live(home: Path) -> None:
    clock = SteppedClock(1_700_000_000_000)
    async with running_origin(home, clock, drain__seconds=1, pictures__on=True) as origin:
        studio = Studio()
        await origin.announce(studio)
        await origin.publish(studio.run(20_000))
        texts = await reachable(
            origin, [live("").removesuffix("e1/") + top for top in ("multivariant.m3u8", "manifest.mpd")]
        )
        delta = live("v1/media.m3u8") + "?_HLS_skip=YES"
        texts[delta] = (await origin.get(delta)).text
    assert "#EXT-X-PART:" in texts[live("v1/media.m3u8")] and "#EXT-X-SKIP:" in texts[delta]
    check(texts)


def check(texts: Texts) -> None:
    found = parsed(texts)
    assert {path: one["fault"] for path, one in found.items() if "fault" in one} == {}
    for path, text in texts.items():
        if text.startswith("#EXTM3U"):
            check_playlist(path, text, found[path])
        else:
            check_manifest(path, text, found[path])


def check_playlist(path: str, text: str, other: dict[str, Any]) -> None:
    """Two parsers that know nothing of one another find the same."""
    assert strict.parse(text, strict=True)
    playlist = m3u8.loads(text)
    if playlist.is_variant:
        variants = [(p.uri, p.stream_info.bandwidth) for p in playlist.playlists]
        variants += [(p.uri, p.iframe_stream_info.bandwidth) for p in playlist.iframe_playlists]
        uris = {uri for uri, _ in variants} | {m.uri for m in playlist.media if m.uri}
        assert set(other["uris"]) == uris and other["kind"] == "multivariant", path
        assert sorted(other["bandwidths"]) == sorted(bandwidth for _, bandwidth in variants), path
        return
    listed = [segment for segment in playlist.segments if segment.uri]
    assert other["kind"] == "media" and other["uris"] == [segment.uri for segment in listed], path
    assert abs(other["duration"] - sum(segment.duration for segment in listed)) < 1e-6, path
    assert (other["target"], other["first"], other["ended"]) == (
        playlist.target_duration, playlist.media_sequence, playlist.is_endlist,
    ), path  # fmt: skip
    assert other["parts"] == sum(len(segment.parts) for segment in playlist.segments), path
    methods = {"cenc": "SAMPLE-AES-CTR", "cbcs": "SAMPLE-AES", "aes-128": "AES-128", "sample-aes": "SAMPLE-AES"}
    if path.startswith("/~") and not path.endswith(".vtt") and "#EXT-X-KEY" in text:
        assert methods[path.split("/")[1][1:]] in other["methods"], path


def check_manifest(path: str, text: str, other: dict[str, Any]) -> None:
    """Each Representation, its segments and how long they last together, as mpd-parser has them."""
    mpd = etree.fromstring(text.encode())
    if mpd.get("type") == "static":
        assert other["ended"] and other["duration"] > 0, path
    ours = sorted(
        sum(duration for _, _, duration in timeline(template)) / int(template.get("timescale"))
        for template in mpd.iter(f"{NS}SegmentTemplate")
        if template.find(f"{NS}SegmentTimeline") is not None
    )
    theirs = sorted(p["duration"] for p in other["playlists"] if p["uris"])
    if ours and mpd.get("type") == "static":
        assert [round(d, 3) for d in theirs] == [round(d, 3) for d in ours], path
    ranges = [base.get("indexRange") for base in mpd.iter(f"{NS}SegmentBase")]
    assert sorted(ranges) == sorted(
        f"{p['sidx'][0]}-{p['sidx'][0] + p['sidx'][1] - 1}" for p in other["playlists"] if p["sidx"]
    ), path
    if path.startswith("/~"):
        assert any(p["protection"] for p in other["playlists"]), path


@pytest.mark.rule("ISO/IEC 23009-1 annex A", "every manifest is valid against the schema of the 5th edition")
async def test_manifests_are_valid(films_of_all_kinds: Texts) -> None:
    manifests = {path: text for path, text in films_of_all_kinds.items() if not text.startswith("#EXTM3U")}
    assert len(manifests) > 30
    for text in manifests.values():
        valid(text)
