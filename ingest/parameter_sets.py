"""Parameter sets that come inside the stream (byte streams, RTP) to a decoder configuration record.

ITU-T H.264 7.3.2, H.265 7.3.2; the records: packager.avc, packager.hevc.
"""

from __future__ import annotations

from collections.abc import Iterable

from base.problems import Problem
from packager import avc, hevc_sets
from packager.bits import Bits, unescape
from packager.hevc import PPS, SPS, VPS
from packager.hevc import record as hevc_record

_AVC_SPS, _AVC_PPS = 7, 8
_MOST_SETS, _MOST_OCTETS = 64, 4096


class ParameterSets:
    """Of one track: the sets in force, each by kind and id.

    `record`: AVC- or HEVCDecoderConfigurationRecord of them, None until all kinds are there.
    """

    def __init__(self, *, hevc: bool) -> None:
        self._hevc = hevc
        self._kinds = (VPS, SPS, PPS) if hevc else (_AVC_SPS, _AVC_PPS)
        self._units: dict[tuple[int, int], bytes] = {}
        self._known: set[bytes] = set()
        self.record: bytes | None = None

    def take(self, units: Iterable[bytes]) -> bool:
        """Sets that stood before a picture; True if they make another record. Raises Problem unplayable."""
        fresh = [unit for unit in units if unit not in self._known]
        changed = False
        for unit in fresh:
            kind = unit[0] >> 1 & 63 if self._hevc else unit[0] & 31
            if kind not in self._kinds:
                continue  # SPS extensions are for auxiliary pictures, which no player shows
            if len(unit) > _MOST_OCTETS:
                raise _damaged("a set is larger than any encoder makes it")
            try:
                key = kind, self._id(kind, Bits(unescape(unit)[2 if self._hevc else 1 :]))
            except ValueError as fault:
                raise _damaged(str(fault)) from fault
            self._units[key] = unit
            changed = True
        if not changed:
            return False
        if len(self._units) > _MOST_SETS:
            raise _damaged(f"over {_MOST_SETS} sets")
        self._known = set(self._units.values())
        by_kind = {kind: [unit for (k, _), unit in sorted(self._units.items()) if k == kind] for kind in self._kinds}
        if not all(by_kind.values()):
            return False
        try:
            made = hevc_record(by_kind) if self._hevc else avc.record(by_kind[_AVC_SPS], by_kind[_AVC_PPS])
        except ValueError as fault:
            raise _damaged(str(fault)) from fault
        before, self.record = self.record, made
        return made != before

    def _id(self, kind: int, bits: Bits) -> int:
        if not self._hevc:
            if kind == _AVC_SPS:
                bits.read(24)
            return bits.ue()
        if kind == VPS:
            return bits.read(4)
        return hevc_sets.read_sps(bits)[0] if kind == SPS else bits.ue()


def _damaged(why: str) -> Problem:
    return Problem("unplayable", f"the stream's parameter sets cannot be used: {why}")
