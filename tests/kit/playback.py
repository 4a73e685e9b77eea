"""What a viewer saw: media that arrived over time, and what a screen would have shown of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.kit.fragments import Fragment, Init


@dataclass(slots=True)
class Track:
    """One track of one viewer. Times of `arrived` in seconds: (when, media end)."""

    name: str
    init: Init | None = None
    arrived: list[tuple[float, float]] = field(default_factory=list)
    start: float | None = None
    expected: int | None = None
    holes: list[str] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    samples: int = 0

    def take(self, fragments: list[Fragment], now: float, what: str, *, break_allowed: bool = False) -> None:
        """Media that has come: a decode time that does not follow the one before is a hole, unless announced."""
        assert self.init is not None, f"{self.name}: media before its init segment"
        for fragment in fragments:
            if self.expected is not None and fragment.decode_time != self.expected and not break_allowed:
                self.holes.append(f"{what}: decode time {fragment.decode_time}, expected {self.expected}")
            self.expected = fragment.end
            self.samples += fragment.samples
            if self.start is None:
                self.start = fragment.decode_time / self.init.timescale
            self.arrived.append((now, fragment.end / self.init.timescale))

    @property
    def seconds(self) -> float:
        """Media seconds received."""
        return self.arrived[-1][1] - self.start if self.arrived and self.start is not None else 0.0


@dataclass(slots=True)
class Playback:
    """All tracks of one viewer. `faults`: answers that were no media and had to be asked again."""

    tracks: dict[str, Track] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        return min((track.seconds for track in self.tracks.values()), default=0.0)

    @property
    def holes(self) -> list[str]:
        return [f"{name}: {hole}" for name, track in self.tracks.items() for hole in track.holes]

    def stalls(self, buffer_s: float = 2.0) -> list[float]:
        """How long a screen would have stood still, each time, starting to play `buffer_s` after the first media."""
        return [
            pause for track in self.tracks.values() for pause in stalls(track.arrived, track.start or 0.0, buffer_s)
        ]


def stalls(arrived: list[tuple[float, float]], start: float, buffer_s: float) -> list[float]:
    """Play in real time from `start`, `buffer_s` after the first arrival; every wait for media is one stall.

    >>> stalls([(0.0, 12.0), (1.0, 14.0), (9.0, 16.0)], 10.0, 1.0)  # 12 is over at 3.0, 14 at 5.0
    [4.0]
    """
    found: list[float] = []
    if not arrived:
        return found
    offset = arrived[0][0] + buffer_s - start  # wall time = media time + offset
    held = arrived[0][1]
    for when, end in arrived[1:]:
        dry = held + offset
        if when > dry + 1e-6:
            found.append(when - dry)
            offset += when - dry
        held = max(held, end)
    return found
