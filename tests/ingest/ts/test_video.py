from __future__ import annotations

import pytest

from base.problems import Problem
from ingest.media import Frame, TrackConfig
from ingest.ts.video import Video
from tests.kit.rtmp import AVCC, PPS, SPS

START = b"\0\0\0\1"
SETS = START + b"\x09\xf0" + START + SPS + START + PPS
KEY, OTHER = START + b"\x65key", START + b"\x41other"


def test_a_configuration_comes_before_the_first_picture_and_when_it_changes() -> None:
    video = Video("v1", hevc=False)
    config, frame = video.take(SETS + KEY, 7200, 3600)
    assert isinstance(config, TrackConfig) and AVCC in config.format.entry
    assert (config.format.width, config.format.timescale) == (320, 90000)
    assert frame == Frame(track="v1", dts=3600, timescale=90000, cto=3600, key=True, data=b"\0\0\0\4\x65key")
    assert [type(e) for e in video.take(SETS + KEY, 10800, 10800)] == [Frame]
    changed = SETS[:-1] + b"\xc9"
    assert [type(e) for e in video.take(changed + OTHER, 14400, 14400)] == [TrackConfig, Frame]


def test_pictures_before_a_configuration_are_dropped() -> None:
    video = Video("v1", hevc=False)
    assert video.take(OTHER, 3600, 3600) == [] and video.dropped == 1


def test_pictures_without_usable_stamps_are_dropped_and_at_last_refused() -> None:
    video = Video("v1", hevc=False)
    video.take(SETS + KEY, 3600, 3600)
    assert video.take(OTHER, None, None) == []
    assert video.take(OTHER, 3600, 7200) == [], "it would be shown before it is decoded"
    assert video.take(OTHER, 3600 + 11 * 90000, 3600) == []
    assert video.dropped == 3
    video.take(OTHER, 7200, 7200)
    with pytest.raises(Problem, match="time stamps"):
        for _ in range(101):
            video.take(OTHER, None, None)
