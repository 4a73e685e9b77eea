"""From a source's frames to stamped samples of one *run* after the other: the core of a publishing session, no I/O.

A run is what one segmenter cuts: fixed tracks, formats, grid and anchor. Its *leader* is the first video track, or the
first audio track where there is no video. At first frames are held until the leader's second keyframe has shown the
keyframe interval (audio alone: until it is clear that no video comes). Then the held frames are stamped and let go, and
later frames pass at once. A new run begins, at a keyframe of the leader, when the source's clock jumps, when a format
changes, when a track appears or has stopped, and when keyframes turn out irregular.

An *anchored* source says epoch times. They are kept, a hole in them is a hole and not a jump, and its first run begins
at a keyframe that opens a cell of the wall's grid, so that every source of the channel cuts at the same frames.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from base.media import Format, Sample
from base.problems import Problem
from ingest import grid as grids
from ingest.drift import EpochClock
from ingest.grid import Grid
from ingest.media import Frame, TrackConfig
from ingest.media_clock import AudioSteps, KeptTicks, Placed, SourceTimeline, VideoTicks
from ingest.remux import frames

MOST_TRACKS = 16
MAX_HELD_US = 10_000_000
MAX_HELD_BYTES = 32 << 20
MAX_HELD_FRAMES = 20_000
# How long audio is held for video to appear.
AUDIO_ALONE_US = 3_000_000
# A track that stays behind the others by this has stopped: the others go on without it.
MAX_SKEW_US = 10_000_000
# How exact times of a source are that are whole seconds, or whole segments, by intention.
_ROUNDING_US = 1_000
# Keyframes this near to a splice are there because of it.
_SPLICE_US = 150_000
_MOST_SPLICES = 32
# Pictures are decoded that much before they are shown, at most: numbers are of times of showing, and never go back.
MAX_CTO_S = 10
# A source that says epoch times is at most this far ahead of the clock: what is stamped once cannot be taken back.
MAX_EARLY_US = 660_000_000
# Pictures whose times do not go on, while those before are caught up with. More of them would never end a segment.
MOST_STILL = 2000
_TRACK = re.compile(r"[va][1-9][0-9]?")
_VIDEO = "v"


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


class _Held(NamedTuple):
    at: Placed
    arrived_us: int
    frame: Frame

    @property
    def shown_us(self) -> int:
        return _shown_us(self.frame, self.at)


class Intake:
    """Feed it `config` and `frame`; it gives Run and Stamped values in order.

    `not_before_ms` is the epoch time at which the channel's earlier media ended: nothing is stamped before it.
    `anchored`: the source's times are epoch times; set before the first frame. `asked`: the source makes a keyframe in
    each cell of the wall's grid since it is asked to, at times that jitter; set before the first frame of pictures.
    """

    def __init__(self, *, segment_ms: int, not_before_ms: int = 0) -> None:
        self.anchored = False
        self.asked = False
        self._segment_ms = segment_ms
        self._floor_us = not_before_ms * 1000  # where stamped media ends, in epoch time
        self._timeline = SourceTimeline()
        self._formats: dict[str, Format] = {}
        self._stretch = -1
        self._held: list[_Held] = []
        self._held_bytes = 0
        self._led = 0  # frames of the leader that are held
        self._keys: list[tuple[int, int]] = []  # the first keyframes among them: (which of them, index in held)
        self._grid: Grid | None = None
        self._leader = ""  # of the run, or of what is held
        self._run: dict[str, Format] = {}  # of the run; empty while frames are held
        self._renew = False  # the next keyframe of the leader begins a run
        self._epoch: EpochClock | None = None  # of this stretch, once a run of it has begun
        self._shifted_us: dict[str, int] = {}  # what sound has followed of the clock's slew, by track
        self._waits_us = 0  # until then, in epoch time, what arrives is left out
        self._clocks: dict[str, VideoTicks | AudioSteps | KeptTicks] = {}
        self._last_key_us: int | None = None  # source time at which it is shown
        self._splices: deque[int] = deque(maxlen=_MOST_SPLICES)
        self._newest: dict[str, int] = {}  # source time of the newest frame by track
        self._checked_us = 0
        self.resyncs: dict[str, int] = {"jump": 0, "drift": 0, "audio": 0, "overlap": 0}
        self.dropped = 0

    @property
    def ends_ms(self) -> int:
        """Epoch ms at which the stamped media ends."""
        return -(-self._floor_us // 1000)

    def epoch_us(self, us: int) -> int | None:
        """The epoch time of the source's time `us`, as long as its clock goes on; None before a run has begun."""
        return None if self._epoch is None else self._epoch.epoch_us(us - self._timeline.origin)

    def expect(self, epoch_us: int) -> None:
        """A splice is signalled for this time: a keyframe that the encoder puts there is not irregular."""
        self._splices.append(epoch_us)

    def config(self, config: TrackConfig) -> None:
        """Take a decoder configuration. Raises Problem unplayable."""
        track, fmt = config.track, config.format
        if self._formats.get(track) == fmt:
            return
        assert _TRACK.fullmatch(track) and (track[0] == _VIDEO) == (fmt.kind == "video"), track
        if len(self._formats.keys() | {track}) > MOST_TRACKS:
            raise Problem("unplayable", f"over {MOST_TRACKS} tracks: send fewer renditions and languages")
        self._formats[track] = fmt
        if self._run:
            # Until the run that has this format begins, the track's frames would be in a run of another one.
            self._renew = True
            return
        self._hold([held for held in self._held if held.frame.track != track])

    def frame(self, frame: Frame, now_ms: int) -> list[Outcome]:
        """Take a frame that arrived at `now_ms`. Raises Problem unplayable or too-large."""
        track = frame.track
        if track not in self._formats:
            self.dropped += 1  # before its configuration nobody can decode it
            return []
        scale = frame.timescale
        if abs(frame.cto) > MAX_CTO_S * scale:
            raise Problem(
                "malformed", f"a picture is shown over {MAX_CTO_S} s from when it is decoded: its times are wrong"
            )
        us = (frame.dts * 1_000_000 + (scale >> 1)) // scale
        if self.anchored and us - now_ms * 1000 > MAX_EARLY_US:
            early_s = us // 1_000_000 - now_ms // 1000
            raise Problem("malformed", f"its times are epoch times, and {early_s} s ahead: set the encoder's clock")
        at = Placed(0, us) if self.anchored else self._timeline.place(track, us)
        if at.stretch != self._stretch:
            if at.stretch < self._stretch:
                self.dropped += 1
                return []
            self._jump(at)
        newest = self._newest
        if at.us > newest.get(track, at.us - 1):
            newest[track] = at.us
        now_us = now_ms * 1000
        if self._run:
            if at.us - self._checked_us > 1_000_000:
                self._check_tracks(at.us)
                self._check_clock()
        elif now_us < self._waits_us:
            self.dropped += 1
            return []
        if self._run and not (self._renew and frame.key and self._begins_anew(track)):
            return self._pass(frame, at, now_us)
        self._hold_one(_Held(at, now_us, frame))
        return self._decide()

    def _jump(self, at: Placed) -> None:
        """The source's clock jumped: what is held belongs to the old stretch and is given up."""
        if self._stretch >= 0:
            self.resyncs["jump"] += 1
        self._stretch = at.stretch
        self._unanchor()
        self._newest = dict.fromkeys(self._newest, 0)
        self._checked_us = 0

    def _unanchor(self) -> None:
        self._hold([])
        self._run = {}
        self._epoch = None
        self._clocks = {}
        self._shifted_us = {}
        self._last_key_us = None

    def _check_clock(self) -> None:
        """Has the source's clock run so far from UTC that it must be anchored anew?"""
        assert self._epoch is not None
        if self._epoch.astray:
            self.resyncs["drift"] += 1
            # What is stamped cannot be taken back: a clock that ran ahead goes on when time is there, too.
            self._waits_us = self._floor_us
            self._unanchor()

    def _check_tracks(self, us: int) -> None:
        """Has a track of the run stopped? Does one that is not in it send?"""
        self._checked_us = us
        if self._present(us) != list(self._run):
            self._renew = True

    def _present(self, us: int) -> list[str]:
        """The configured tracks that have sent of late, in the order of playlists."""
        found = (t for t in self._formats if us - self._newest.get(t, us - MAX_SKEW_US - 1) <= MAX_SKEW_US)
        return sorted(found, key=_order)

    def _begins_anew(self, track: str) -> bool:
        """A keyframe of `track`, while a new run is wanted: if it leads that run, hold it and what follows."""
        present = self._present(self._newest[track])
        if present[0] != track:
            return False
        self._run, self._renew = {}, False
        return True

    def _hold(self, frames: list[_Held]) -> None:
        """Hold these in place of what was held."""
        self.dropped += len(self._held) - len(frames)
        self._held, self._held_bytes = [], 0
        self._led, self._keys = 0, []
        for held in frames:
            self._hold_one(held)

    def _hold_one(self, held: _Held) -> None:
        track = held.frame.track
        if not self._held or _order(track) < _order(self._leader):
            if track != self._leader:
                self._leader, self._grid, self._last_key_us = track, None, None
            self._led, self._keys = 0, []
        if track == self._leader:
            if held.frame.key and len(self._keys) < 2:
                self._keys.append((self._led, len(self._held)))
            self._led += 1
        self._held.append(held)
        self._held_bytes += len(held.frame.data)

    def _decide(self) -> list[Outcome]:
        """Can a run begin with what is held? Then everything that is held leaves."""
        if self._held_bytes > MAX_HELD_BYTES or len(self._held) > MAX_HELD_FRAMES:
            raise Problem(
                "too-large", f"over {MAX_HELD_BYTES >> 20} MiB or {MAX_HELD_FRAMES} frames before the second keyframe"
            )
        lasted = self._held[-1].at.us - self._held[0].at.us
        if self._leader[0] != _VIDEO:
            # At first pictures may begin, or be configured, a little later.
            expected = any(track[0] == _VIDEO for track in self._formats)
            waits = MAX_SKEW_US if expected else AUDIO_ALONE_US
            if self._epoch is None and self._grid is None and lasted < waits:
                return []
            self._grid = self._grid or grids.without_video(self._segment_ms)
            return self._begin_at(0)
        if self.asked and (len(self._keys) > 1 or len(self._present(self._held[-1].at.us)) == len(self._formats)):
            self._grid = self._grid or grids.asked(self._segment_ms)
        if self._grid is not None and self._keys:
            return self._begin_at(self._keys[0][1])  # measured before: the clock jumped or a format changed
        if len(self._keys) < 2:
            if lasted > MAX_HELD_US:
                raise grids.too_long(lasted // 1000)
            return []
        (first, begin), (second, end) = self._keys
        # Times of showing: in open GOPs keyframes are decoded early, and pictures before them come later.
        decoded_us = max(self._held[end].at.us - self._held[begin].at.us, 1)
        shown_us = max(self._held[end].shown_us - self._held[begin].shown_us, 1)
        frames_shown = max(1, round((second - first) * shown_us / decoded_us))
        self._grid = grids.measured(max(round(shown_us / 1000), 1), frames_shown, self._segment_ms)
        return self._begin_at(begin)

    def _begin_at(self, first: int) -> list[Outcome]:
        """Begin at index `first`, an anchored source's first run at the keyframe that opens a cell; wait for that."""
        if not self.anchored or self._epoch is not None:
            return self._begin(first)
        at = self._opens_cell(first)
        return [] if at is None else self._begin(at)

    def _opens_cell(self, first: int) -> int | None:
        """The first held keyframe of the leader, from `first` on, that is the first one of a cell of the wall."""
        assert self._grid is not None
        grid_us = self._grid.grid_ms * 1000
        for index in range(first, len(self._held)):
            at, _, frame = self._held[index]
            if frame.track != self._leader or not frame.key or at.us < self._floor_us:
                continue
            us = _shown_us(frame, at)
            step = round(self._grid.interval_ms * 1000) or self._frame_us(frame)
            if (us + _ROUNDING_US) // grid_us != (us + _ROUNDING_US - step) // grid_us:
                return index
        return None

    def _frame_us(self, frame: Frame) -> int:
        """How long a frame of sound lasts."""
        fmt = self._formats[frame.track]
        return (fmt.sample_duration or _lasts(fmt, frame.data)) * 1_000_000 // fmt.timescale

    def _begin(self, first: int) -> list[Outcome]:
        """Anchor and let go what is held from index `first` on."""
        assert self._grid is not None
        held = self._held
        begin_us = held[first].at.us
        jumped = self._epoch is None
        if self._epoch is None:
            # The frame that was least delayed on its way tells best how the two clocks lie to each other. Whole ms, so
            # that a clock of 90 kHz goes through unrounded.
            least = max(min(h.arrived_us - h.at.us for h in held), self._floor_us - begin_us)
            self._epoch = EpochClock(0 if self.anchored else -(-least // 1000) * 1000)
        self._run = {track: self._formats[track] for track in self._present(held[-1].at.us)}
        self._renew = False
        self._checked_us = begin_us
        for track, fmt in self._run.items():
            clock = self._clocks.get(track)
            if clock is None or clock.timescale != fmt.timescale:
                after = self._floor_us * fmt.timescale // 1_000_000 - 1
                make = KeptTicks if self.anchored else VideoTicks if fmt.kind == "video" else AudioSteps
                self._clocks[track] = make(fmt.timescale, after)
                self._shifted_us[track] = self._epoch.slew_us
        out: list[Outcome] = [Run(formats=dict(self._run), grid=self._grid, jumped=jumped)]
        self._held, self._held_bytes = [], 0
        for index, item in enumerate(held):
            # Sound and renditions from before the first keyframe would belong to a segment that has no picture.
            if index < first and (item.frame.track == self._leader or item.at.us < begin_us):
                self.dropped += 1
                continue
            out += self._pass(item.frame, item.at, item.arrived_us)
        return out

    def _pass(self, frame: Frame, at: Placed, arrived_us: int) -> list[Outcome]:
        track = frame.track
        fmt = self._run.get(track)
        if fmt is None or (self._renew and fmt is not self._formats[track]):
            # The track, or its new format, waits for the next run; one that stays behind the others gets into none.
            self._renew = self._renew or track in self._present(max(self._newest.values()))
            self.dropped += 1
            return []
        assert self._epoch is not None
        epoch_us = at.us if self.anchored else self._epoch.place(at.us, arrived_us)
        clock = self._clocks[track]
        out: list[Outcome] = []
        if fmt.kind == "video" and track == self._leader:
            out += self._watch_keyframes(frame, at)
        if isinstance(clock, KeptTicks):
            cto = frame.cto * fmt.timescale // frame.timescale
            kept = clock.place(frame.dts * fmt.timescale // frame.timescale)
            if kept is None:
                self.resyncs["overlap"] += 1
                return out
            sample = Sample(dts=kept, cto=cto, sync=frame.key, data=frame.data)
        elif isinstance(clock, VideoTicks):
            dts = clock.place(epoch_us)
            if clock.still > MOST_STILL:
                raise Problem("malformed", f"the times of {MOST_STILL} pictures stand still: restart the encoder")
            cto = clock.offset(epoch_us, frame.cto, frame.timescale) if frame.cto else 0
            sample = Sample(dts=dts, cto=cto, sync=frame.key, data=frame.data)
            epoch_us = max(epoch_us, -(-(dts + 1) * 1_000_000 // fmt.timescale) - 1)  # where it was moved on to
        else:
            return self._sound(frame, fmt, clock, at.us)
        self._floor_us = max(self._floor_us, epoch_us + 1)
        out.append(Stamped(track, sample))
        return out

    def _sound(self, frame: Frame, fmt: Format, clock: AudioSteps, us: int) -> list[Outcome]:
        """Sound goes on in exact steps: it follows the slewed clock by a whole frame less or more (decision 17)."""
        assert self._epoch is not None
        step = fmt.sample_duration or _lasts(fmt, frame.data)
        step_us = step * 1_000_000 // fmt.timescale
        shifted = self._shifted_us[frame.track]
        behind = self._epoch.slew_us - shifted
        if behind * 4 < -3 * step_us:
            self._shifted_us[frame.track] = shifted - step_us
            return []
        repeated = behind * 4 > 3 * step_us
        epoch_us = us + self._epoch.anchor_us + shifted
        out: list[Outcome] = []
        for at_us in (epoch_us, epoch_us + step_us) if repeated else (epoch_us,):
            before = clock.resyncs
            found = clock.place(at_us, step)
            self.resyncs["audio"] += clock.resyncs - before
            if found is None:
                self.resyncs["overlap"] += 1
                return out
            self._floor_us = max(self._floor_us, -(-(found + step) * 1_000_000 // fmt.timescale))
            out.append(Stamped(frame.track, Sample(dts=found, data=frame.data)))
        if repeated:
            self._shifted_us[frame.track] = shifted + step_us
        return out

    def _watch_keyframes(self, frame: Frame, at: Placed) -> list[Outcome]:
        """Irregular keyframes turn the numbering to counted, from this keyframe on."""
        assert self._grid is not None
        if not frame.key:
            if self._last_key_us is not None and at.us - self._last_key_us > MAX_HELD_US:
                raise grids.too_long((at.us - self._last_key_us) // 1000)
            return []
        shown_us = _shown_us(frame, at)
        since = round((shown_us - self._last_key_us) / 1000) if self._last_key_us is not None else 0
        before, self._last_key_us = self._last_key_us, shown_us
        if since <= 0 or self._at_splice(shown_us) or (before is not None and self._at_splice(before)):
            return []
        was, self._grid = self._grid, grids.checked(self._grid, since)
        if not self._grid.counted or was.counted:
            return []
        return [Run(formats=dict(self._run), grid=self._grid, jumped=False)]

    def _at_splice(self, us: int) -> bool:
        clock = self._epoch
        return clock is not None and any(abs(clock.epoch_us(us) - at) <= _SPLICE_US for at in self._splices)


def _shown_us(frame: Frame, at: Placed) -> int:
    """Source time at which a frame is shown."""
    return at.us + frame.cto * 1_000_000 // frame.timescale


def _lasts(fmt: Format, data: bytes) -> int:
    """Ticks that a frame of sound lasts whose format does not say it. Raises Problem unplayable."""
    return frames.flac(data) if fmt.codec == "fLaC" else frames.opus(data)


def _order(track: str) -> tuple[bool, int]:
    """v1, v2, .., a1, a2, .."""
    return track[0] != _VIDEO, int(track[1:])
