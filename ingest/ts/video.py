"""A PES packet of H.264 or HEVC to one access unit, and the decoder configuration when it changes."""

from __future__ import annotations

from base.media import Format
from base.problems import Problem
from ingest import annexb
from ingest.media import Frame, TrackConfig
from ingest.parameter_sets import ParameterSets
from packager.entries import avc_format, hevc_format

HZ = 90_000
# A picture that is shown later than this after its decoding was stamped wrongly.
_MOST_CTO = 10 * HZ
# Pictures without a time stamp in a row: the encoder does not stamp them at all.
_MOST_UNSTAMPED = 100


class Video:
    """Of one track. `dropped`: pictures that could not be handed on: without stamps, or before a configuration."""

    def __init__(self, track: str, *, hevc: bool) -> None:
        self.track = track
        self._hevc = hevc
        self._sets = ParameterSets(hevc=hevc)
        self._unstamped = 0
        self.dropped = 0

    def take(self, data: bytes, pts: int | None, dts: int | None) -> list[TrackConfig | Frame]:
        """`pts`, `dts`: unwrapped. Raises Problem unplayable."""
        found: list[TrackConfig | Frame] = []
        unit = annexb.access(data, hevc=self._hevc)
        if unit.sets and self._sets.take(unit.sets):
            found.append(TrackConfig(track=self.track, format=self._format()))
        if not unit.data or not self._stamped(pts, dts) or self._sets.record is None:
            self.dropped += bool(unit.data)
            return found
        assert pts is not None and dts is not None
        found.append(Frame(track=self.track, dts=dts, timescale=HZ, cto=pts - dts, key=unit.key, data=unit.data))
        return found

    def _stamped(self, pts: int | None, dts: int | None) -> bool:
        if pts is not None and dts is not None and 0 <= pts - dts <= _MOST_CTO:
            self._unstamped = 0
            return True
        self._unstamped += 1
        if self._unstamped > _MOST_UNSTAMPED:
            raise Problem("unplayable", "its pictures have no usable time stamps: let the encoder stamp every picture")
        return False

    def _format(self) -> Format:
        record = self._sets.record
        assert record is not None
        return hevc_format(record, HZ) if self._hevc else avc_format(record, HZ)
