"""From a publisher's clock to epoch media time, whatever the publisher's clock does.

Three steps, each without I/O:

1. `SourceTimeline` unwraps 32-bit milliseconds (RTMP 1.0 section 4: compare by difference modulo 2^32) and tells
   stretches apart: within a *stretch* time goes on; a jump of over JUMP_MS begins another one.
2. An anchor, one number a stretch: epoch ms = source ms + anchor.
3. `VideoTicks` and `AudioSteps` turn epoch ms into the track's timescale, strictly rising. Audio is rebuilt in exact
   steps of one frame, so that rounding to ms leaves neither gaps nor overlaps.
"""

from __future__ import annotations

from dataclasses import dataclass

JUMP_MS = 1000
_WRAP = 1 << 32
_HALF = 1 << 31


@dataclass(frozen=True, slots=True)
class Placed:
    """A time on the source's unwrapped timeline: `stretch` counts from 0, `ms` from the stretch's first frame."""

    stretch: int
    ms: int


class SourceTimeline:
    """Unwraps the timestamps of all tracks of one publisher; they share one clock."""

    def __init__(self) -> None:
        self._stretch = -1
        self._latest = (0, 0)  # timestamp and ms of the newest frame of the current stretch, of any track
        self._tracks: dict[str, tuple[int, int, int]] = {}  # stretch, timestamp, ms of each track's last frame

    def place(self, track: str, timestamp: int) -> Placed:
        """`timestamp` in ms modulo 2^32. A frame of an older stretch than one seen is a straggler of another track."""
        if self._stretch < 0:
            return self._begin(track, timestamp)
        ms = self._latest[1] + _difference(timestamp, self._latest[0])
        if abs(ms - self._latest[1]) <= JUMP_MS:
            return self._go_on(track, timestamp, ms)
        last = self._tracks.get(track)
        if last is not None and abs(step := _difference(timestamp, last[1])) <= JUMP_MS:
            if last[0] == self._stretch:
                return self._go_on(track, timestamp, last[2] + step)
            self._tracks[track] = (last[0], timestamp, last[2] + step)
            return Placed(last[0], last[2] + step)
        if last is None and self._stretch == 0 and abs(ms - self._latest[1]) <= 10 * JUMP_MS:
            return self._go_on(track, timestamp, ms)  # tracks that begin apart
        return self._begin(track, timestamp)

    def _begin(self, track: str, timestamp: int) -> Placed:
        self._stretch += 1
        self._latest = (timestamp, 0)
        self._tracks[track] = (self._stretch, timestamp, 0)
        return Placed(self._stretch, 0)

    def _go_on(self, track: str, timestamp: int, ms: int) -> Placed:
        if ms > self._latest[1]:
            self._latest = (timestamp, ms)
        self._tracks[track] = (self._stretch, timestamp, ms)
        return Placed(self._stretch, ms)


def _difference(later: int, earlier: int) -> int:
    return (later - earlier + _HALF) % _WRAP - _HALF


class VideoTicks:
    """Epoch ms to a video timescale, at least one tick on from the sample before."""

    def __init__(self, timescale: int, after: int = -1) -> None:
        self._timescale = timescale
        self._last = after

    def place(self, epoch_ms: int) -> int:
        self._last = max(epoch_ms * self._timescale // 1000, self._last + 1)
        return self._last


class AudioSteps:
    """Epoch ms to exact frame steps. `rate` is the timescale, `step` the samples of one frame."""

    def __init__(self, rate: int, step: int, after: int = -1) -> None:
        self._rate = rate
        self._step = step
        self._next: int | None = None
        self._after = after
        self.resyncs = 0

    def fits(self, rate: int, step: int) -> bool:
        return (self._rate, self._step) == (rate, step)

    def place(self, epoch_ms: int) -> int | None:
        """The decode time of the next frame; None if the publisher's time fell back and the frame has no room.

        Within two frames of where it is due a frame is put exactly there; later than that leaves a gap (`resyncs`).
        """
        ideal = epoch_ms * self._rate // 1000
        if self._next is None:
            dts = max(ideal, self._after + 1)
        elif abs(ideal - self._next) <= 2 * self._step:
            dts = self._next
        else:
            if ideal < self._next:
                return None
            self.resyncs += 1
            dts = ideal
        self._next = dts + self._step
        return dts
