"""Frames of several tracks, each in its own order, into one row by decode time (no I/O).

Tracks come in segments on connections of their own, so one may be seconds before another. What is behind this module
wants them side by side: a frame leaves once every track that is alive has come as far. A track that stays behind is
not waited for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from ingest.media import Frame

# A track is waited for this long after its last frame, in seconds on the wall, and this far behind in media time:
# segments have up to 6 s (DASH-IF ingest 6.3), and one may be re-sent.
PATIENCE_S = 8.0
MAX_BEHIND_S = 14.0
MAX_HELD_BYTES = 96 << 20


@dataclass(slots=True)
class _Track:
    frames: deque[Frame] = field(default_factory=deque)
    newest: float = 0.0  # decode time in seconds of the newest frame that came
    came: float = 0.0  # when it came


class Merge:
    def __init__(self) -> None:
        self._tracks: dict[str, _Track] = {}
        self._octets = 0

    @property
    def empty(self) -> bool:
        return not any(track.frames for track in self._tracks.values())

    def push(self, frames: Sequence[Frame], now: float) -> None:
        """Frames of one track in decode order; `now`: monotonic seconds."""
        for frame in frames:
            track = self._tracks.setdefault(frame.track, _Track())
            track.frames.append(frame)
            track.newest = _seconds(frame)
            track.came = now
            self._octets += len(frame.data)

    def pull(self, now: float) -> list[Frame]:
        """What may leave at `now`, by decode time."""
        if not self._tracks:
            return []
        ahead = max(track.newest for track in self._tracks.values())
        waited = [
            track.newest
            for track in self._tracks.values()
            if now - track.came < PATIENCE_S and ahead - track.newest < MAX_BEHIND_S
        ]
        until = min(waited, default=ahead) if self._octets <= MAX_HELD_BYTES else ahead
        return self._leave(until)

    def flush(self) -> list[Frame]:
        """Everything, and no track is known any more: a source began anew, or ended."""
        out = self._leave(float("inf"))
        self._tracks.clear()
        return out

    def _leave(self, until: float) -> list[Frame]:
        out = []
        for track in self._tracks.values():
            while track.frames and _seconds(track.frames[0]) <= until:
                out.append(track.frames.popleft())
        out.sort(key=_seconds)  # stable: frames of one track keep their order
        self._octets -= sum(len(frame.data) for frame in out)
        return out


def _seconds(frame: Frame) -> float:
    return frame.dts / frame.timescale
