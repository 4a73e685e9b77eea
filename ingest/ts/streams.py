"""What listens to one PID: tables, an elementary stream, splice sections; and the one time line that they share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ingest.media import Frame, TrackConfig
from ingest.ts import tables
from ingest.ts.audio import Audio, Opus
from ingest.ts.pes import Pes, PesPackets
from ingest.ts.sections import Sections
from ingest.ts.tables import Stream
from ingest.ts.video import Video
from ingest.unwrap import Unwrap

MAX_PICTURE, MAX_SOUND = 8 << 20, 128 << 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Splice:
    """A whole SCTE-35 section. `pts`: when it arrived, in 90 kHz on the time line of the frames; None if no clock has
    been seen yet."""

    section: bytes
    pts: int | None


Event = TrackConfig | Frame | Splice
Emit = Callable[[Event], None]


class Taker(Protocol):
    """Payloads of one PID, in order: `begins` has payload_unit_start_indicator. `lost`: a packet is missing."""

    def begins(self, payload: bytes) -> None: ...

    def more(self, payload: bytes) -> None: ...

    def lost(self) -> None: ...


class Pid:
    """One PID that is listened to: its continuity_counter (2.4.3.3), and who takes what comes."""

    def __init__(self, taker: Taker) -> None:
        self.taker = taker
        self.forget()

    def forget(self) -> None:
        """What comes next follows on nothing."""
        self._last = -1  # header of the last packet with a payload
        self._twice = False

    def follows(self, word: int, count: int) -> tuple[bool, bool]:
        """(a packet is missing before this run of `count`, its first packet is a repetition, which is allowed once).

        `word`: the header of the run's first packet.
        """
        twice = word == self._last and not self._twice
        lost = self._last >= 0 and not twice and (word - self._last) & 15 != 1
        self._last = word & ~15 | (word + count - 1) & 15
        self._twice = twice and count == 1
        return lost, twice


class Timing:
    """Stamps of 33 bits on one time line for the whole program, which DTS carry on; PTS and PCR are near them."""

    def __init__(self) -> None:
        self._unwrap = Unwrap(33)
        self._dts: int | None = None
        self._pcr: int | None = None

    def clock(self, pcr: int) -> None:
        """program_clock_reference_base."""
        self._pcr = pcr

    def decoding(self, dts: int) -> int:
        self._dts = self._unwrap(dts)
        return self._dts

    def now(self) -> int | None:
        """The program clock where there is one, else the newest decoding time."""
        if self._dts is None or self._pcr is None:
            return self._dts
        return self._dts + signed(self._pcr - self._dts)


def signed(difference: int) -> int:
    """Of two stamps of 33 bits that are less than 13 hours apart."""
    return (difference + (1 << 32)) % (1 << 33) - (1 << 32)


class Tables:
    """PAT or PMT: handed on when it differs from the one before."""

    def __init__(self, heard: Callable[[bytes], None]) -> None:
        self.sections = Sections()
        self._heard = heard
        self._last = b""

    def begins(self, payload: bytes) -> None:
        self._take(self.sections.take(payload, True))

    def more(self, payload: bytes) -> None:
        self._take(self.sections.take(payload, False))

    def lost(self) -> None:
        self.sections.lost()

    def _take(self, found: list[bytes]) -> None:
        for section in found:
            if section != self._last:
                self._last = section
                self._heard(section)


class Splices:
    """The SCTE-35 stream (SCTE 35 8.1): each section is handed on, repetitions too."""

    track = ""

    def __init__(self, stream: Stream, timing: Timing, emit: Emit) -> None:
        self.stream = stream
        self._sections = Sections()
        self._timing = timing
        self._emit = emit

    def begins(self, payload: bytes) -> None:
        self._take(self._sections.take(payload, True))

    def more(self, payload: bytes) -> None:
        self._take(self._sections.take(payload, False))

    def lost(self) -> None:
        self._sections.lost()

    def ends(self) -> None:
        """A section that is not whole is none."""

    def faults(self) -> Counter[str]:
        return Counter(damaged=self._sections.damaged)

    def _take(self, found: list[bytes]) -> None:
        for section in found:
            self._emit(Splice(section=section, pts=self._timing.now()))


class Elementary:
    """A track: its PES packets to its events."""

    def __init__(self, stream: Stream, track: str, timing: Timing, emit: Emit) -> None:
        self.stream = stream
        self.track = track
        self._timing = timing
        self._emit = emit
        self._video: Video | None = None
        self._audio: Audio | Opus | None = None
        if stream.codec in tables.VIDEO:
            self._video = Video(track, hevc=stream.codec == "hevc")
        else:
            self._audio = Opus(track, stream) if stream.codec == "opus" else Audio(track, stream)
        self._packets = PesPackets(MAX_PICTURE if self._video else MAX_SOUND)

    def begins(self, payload: bytes) -> None:
        self._take(self._packets.begins(payload))

    def more(self, payload: bytes) -> None:
        if found := self._packets.more(payload):
            self._take(found)

    def lost(self) -> None:
        self._packets.lost()
        if self._audio is not None:
            self._audio.lost()

    def ends(self) -> None:
        self._take(self._packets.ends())

    def faults(self) -> Counter[str]:
        damaged = self._packets.damaged + (self._audio.damaged if self._audio else 0)
        return Counter(damaged=damaged, dropped=self._video.dropped if self._video else 0)

    def _take(self, found: list[Pes]) -> None:
        for pes in found:
            pts = dts = None
            if pes.pts is not None and pes.dts is not None:
                dts = self._timing.decoding(pes.dts)
                pts = dts + signed(pes.pts - pes.dts)
            for event in self._video.take(pes.data, pts, dts) if self._video else self._sound(pes.data, pts):
                self._emit(event)

    def _sound(self, data: bytes, pts: int | None) -> list[TrackConfig | Frame]:
        assert self._audio is not None
        return self._audio.take(data, pts)
