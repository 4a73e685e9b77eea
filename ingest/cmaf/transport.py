"""MPEG-TS segments of an HLS presentation that is pushed (DASH-IF ingest 7.3): one demuxer for each rendition (no I/O).

A rendition is told by the segments' names without their number. Its segments come in order, each whole.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field

from base.problems import Problem
from ingest.ts.demuxer import Demuxer
from ingest.ts.streams import Event

MAX_SEGMENT = 64 << 20
_MOST_RENDITIONS = 8
_NUMBER = re.compile(r"([0-9]+)(\.[A-Za-z0-9]+)$")
# A number that is this much lower is a new beginning, not a segment that is sent again.
_FAR_BACK = 16


def rendition(path: str) -> tuple[str, int]:
    """`hd/seg_00012.ts` -> (`hd/seg_.ts`, 12); 0 without a number."""
    found = _NUMBER.search(path)
    return (path[: found.start()] + found[2], int(found[1][-15:])) if found else (path, 0)


@dataclass(slots=True)
class _Rendition:
    demuxer: Demuxer = field(default_factory=Demuxer)
    number: int = -1
    digest: bytes = b""


class Renditions:
    """All renditions of a session."""

    def __init__(self) -> None:
        self._all: dict[str, _Rendition] = {}
        self.repeated = 0

    def take(self, path: str, body: bytes) -> list[Event]:
        """What a segment has; nothing if it came before. Raises Problem malformed, unplayable or too-large."""
        name, number = rendition(path)
        if name not in self._all and len(self._all) >= _MOST_RENDITIONS:
            raise Problem("malformed", f"over {_MOST_RENDITIONS} renditions: keep to one name with a rising number")
        this = self._all.setdefault(name, _Rendition())
        digest = hashlib.sha256(body).digest()
        late = this.number - _FAR_BACK <= number < this.number
        if digest == this.digest or late:
            self.repeated += 1
            return []
        found = [*this.demuxer.take(body), *this.demuxer.ends()]
        this.number, this.digest = number, digest
        return found
