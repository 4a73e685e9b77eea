"""Init and segments put together are the source again: bytes, times, flags."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from packager.movie import SourceTrack, read_movie
from packager.segment import segment
from tests.kit import fragments as second_reader
from tests.kit.media import Films
from tests.kit.optional import shared_media
from tests.packager.packed import Packed, pack

FILMS = (
    "plain", "bframes", "ntsc", "irregular", "edit-list", "co64", "two-languages", "silent", "fragmented",
    "hevc-ac3", "hevc-open-gop", "av1-opus", "mp3", "single-gop", "feature",
)  # fmt: skip
SHARED = ("bbb_trailer_720p_irregular_gop.mp4", "bbb_720p_single_gop_aac51.mp4", "vectors/cbcsdec.mp4")


def check(asset: Packed) -> None:
    for planned in asset.plan.tracks:
        source = planned.track
        whole = asset.whole(source.name)
        (again,) = read_movie(memoryview(whole)).tracks
        begin = int(planned.first[0])
        rows, made = source.samples[begin:], again.columns.samples
        assert len(made) == len(rows)
        assert _bytes(whole, again) == [asset.data[int(r["offset"]) : int(r["offset"]) + int(r["size"])] for r in rows]
        moved = int(made["dts"][0]) - int(rows["dts"][0])
        assert (made["dts"] - rows["dts"] == moved).all()
        shown = made["dts"] + made["cto"] - (rows["dts"] + rows["cto"])
        assert (shown == shown[0]).all()
        # a reader without edit lists sees the picture where an edit list would have put it
        assert abs(int(shown[0]) + source.shift - float(asset.plan.lead) * source.format.timescale) <= 1
        assert np.array_equal(again.columns.sync, source.sync[source.sync >= begin] - begin)
        assert again.columns.last_duration == source.last_duration
        assert again.format.codec == source.format.codec and again.format.entry == source.format.entry
        assert again.shift == 0


def _bytes(data: bytes, track: SourceTrack) -> list[bytes]:
    rows = track.columns.samples
    return [data[int(r["offset"]) : int(r["offset"]) + int(r["size"])] for r in rows]


@pytest.mark.parametrize("target_ms", [1000, 2000, 6000])
@pytest.mark.parametrize("name", FILMS)
def test_the_segments_of_a_film_are_the_film(packed: Callable[..., Packed], name: str, target_ms: int) -> None:
    check(packed(name, target_ms))


@pytest.mark.parametrize("name", SHARED)
def test_the_segments_of_third_party_media_are_that_media(name: str) -> None:
    check(pack(shared_media(name).read_bytes()))


@pytest.mark.parametrize("folder", ["cmaf_h264_aac/V300", "cmaf_h264_aac/A48"])
def test_the_segments_of_cmaf_media_are_that_media(folder: str) -> None:
    check(pack(cmaf(shared_media(folder), "init.mp4", "{}.m4s")))


@pytest.mark.parametrize("track", ["video", "audio"])
def test_the_segments_of_hevc_cmaf_media_are_that_media(track: str) -> None:
    check(pack(cmaf(shared_media("cmaf_hevc_ac3"), f"{track}_init.mp4", track + "_{}.m4s")))


def cmaf(folder: Path, init: str, segment: str) -> bytes:
    """Init and segments as one fragmented file."""
    return b"".join((folder / name).read_bytes() for name in (init, *(segment.format(n) for n in range(1, 5))))


@pytest.mark.rule("ISO/IEC 23000-19 7.3.2.2", "a segment's decode times go on where those of the one before end")
@pytest.mark.rule("RFC 8216bis 3.1.2", "each segment is one moof with tfdt and offsets relative to it, and one mdat")
@pytest.mark.parametrize("name", FILMS)
def test_decode_times_go_on_exactly(packed: Callable[..., Packed], name: str) -> None:
    asset = packed(name)
    for planned in asset.plan.tracks:
        track = planned.track.name
        init = second_reader.read_init(asset.inits[track])
        found = [second_reader.read_fragments(body, init) for body in asset.segments(track)]
        assert [len(one) for one in found] == [1] * len(found)
        flat = [one for (one,) in found]
        assert all(b.decode_time == a.end for a, b in itertools.pairwise(flat))
        assert all(b.sequence > a.sequence for a, b in itertools.pairwise(flat))
        assert all(one.starts_with_sync for one in flat)
        # what a manifest says of a segment's start is when its earliest sample is shown
        numbers = asset.numbers(track)
        assert [one.earliest for one in flat] == [int(planned.shown[n]) for n in numbers]


def test_neighbouring_samples_are_one_range(packed: Callable[..., Packed]) -> None:
    """Interleaved media is a few ranges a segment; nothing is copied sample by sample."""
    body = segment(packed("plain").track("v1"), 1)
    assert 1 <= len(body.ranges) <= 50
    assert all(a[0] + a[1] < b[0] for a, b in zip(body.ranges, body.ranges[1:], strict=False))


def test_a_film_with_everything_at_once(films: Films) -> None:
    """The same film planned twice has the same bytes under the same names."""
    data = films("bframes").read_bytes()
    one, two = pack(data), pack(data)
    assert one.plan.edition == two.plan.edition and one.generations == two.generations
    assert one.whole("v1") == two.whole("v1")
