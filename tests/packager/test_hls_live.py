"""Playlists of a live channel: golden files, and the rules by what an independent parser reads."""

from __future__ import annotations

import re

import m3u8
import pytest

from packager.hls_live import date, media_playlist
from tests.kit.golden import golden
from tests.packager.live_windows import FIRST, VIDEO, segment, window


def test_golden_playlists() -> None:
    golden(__file__, "live-video.m3u8", media_playlist(window(), "v1"))
    golden(__file__, "live-delta.m3u8", media_playlist(window(), "v1", skip=True))
    golden(__file__, "live-audio-gap.m3u8", media_playlist(window(first=2, gaps=(4, 5)), "a1"))


def read(text: str) -> m3u8.M3U8:
    return m3u8.loads(text)


@pytest.mark.rule(
    "RFC 8216bis 4.4.3.8", "CAN-SKIP-UNTIL is at least 6, HOLD-BACK 3 target durations, PART-HOLD-BACK 3 part targets"
)
@pytest.mark.rule("RFC 8216bis 6.2.4", "EXT-X-SERVER-CONTROL is the same in every media playlist")
def test_server_control() -> None:
    lines = {
        name: [line for line in media_playlist(window(), name).splitlines() if "SERVER-CONTROL" in line]
        for name in ("v1", "a1")
    }
    assert lines["v1"] == lines["a1"] and len(lines["v1"]) == 1
    control = read(media_playlist(window(), "v1")).server_control
    assert control.can_skip_until >= 12 and control.hold_back >= 6 and control.part_hold_back == 1.5
    assert control.can_block_reload == "YES"


@pytest.mark.rule("RFC 8216bis 4.4.4.9", "parts are listed near the end only, and each has its duration and URI")
def test_parts() -> None:
    playlist = read(media_playlist(window(), "v1"))
    assert playlist.part_inf.part_target == 0.5
    with_parts = [n for n, one in enumerate(playlist.segments) if one.parts]
    # the end is at 21 s, 3 target durations before it at 15 (6.2.2)
    assert with_parts == [7, 8, 9, 10]
    assert all(part.duration <= 0.5 for one in playlist.segments for part in one.parts)


@pytest.mark.rule("RFC 8216bis 4.4.5.3", "the next part is hinted, and nothing is when nobody publishes")
def test_hints() -> None:
    assert f'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="{FIRST + 10}.2.m4s"' in media_playlist(window(), "v1")
    assert f'URI="{FIRST + 10}.0.m4s"' in media_playlist(window(open_parts=0), "v1")
    assert "PRELOAD-HINT" not in media_playlist(window(live=False), "v1")


@pytest.mark.rule("RFC 8216bis 4.4.5.4", "each other rendition is reported with its newest part")
def test_reports() -> None:
    line = f'#EXT-X-RENDITION-REPORT:URI="../a1/media.m3u8",LAST-MSN={FIRST + 10},LAST-PART=1'
    text = media_playlist(window(), "v1")
    assert line in text and text.count("RENDITION-REPORT") == 1


@pytest.mark.rule(
    "RFC 8216bis 6.2.5.1", "a delta skips what is older than the skip boundary and keeps both sequence numbers"
)
@pytest.mark.rule("RFC 8216bis 8", "a delta update has version 9, the full playlist no more than it needs")
def test_a_delta_is_the_end_of_the_full_playlist() -> None:
    full, delta = media_playlist(window(last=19), "v1"), media_playlist(window(last=19), "v1", skip=True)
    skipped = int(re.search(r"#EXT-X-SKIP:SKIPPED-SEGMENTS=(\d+)", delta)[1])  # type: ignore[index]
    # whole segments end at 20; the boundary is 6 targets of 2 s before
    assert skipped == 14
    assert "#EXT-X-VERSION:9" in delta and "#EXT-X-VERSION:6" in full
    segments = [line for line in full.splitlines() if line.startswith("#EXTINF")]
    assert len([line for line in delta.splitlines() if line.startswith("#EXTINF")]) == len(segments) - skipped
    for tag in ("MEDIA-SEQUENCE", "DISCONTINUITY-SEQUENCE", "TARGETDURATION"):
        assert re.search(f"#EXT-X-{tag}:.*", full)[0] == re.search(f"#EXT-X-{tag}:.*", delta)[0]  # type: ignore[index]
    assert full.endswith(delta[delta.index(f"{FIRST + 15}.m4s") :])
    assert "EXT-X-MAP" not in delta  # the map of a skipped segment still holds


def test_nothing_to_skip_is_the_full_playlist() -> None:
    short = window(last=4)
    assert media_playlist(short, "v1", skip=True) == media_playlist(short, "v1")


@pytest.mark.rule(
    "RFC 8216bis 4.4.4.7", "missing media is listed as gaps of its duration, and what follows is a discontinuity"
)
def test_gaps() -> None:
    playlist = read(media_playlist(window(gaps=(4, 5)), "v1"))
    assert [n for n, one in enumerate(playlist.segments) if one.gap_tag] == [4, 5]
    assert [n for n, one in enumerate(playlist.segments) if one.discontinuity] == [6]
    assert [one.duration for one in playlist.segments[:10]] == [2] * 10


@pytest.mark.rule("RFC 8216bis 6.2.2", "the discontinuity sequence rises when the tag leaves the playlist")
def test_the_sequence_numbers_of_a_sliding_window() -> None:
    found = []
    for first in range(9):
        text = media_playlist(window(first=first, gaps=(3, 6)), "v1")
        base = int(re.search(r"DISCONTINUITY-SEQUENCE:(\d+)", text)[1])  # type: ignore[index]
        assert f"#EXT-X-MEDIA-SEQUENCE:{FIRST + first}\n" in text
        # the number of a segment is the base and the tags before it: it never changes
        tags = text[: text.index(f"{FIRST + 9}.m4s")].count("#EXT-X-DISCONTINUITY\n")
        assert base + tags == 2
        found.append(base)
    assert found == [0, 0, 0, 0, 0, 1, 1, 1, 2]


@pytest.mark.rule("RFC 8216bis 4.4.4.6", "every segment has its date with milliseconds and zone")
def test_dates() -> None:
    text = media_playlist(window(), "v1")
    assert "#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:20.000Z" in text
    assert text.count("PROGRAM-DATE-TIME") == 11
    assert date(90000 * 1_700_000_000 + 45, 90000) == "2023-11-14T22:13:20.000Z"
    assert date(48000 * 1_700_000_000 + 47999, 48000) == "2023-11-14T22:13:20.999Z"


@pytest.mark.rule("RFC 8216bis 4.4.4.9", "discontinuity, map and date stand before the first part of their segment")
def test_what_stands_before_a_part() -> None:
    lines = media_playlist(window(last=9, gaps=(8,)), "v1").splitlines()
    at = lines.index("#EXT-X-DISCONTINUITY")
    assert lines[at + 1].startswith("#EXT-X-PROGRAM-DATE-TIME") and lines[at + 2].startswith("#EXT-X-PART:")


def test_an_open_segment_without_a_part_is_not_listed() -> None:
    one = window(open_parts=0)
    segments = [*one.tracks["v1"].segments, segment(10, VIDEO.timescale, parts=0, closed=False)]
    object.__setattr__(one.tracks["v1"], "segments", segments)
    text = media_playlist(one, "v1")
    assert text.count("PROGRAM-DATE-TIME") == 10
