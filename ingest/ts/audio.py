"""PES packets of AAC (ADTS), AC-3, E-AC-3 and Opus to frames of sound, each with its own time.

A PES packet holds many frames, and a frame may go on in the next one; the stamp is that of the first frame that begins
in it (H.222.0 2.4.3.7). Frames behind it are timed by counting samples, which is exact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from base.media import Format
from base.problems import Problem
from ingest.media import Frame, TrackConfig
from ingest.remux.frames import adts_config
from ingest.remux.frames import opus as opus_samples
from ingest.ts.tables import Stream
from ingest.ts.video import HZ
from packager.ac3 import BLOCKS, KBPS, RATES
from packager.entries import aac_format, ac3_format, eac3_format, opus_format

_ADTS_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
_OPUS_HZ = 48_000
_OPUS_PREFIX = 0x3FF  # of the control header (ETSI TS "Opus in MPEG-TS" 1.0, control_header_prefix)


@dataclass(frozen=True, slots=True)
class Head:
    """Of one frame: octets, samples at `rate`, and what of the header must stay for the configuration to stay.

    `joins`: it belongs to the frame before it (a dependent substream).
    """

    size: int
    samples: int
    rate: int
    same: bytes
    joins: bool = False


@dataclass(frozen=True, slots=True)
class _Syntax:
    """How frames stand in an octet stream. `head` gives None where no frame begins; it is given `need` octets."""

    sync: bytes
    need: int
    head: Callable[[bytes], Head | None]
    body: Callable[[bytes], bytes]
    format: Callable[[bytes, str], Format]


class Audio:
    """Of one track in a self-framing codec. `damaged`: times that no frame stood where one should."""

    def __init__(self, track: str, stream: Stream) -> None:
        self.track = track
        self._language = stream.language
        self._syntax = _SYNTAX[stream.codec]
        self._rest = b""
        self._next: int | None = None  # of the next frame, in 90 kHz, times its sample rate
        self._rate = HZ
        self._same = b""
        self.damaged = 0

    def lost(self) -> None:
        """Octets are missing: what is left of a frame has no end, and time is known again by the next stamp."""
        self._rest, self._next = b"", None

    def take(self, data: bytes, pts: int | None) -> list[TrackConfig | Frame]:
        """`pts`: unwrapped. Raises Problem unplayable."""
        found: list[TrackConfig | Frame] = []
        stamped_from = len(self._rest)  # the stamp is for what begins in the new octets
        octets, at = self._rest + data, 0
        syntax = self._syntax
        while True:
            if at >= stamped_from and pts is not None:
                self._next, pts = pts * self._rate, None
            if len(octets) - at < syntax.need:
                break
            head = syntax.head(octets[at : at + syntax.need])
            if head is None:
                self.damaged += 1
                self._next = None  # until the next stamp nobody knows how much is missing
                at = octets.find(syntax.sync, at + 1)
                if at < 0:
                    at = len(octets)
                    break
                continue
            if at + head.size > len(octets):
                break
            self._frame(octets[at : at + head.size], head, found)
            at += head.size
        self._rest = octets[at:]
        return found

    def _frame(self, octets: bytes, head: Head, found: list[TrackConfig | Frame]) -> None:
        if head.joins:
            if found and isinstance(found[-1], Frame):
                last = found[-1]
                found[-1] = Frame(track=self.track, dts=last.dts, timescale=HZ, data=last.data + octets)
            return
        if head.same != self._same:
            found.append(TrackConfig(track=self.track, format=self._syntax.format(octets, self._language)))
            self._same = head.same
        if head.rate != self._rate:
            if self._next is not None:
                self._next = self._next * head.rate // self._rate
            self._rate = head.rate
        if self._next is None:
            return
        found.append(Frame(track=self.track, dts=self._next // head.rate, timescale=HZ, data=self._syntax.body(octets)))
        self._next += head.samples * HZ


def _adts(head: bytes) -> Head | None:
    """adts_fixed_header, adts_variable_header (ISO/IEC 14496-3 1.A.2.2)."""
    rate = head[2] >> 2 & 15
    size = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    if head[0] != 0xFF or head[1] & 0xF6 != 0xF0 or rate >= len(_ADTS_RATES) or size <= 9:
        return None
    if head[6] & 3:
        raise Problem("unplayable", "its AAC frames hold several blocks each: set the encoder to one block a frame")
    return Head(size, 1024, _ADTS_RATES[rate], bytes((head[1] & 8, head[2] & 0xFD, head[3] & 0xC0)))


def _raw_block(frame: bytes) -> bytes:
    return frame[7 if frame[1] & 1 else 9 :]


def _aac(frame: bytes, language: str) -> Format:
    if not (frame[2] & 1 or frame[3] >> 6):
        raise Problem("unplayable", "its AAC says its channels by a program config element: use a usual channel layout")
    return aac_format(adts_config(frame), language)


def _ac3(head: bytes) -> Head | None:
    """syncinfo and the head of bsi of AC-3 and E-AC-3, told apart by bsid (TS 102 366 4.4.1, E.1.3.1)."""
    if head[:2] != b"\x0b\x77":
        return None
    bsid = head[5] >> 3
    if bsid > 10:
        return _eac3(head, bsid)
    rate, code = head[4] >> 6, head[4] & 63
    if rate == 3 or code >= 2 * len(KBPS):
        return None
    hz = RATES[rate]
    words = KBPS[code >> 1] * 96_000 // hz + (code & 1 if hz == 44100 else 0)
    # the mixing levels between acmod and lfeon go by acmod alone: the two octets say all of the configuration
    return Head(2 * words, 1536, hz >> max(bsid - 8, 0), head[4:8])


def _eac3(head: bytes, bsid: int) -> Head | None:
    size = ((head[2] & 7) << 8 | head[3]) * 2 + 2
    rate = head[4] >> 6
    if bsid > 16 or size < 8:
        return None
    if rate == 3:
        half = head[4] >> 4 & 3
        if half == 3:
            return None
        hz, samples = RATES[half] // 2, 1536
    else:
        hz, samples = RATES[rate], 256 * BLOCKS[head[4] >> 4 & 3]
    joins = head[2] >> 6 == 1 or (head[2] >> 3 & 7) > 0
    return Head(size, samples, hz, bytes((head[2], head[4], head[5])), joins=joins)


_SYNTAX = {
    "aac": _Syntax(b"\xff", 7, _adts, _raw_block, _aac),
    "ac-3": _Syntax(b"\x0b\x77", 8, _ac3, bytes, ac3_format),
    "ec-3": _Syntax(b"\x0b\x77", 8, _ac3, bytes, eac3_format),
}


class Opus:
    """Of one track: access units with a control header each (ETSI's and Xiph's Opus in MPEG-TS, draft 0.1.3)."""

    def __init__(self, track: str, stream: Stream) -> None:
        self.track = track
        self._language = stream.language
        self._channels = stream.opus
        self._configured = False
        self.damaged = 0

    def lost(self) -> None:
        """Octets are missing: access units do not go on in the next PES packet, so nothing is kept."""

    def take(self, data: bytes, pts: int | None) -> list[TrackConfig | Frame]:
        """`pts`: unwrapped. Raises Problem unplayable."""
        found: list[TrackConfig | Frame] = []
        if not self._configured:
            if self._channels not in (1, 2):
                raise Problem("unplayable", "its Opus has another channel layout than mono or stereo: send stereo")
            found.append(TrackConfig(track=self.track, format=opus_format(self._channels, language=self._language)))
            self._configured = True
        if pts is None:
            return found
        at, samples = 0, 0
        while at < len(data):
            unit = _control(data, at)
            if unit is None:
                self.damaged += 1
                break
            begin, end = unit
            packet = data[begin:end]
            lasts = opus_samples(packet)
            found.append(Frame(track=self.track, dts=pts + samples * HZ // _OPUS_HZ, timescale=HZ, data=packet))
            samples, at = samples + lasts, end
        return found


def _control(data: bytes, at: int) -> tuple[int, int] | None:
    """Where the access unit behind a control header begins and ends; None if there is none or it is cut short."""
    if len(data) - at < 3 or (data[at] << 8 | data[at + 1]) >> 5 != _OPUS_PREFIX:
        return None
    flags, at, size = data[at + 1], at + 2, 0
    while True:
        if at >= len(data):
            return None
        size += data[at]
        at += 1
        if data[at - 1] != 255:
            break
    at += 2 * (flags >> 4 & 1) + 2 * (flags >> 3 & 1)  # start and end trim
    if flags >> 2 & 1:
        if at >= len(data):
            return None
        at += 1 + data[at]
    return (at, at + size) if size and at + size <= len(data) else None
