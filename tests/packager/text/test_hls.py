"""Text in HLS playlists."""

from __future__ import annotations

import m3u8
import pytest

from packager.plan import make_plan
from packager.text.hls import label, media_lines, media_playlist
from packager.text.tracks import WEBVTT, WEBVTT_TS
from tests.packager.text.texts import cue, sidecar, text_plan
from tests.packager.tracks import audio, index, video


def test_a_media_playlist_has_the_segments_of_the_plan() -> None:
    plan = text_plan([cue(0, 1)])
    found = m3u8.loads(media_playlist(plan, 2))
    assert [(one.uri, one.duration) for one in found.segments] == [(f"{n}.vtt", 2.0) for n in range(4)]
    assert found.is_endlist and found.target_duration == 2 and found.playlist_type == "vod"


@pytest.mark.rule("RFC 8216bis 4.4.3.1", "EXTINF, rounded, is at most the target duration, for text too")
def test_text_that_goes_on_with_the_sound_has_a_target_of_its_own() -> None:
    media = make_plan(index(video([0, 50, 100, 150], 200), audio(408)), 2000)  # 8 s of picture, 8.704 s of sound
    found = m3u8.loads(media_playlist(text_plan([], media), 2))
    assert found.segments[-1].duration == pytest.approx(2.704) and found.target_duration == 3


@pytest.mark.rule("RFC 8216bis 4.4.6.1.1", "names in a group differ, one member at most is the default")
def test_a_group() -> None:
    texts = [
        text_plan([], name="s1"),
        text_plan([], name="s2", default=True, label='Deut"sch'),
        text_plan([], name="s3", role="captions", language="en", default=True),
        text_plan([], name="s4", forced=True),
        text_plan([], name="s5"),
    ]
    top = "#EXTM3U\n" + "\n".join(media_lines("film", texts, WEBVTT)) + "\n"
    found = m3u8.loads(top).media
    assert [(one.name, one.default, one.autoselect, one.forced) for one in found] == [
        ("de", "NO", "YES", "NO"), ("Deutsch", "YES", "YES", "NO"), ("en (captions)", "NO", "YES", "NO"),
        ("de (forced)", "NO", "YES", "YES"), ("de 2", "NO", "NO", "NO"),
    ]  # fmt: skip
    assert {(one.type, one.group_id) for one in found} == {("SUBTITLES", "text")}
    assert [one.uri for one in found] == [f"{plan.edition}/{plan.name}/media.m3u8" for plan in texts]
    assert "transcribes-spoken-dialog" in found[2].characteristics and not found[0].characteristics


def test_transport_streams_have_texts_of_their_own() -> None:
    plan = text_plan([])
    assert f'URI="{plan.edition}/s1ts/media-ts.m3u8"' in media_lines("film", [plan], WEBVTT_TS)[0]


def test_labels() -> None:
    assert label(sidecar([], label="Untertitel")) == "Untertitel" and label(sidecar([])) == "de"
