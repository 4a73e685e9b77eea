"""From a source's frames to stamped samples of one *run* after the other: the core of a publishing session, no I/O.

A run is what one segmenter cuts: fixed tracks, formats, grid and anchor. At first frames are held until the second
keyframe has shown the keyframe interval (audio alone: until it is clear that no video comes). Then the held frames
are stamped and let go, and later frames pass at once. A new run begins, at a keyframe, when the source's clock jumps,
when a codec configuration changes, when a track appears, and when keyframes turn out irregular.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from base.media import Format, Sample
from base.problems import Problem
from ingest import grid as grids
from ingest.flv import AUDIO, VIDEO, Config, Frame
from ingest.grid import Grid
from ingest.media_clock import AudioSteps, Placed, SourceTimeline, VideoTicks
from packager.entries import aac_format, avc_format

TRACKS = {VIDEO: "v1", AUDIO: "a1"}
MAX_HELD_MS = 10_000
MAX_HELD_BYTES = 32 << 20
# How long audio is held for video to appear.
AUDIO_ALONE_MS = 3_000
# A track that stays behind the others by this is gone, and waiting for it would hold the others for ever.
MAX_SKEW_MS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run begins. `jumped`: its times do not go on from the run before. Times follow as Stamped values."""

    formats: Mapping[str, Format]
    grid: Grid
    jumped: bool


@dataclass(frozen=True, slots=True)
class Stamped:
    """One sample in epoch time of the current run."""

    track: str
    sample: Sample


Outcome = Run | Stamped


@dataclass(frozen=True, slots=True)
class _Held:
    at: Placed
    arrived_ms: int
    frame: Frame


