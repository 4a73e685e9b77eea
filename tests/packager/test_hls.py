"""Playlists of an asset."""

from __future__ import annotations

import math
from collections.abc import Callable

import m3u8
import pytest

from base.names import Kind
from base.reports import TrackReport
from packager.hls import media_playlist, multivariant
from packager.plan import make_plan
from tests.kit.golden import golden
from tests.packager.packed import Packed
from tests.packager.tracks import audio, index, video

FILMS = ("plain", "bframes", "ntsc", "irregular", "edit-list", "hevc-ac3", "hevc-open-gop", "fragmented", "mp3")
V1 = TrackReport(
    track="v1", kind="video", codec="avc1.640028", bandwidth=5_000_000, average=4_000_000, width=1920, height=1080,
    frame_rate="30000/1001",
)  # fmt: skip
V2 = TrackReport(
    track="v2",
    kind="video",
    codec="avc1.64001e",
    bandwidth=900_000,
    average=800_000,
    width=640,
    height=360,
    frame_rate="25",
    video_range="HLG",
)
A1 = TrackReport(
    track="a1", kind="audio", codec="mp4a.40.2", bandwidth=130_000, average=128_000, language="eng", channels=2
)
A2 = TrackReport(
    track="a2", kind="audio", codec="mp4a.40.2", bandwidth=66_000, average=64_000, language="deu", channels=2
)
A3 = TrackReport(track="a3", kind="audio", codec="ac-3", bandwidth=448_000, average=448_000, language="eng", channels=6)


def test_golden_playlists() -> None:
    golden(__file__, "multivariant.m3u8", multivariant("film", Kind.VOD, "e1", [V2, V1, A1, A2, A3]))
    plan = make_plan(index(video(range(0, 250, 50), 250), audio(400, shift=-3 * 48000)), 2000)
    golden(__file__, "vod-late-audio.m3u8", media_playlist(plan, plan.tracks[1], "ab" * 8))
    golden(__file__, "vod-video.m3u8", media_playlist(plan, plan.tracks[0], "cd" * 8))


@pytest.mark.rule(
    "RFC 8216bis 4.4.3.1", "every EXTINF, rounded to the nearest whole second, is at most the target duration"
)
@pytest.mark.rule("RFC 8216bis 4.4.4.1", "the durations add up to the media within one frame")
@pytest.mark.rule("RFC 8216bis 4.4.4.5", "the media playlist of fMP4 segments names their init segment")
@pytest.mark.parametrize("name", FILMS)
def test_media_playlists(packed: Callable[..., Packed], name: str) -> None:
    asset = packed(name)
    for planned in asset.plan.tracks:
        track = planned.track.name
        text = asset.media_playlist(track)
        playlist = m3u8.loads(text)
        assert playlist.is_endlist and playlist.playlist_type == "vod" and playlist.media_sequence == 0
        assert playlist.target_duration == asset.plan.target_duration
        assert all(math.floor(one.duration + 0.5) <= playlist.target_duration for one in playlist.segments)
        assert [one.uri for one in playlist.segments if not one.gap_tag] == [f"{n}.m4s" for n in asset.numbers(track)]
        assert playlist.segments[0].init_section.uri == f"init-{asset.generations[track]}.mp4"
        scale = planned.track.format.timescale
        media = int(planned.start[-1] - planned.start[0]) / scale
        assert abs(sum(one.duration for one in playlist.segments) - media) <= planned.track.last_duration / scale


@pytest.mark.rule(
    "RFC 8216bis 4.4.6.2", "BANDWIDTH and AVERAGE-BANDWIDTH count the heaviest audio, CODECS names every format"
)
@pytest.mark.rule("RFC 8216bis 4.4.6.1.1", "names of a group differ, one member is the default")
def test_the_multivariant_playlist() -> None:
    playlist = m3u8.loads(multivariant("film", Kind.VOD, "e1", [V2, V1, A1, A2, A3]))
    assert len(playlist.playlists) == 4
    best = playlist.playlists[0].stream_info
    assert (best.bandwidth, best.average_bandwidth) == (5_130_000, 4_128_000)
    assert best.codecs == "avc1.640028,mp4a.40.2" and best.resolution == (1920, 1080)
    assert best.frame_rate == 29.97 and best.video_range == "SDR" and best.audio == "mp4a"
    assert {p.stream_info.closed_captions for p in playlist.playlists} == {"NONE"}
    for group in ("mp4a", "ac-3"):
        members = [m for m in playlist.media if m.group_id == group]
        assert len({m.name for m in members}) == len(members)
        assert [m.default for m in members].count("YES") == 1
        assert all(m.autoselect == "YES" for m in members)
    assert playlist.playlists[0].uri == "e1/v1/media.m3u8"


def test_names_of_a_group_always_differ() -> None:
    labels = ["Film 3", "Film", "Film", "Film 3"]
    tracks = [
        TrackReport(track=f"a{n}", kind="audio", codec="mp4a.40.2", bandwidth=1, label=label)
        for n, label in enumerate(labels)
    ]
    found = m3u8.loads(multivariant("film", Kind.VOD, "e1", [V1, *tracks]))
    assert len({m.name for m in found.media}) == 4


def test_audio_alone_is_a_variant_of_its_own_group() -> None:
    one = m3u8.loads(multivariant("film", Kind.VOD, "e1", [A1]))
    assert [p.uri for p in one.playlists] == ["e1/a1/media.m3u8"] and not one.media
    several = m3u8.loads(multivariant("film", Kind.VOD, "e1", [A1, A2, A3]))
    assert [(p.uri, p.stream_info.codecs) for p in several.playlists] == [
        ("e1/a1/media.m3u8", "mp4a.40.2"),
        ("e1/a3/media.m3u8", "ac-3"),
    ]


def test_video_alone_has_no_group(packed: Callable[..., Packed]) -> None:
    playlist = m3u8.loads(packed("silent").multivariant())
    assert len(playlist.playlists) == 1 and not playlist.media


def test_what_a_film_says(packed: Callable[..., Packed]) -> None:
    playlist = m3u8.loads(packed("two-languages").multivariant())
    assert [m.language for m in playlist.media] == ["en", "de"]
    assert playlist.playlists[0].stream_info.frame_rate == 25
