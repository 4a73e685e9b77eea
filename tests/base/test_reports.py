"""What an origin tells control."""

import msgspec
import pytest

from base.reports import AssetReport, ChannelReport, TrackReport


def test_an_asset_report_survives_json() -> None:
    track = TrackReport(track="v1", kind="video", codec="avc1.64001f", bandwidth=2_000_000, frame_rate="30000/1001")
    report = AssetReport(
        asset="film",
        edition="e1",
        duration_ms=60_000,
        segments=15,
        target_ms=4000,
        bytes=15_000_000,
        tracks=(track,),
        notes=("track 3 (ac-4) was left out",),
    )
    assert msgspec.json.decode(msgspec.json.encode(report), type=AssetReport) == report


def test_a_channel_that_was_never_published_is_told_by_three_facts() -> None:
    report = msgspec.json.decode(b'{"channel":"studio","edition":"e1","state":"idle"}', type=ChannelReport)
    assert (report.first_number, report.last_number, report.age_ms) == (-1, -1, -1)


def test_a_report_without_its_tracks_codec_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="codec"):
        msgspec.json.decode(b'{"track":"v1","kind":"video","bandwidth":1}', type=TrackReport)