class Intake:
    """Feed it `config` and `frame`; it gives Run and Stamped values in order.

    `not_before_ms` is the epoch time at which the channel's earlier media ended: nothing is stamped before it.
    """

    def __init__(self, *, segment_ms: int, not_before_ms: int = 0) -> None:
        self._segment_ms = segment_ms
        self._floor_ms = not_before_ms  # where stamped media ends, in epoch ms
        self._timeline = SourceTimeline()
        self._records: dict[str, bytes] = {}
        self._formats: dict[str, Format] = {}
        self._stretch = -1
        self._held: list[_Held] = []
        self._held_bytes = 0
        self._grid: Grid | None = None
        self._running = False
        self._renew = False  # a configuration changed: the next keyframe begins a run
        self._anchor_ms = 0
        self._ticks: VideoTicks | None = None
        self._steps: AudioSteps | None = None
        self._last_key_ms: int | None = None
        self._newest: dict[str, int] = {}  # source ms of the newest frame by kind
        self.resyncs: dict[str, int] = {"jump": 0, "audio": 0, "overlap": 0}
        self.dropped = 0

    @property
    def ends_ms(self) -> int:
        """Epoch ms at which the stamped media ends."""
        return self._floor_ms

    def config(self, config: Config) -> None:
        """Take a codec configuration. Raises Problem unplayable."""
        if self._records.get(config.kind) == config.record:
            return
        made = avc_format(config.record) if config.kind == VIDEO else aac_format(config.record)
        self._records[config.kind] = config.record
        self._formats[config.kind] = made
        self._renew = self._running

    def frame(self, frame: Frame, timestamp: int, now_ms: int) -> list[Outcome]:
        """Take a frame with its source time (ms modulo 2^32). Raises Problem unplayable or too-large."""
        if frame.kind not in self._formats:
            self.dropped += 1  # before its configuration nobody can decode it
            return []
        at = self._timeline.place(frame.kind, timestamp)
        if at.stretch < self._stretch:
            self.dropped += 1
            return []
        if at.stretch > self._stretch:
            self._jump(at)
        self._check_skew(frame.kind, at.ms)
        if self._running and self._renew and (frame.key and frame.kind == self._leader()):
            self._running = self._renew = False
            if self._grid is not None and (self._grid.interval_ms > 0) != (VIDEO in self._formats):
                self._grid = None
        if self._running:
            return self._pass(frame, at)
        self._held.append(_Held(at, now_ms, frame))
        self._held_bytes += len(frame.data)
        return self._decide()

    def _leader(self) -> str:
        return VIDEO if VIDEO in self._formats else AUDIO

    def _jump(self, at: Placed) -> None:
        """The source's clock jumped: what is held belongs to the old stretch and is given up."""
        if self._stretch >= 0:
            self.resyncs["jump"] += 1
        self.dropped += len(self._held)
        self._stretch = at.stretch
        self._held, self._held_bytes = [], 0
        self._running = False
        self._ticks = self._steps = None
        self._last_key_ms = None
        self._newest = {}

    def _check_skew(self, kind: str, ms: int) -> None:
        self._newest[kind] = max(ms, self._newest.get(kind, ms))
        if not self._running:
            return
        for other in self._formats:
            behind = ms - self._newest.setdefault(other, ms)
            if other != kind and behind > MAX_SKEW_MS:
                raise Problem("unplayable", f"{other} stopped {behind // 1000} s ago while {kind} goes on")

    def _decide(self) -> list[Outcome]:
        """Can a run begin with what is held? Then everything that is held leaves."""
        first, last = self._held[0].at.ms, self._held[-1].at.ms
        if self._held_bytes > MAX_HELD_BYTES:
            raise Problem("too-large", f"over {MAX_HELD_BYTES >> 20} MiB before the second keyframe")
        if VIDEO not in self._formats:
            if last - first < AUDIO_ALONE_MS and self._grid is None:
                return []
            self._grid = self._grid or grids.without_video(self._segment_ms)
            return self._begin(0)
        videos = [(i, h) for i, h in enumerate(self._held) if h.frame.kind == VIDEO]
        keys = [(order, i, h) for order, (i, h) in enumerate(videos) if h.frame.key]
        if self._grid is not None and self._grid.interval_ms and keys:
            return self._begin(keys[0][1])  # measured before: the clock jumped or a configuration changed
        if len(keys) < 2:
            if last - first > MAX_HELD_MS:
                raise grids.too_long(last - first)
            return []
        interval = keys[1][2].at.ms - keys[0][2].at.ms
        self._grid = grids.measured(max(interval, 1), keys[1][0] - keys[0][0], self._segment_ms)
        return self._begin(keys[0][1])

    def _begin(self, first: int) -> list[Outcome]:
        """Anchor and let go what is held from index `first` on."""
        assert self._grid is not None
        held, self._held, self._held_bytes = self._held, [], 0
        begin_ms = held[first].at.ms
        fresh = self._ticks is None and self._steps is None
        if fresh:
            # The frame that was least delayed on its way tells best how the two clocks lie to each other.
            self._anchor_ms = min(h.arrived_ms - h.at.ms for h in held)
            if begin_ms + self._anchor_ms < self._floor_ms:
                self._anchor_ms = self._floor_ms - begin_ms
        self._make_clocks()
        self._running = True
        out: list[Outcome] = [self._run(jumped=fresh)]
        for index, item in enumerate(held):
            # Audio from before the first keyframe would belong to a segment that has no picture.
            if index < first and (item.frame.kind == VIDEO or item.at.ms < begin_ms):
                self.dropped += 1
                continue
            out += self._pass(item.frame, item.at)
        return out

    def _make_clocks(self) -> None:
        floor = self._floor_ms
        if VIDEO in self._formats and self._ticks is None:
            scale = self._formats[VIDEO].timescale
            self._ticks = VideoTicks(scale, floor * scale // 1000 - 1)
        audio = self._formats.get(AUDIO)
        if audio is not None and (self._steps is None or not self._steps.fits(audio.timescale, audio.sample_duration)):
            self._steps = AudioSteps(audio.timescale, audio.sample_duration, floor * audio.timescale // 1000 - 1)

    def _run(self, *, jumped: bool) -> Run:
        assert self._grid is not None
        formats = {TRACKS[kind]: self._formats[kind] for kind in (VIDEO, AUDIO) if kind in self._formats}
        return Run(formats=formats, grid=self._grid, jumped=jumped)

    def _pass(self, frame: Frame, at: Placed) -> list[Outcome]:
        epoch_ms = at.ms + self._anchor_ms
        out: list[Outcome] = []
        if frame.kind == VIDEO:
            if self._ticks is None:
                return []  # video appeared in a run without it: it waits for the next run
            out += self._watch_keyframes(frame, at)
            scale = self._formats[VIDEO].timescale
            dts = self._ticks.place(epoch_ms)
            sample = Sample(dts=dts, cto=frame.cto_ms * scale // 1000, sync=frame.key, data=frame.data)
        else:
            if self._steps is None:
                return []
            before = self._steps.resyncs
            found = self._steps.place(epoch_ms)
            self.resyncs["audio"] += self._steps.resyncs - before
            if found is None:
                self.resyncs["overlap"] += 1
                return []
            sample = Sample(dts=found, data=frame.data)
        self._floor_ms = max(self._floor_ms, epoch_ms + 1)
        out.append(Stamped(TRACKS[frame.kind], sample))
        return out

    def _watch_keyframes(self, frame: Frame, at: Placed) -> list[Outcome]:
        """Irregular keyframes turn the numbering to counted, from this keyframe on."""
        assert self._grid is not None
        since = at.ms - self._last_key_ms if self._last_key_ms is not None else 0
        if not frame.key:
            if since > MAX_HELD_MS:
                raise grids.too_long(since)
            return []
        self._last_key_ms = at.ms
        if since <= 0:
            return []
        was, self._grid = self._grid, grids.checked(self._grid, since)
        return [self._run(jumped=False)] if self._grid.counted and not was.counted else []
