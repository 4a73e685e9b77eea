from __future__ import annotations

import dataclasses

import pytest

from ingest.media import Frame, TrackConfig
from packager.entries import avc_format
from tests.kit.rtmp import AVCC


def test_what_crosses_the_border_cannot_be_changed() -> None:
    frame = Frame(track="v1", dts=0, timescale=1000, data=b"x")
    config = TrackConfig(track="v1", format=avc_format(AVCC))
    for value in (frame, config):
        with pytest.raises(dataclasses.FrozenInstanceError):
            value.track = "v2"  # type: ignore[misc]  # that is the point
    assert frame.key and frame.cto == 0
