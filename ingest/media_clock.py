"""From a source's clock to epoch media time, whatever the source's clock does.

Three steps, each without I/O, in microseconds (exact for ms, and finer than any timescale's tick):

1. `SourceTimeline` tells stretches apart: within a *stretch* time goes on; a jump of over JUMP_US begins another one.
2. An anchor, one number a stretch: epoch time = source time + anchor.
3. `VideoTicks` and `AudioSteps` turn epoch time into the track's timescale, strictly rising. Audio is rebuilt in exact
   steps of one frame, so that rounding to ms leaves neither gaps nor overlaps.

A source that keeps epoch time itself goes through none of them (`KeptTicks`): two encoders then give the same names.
"""

from __future__ import annotations

from typing import NamedTuple

JUMP_US = 1_000_000
_SECOND = 1_000_000


class Placed(NamedTuple):
    """A time on the source's timeline: `stretch` counts from 0, `us` from the stretch's first frame."""

    stretch: int
    us: int


class SourceTimeline:
    """Places the times of all tracks of one source; they share one clock."""

    def __init__(self) -> None:
        self._stretch = -1
        self._origin = 0  # source time at which the stretch began
        self._latest = 0  # the newest source time of the stretch, of any track
        self._tracks: dict[
            str, tuple[int, int, int]
        ] = {}  # stretch, its origin, source time of each track's last frame

    @property
    def origin(self) -> int:
        """Source time at which the present stretch began."""
        return self._origin

    def place(self, track: str, us: int) -> Placed:
        """`us`: the source's time. A frame of an older stretch than one seen is a straggler of another track."""
        if self._stretch < 0:
            return self._begin(track, us)
        ahead = us - self._latest
        if -JUMP_US <= ahead <= JUMP_US:
            return self._go_on(track, us)
        last = self._tracks.get(track)
        if last is not None and abs(us - last[2]) <= JUMP_US:
            if last[0] == self._stretch:
                return self._go_on(track, us)
            self._tracks[track] = (last[0], last[1], us)
            return Placed(last[0], us - last[1])
        if last is None and self._stretch == 0 and abs(ahead) <= 10 * JUMP_US:
            return self._go_on(track, us)  # tracks that begin apart
        return self._begin(track, us)

    def _begin(self, track: str, us: int) -> Placed:
        self._stretch += 1
        self._origin = self._latest = us
        self._tracks[track] = (self._stretch, us, us)
        return Placed(self._stretch, 0)

    def _go_on(self, track: str, us: int) -> Placed:
        if us > self._latest:
            self._latest = us
        self._tracks[track] = (self._stretch, self._origin, us)
        return Placed(self._stretch, us - self._origin)


class VideoTicks:
    """Epoch time to a video timescale, at least one tick on from the sample before."""

    def __init__(self, timescale: int, after: int = -1) -> None:
        self.timescale = timescale
        self.still = 0  # samples one after the other that had to be moved on
        self._last = after

    def place(self, epoch_us: int) -> int:
        ticks = (epoch_us * self.timescale + _SECOND // 2) // _SECOND
        self.still = 0 if ticks > self._last else self.still + 1
        self._last = max(ticks, self._last + 1)
        return self._last

    def offset(self, epoch_us: int, cto: int, timescale: int) -> int:
        """From the decode time that was placed last to the presentation time, which is right even where the other had
        to be moved; never from a later to an earlier one that the source did not ask for."""
        pts_us = epoch_us + (cto * _SECOND + timescale // 2) // timescale
        ticks = (pts_us * self.timescale + _SECOND // 2) // _SECOND - self._last
        return max(ticks, 0) if cto > 0 else ticks


class AudioSteps:
    """Epoch time to exact frame steps. `rate` is the timescale."""

    def __init__(self, rate: int, after: int = -1) -> None:
        self.timescale = rate
        self._next: int | None = None
        self._after = after
        self.resyncs = 0

    def place(self, epoch_us: int, step: int) -> int | None:
        """The decode time of the next frame, which lasts `step` ticks; None if the source's time fell back and the
        frame has no room.

        Within two frames of where it is due a frame is put exactly there; later than that leaves a gap (`resyncs`).
        """
        ideal = epoch_us * self.timescale // _SECOND
        if self._next is None:
            dts = max(ideal, self._after + 1)
        elif abs(ideal - self._next) <= 2 * step:
            dts = self._next
        else:
            if ideal < self._next:
                return None
            self.resyncs += 1
            dts = ideal
        self._next = dts + step
        return dts


class KeptTicks:
    """A source whose times are epoch time: they are kept, and what does not rise is left out."""

    def __init__(self, timescale: int, after: int = -1) -> None:
        self.timescale = timescale
        self._last = after

    def place(self, dts: int) -> int | None:
        """`dts` in ticks; None if it is not behind the sample before."""
        if dts <= self._last:
            return None
        self._last = dts
        return dts
