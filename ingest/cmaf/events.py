"""Splice messages in pushed media: `emsg` boxes, and samples of a timed metadata track (DASH-IF ingest 6.6; no I/O).

Only messages of scheme `urn:scte:scte35:2013:bin` are taken: their data is a splice_info_section, and the time that is
signalled is that of the message, not the one in the section (6.7).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from base.problems import Problem
from ingest.cmaf.fragment import Fragment
from packager.boxes import malformed, walk
from packager.limits import Limits

SCTE35 = "urn:scte:scte35:2013:bin"
_LIMITS = Limits(boxes=256)
_REMEMBERED = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Splice:
    """A section, and the presentation time that it is for, in ticks on the time line of the frames.

    `own` False: `pts` is when it came, and the section's own times count (MPEG-TS).
    """

    section: bytes
    pts: int | None
    timescale: int
    own: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """`time` in ticks; `relative`: it counts from the earliest presentation time of the segment or sample (version 0,
    `emib`). `timescale` 0: that of the track.
    """

    scheme: str
    value: str
    id: int
    time: int
    relative: bool
    timescale: int
    data: bytes


def read_emsg(box: bytes) -> Message:
    """A whole `emsg` (ISO/IEC 23009-1 5.10.3.3). Raises Problem unplayable if it is damaged."""
    try:
        version, body = box[8], box[12:]
        if version == 1:
            timescale, time, _, identity = struct.unpack_from(">IQII", body)
            scheme, value, data = _strings(body[20:])
        elif version == 0:
            scheme, value, rest = _strings(body)
            timescale, time, _, identity = struct.unpack_from(">IIII", rest)
            data = rest[16:]
        else:
            raise malformed(f"box emsg has version {version}")
    except (struct.error, IndexError) as fault:
        raise malformed("box emsg is too short") from fault
    if not timescale:
        raise malformed("box emsg has timescale 0")
    return Message(
        scheme=scheme, value=value, id=identity, time=time, relative=version == 0, timescale=timescale, data=data
    )


def read_emib(box: bytes) -> Message:
    """A whole `emib` (ISO/IEC 23001-18 6.1): like emsg, its time counts from the sample. Raises Problem unplayable."""
    try:
        _, delta, _, identity = struct.unpack_from(">IqII", box, 12)
        scheme, value, data = _strings(box[32:])
    except struct.error as fault:
        raise malformed("box emib is too short") from fault
    return Message(scheme=scheme, value=value, id=identity, time=delta, relative=True, timescale=0, data=data)


def _strings(body: bytes) -> tuple[str, str, bytes]:
    """Two texts that end with a zero, and what follows."""
    scheme, zero, rest = body.partition(b"\0")
    value, other, data = rest.partition(b"\0")
    if not zero or not other:
        raise malformed("an event message has no end of its scheme or value")
    return scheme.decode("latin-1"), value.decode("utf-8", "replace"), data


class Messages:
    """Of one session: each message once, however often it is repeated while it is active."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str, int, bytes], None] = {}

    def of_segment(self, box: bytes, earliest: int, timescale: int) -> Iterator[Splice]:
        """An `emsg` before a fragment whose earliest presentation time is `earliest`."""
        yield from self._new(read_emsg(box), earliest, timescale)

    def of_track(self, fragment: Fragment, timescale: int) -> Iterator[Splice]:
        """The messages in the samples of a metadata track."""
        for sample in fragment.samples:
            view = memoryview(sample.data)
            for box in walk(view, 0, len(view), _LIMITS):
                octets = bytes(view[box.start : box.end])
                if box.type == "emsg":
                    yield from self._new(read_emsg(octets), sample.pts, timescale)
                elif box.type == "emib":
                    yield from self._new(read_emib(octets), sample.pts, timescale)

    def _new(self, message: Message, base: int, scale: int) -> Iterator[Splice]:
        if message.scheme != SCTE35:
            return
        key = message.scheme, message.value, message.id, message.data
        if key in self._seen:
            return
        self._seen[key] = None
        if len(self._seen) > _REMEMBERED:
            del self._seen[next(iter(self._seen))]
        timescale = message.timescale or scale
        time = message.time
        if message.relative:
            time += base * timescale // scale
        if time < 0:
            raise Problem("malformed", "an event message is for a time before the time line begins")
        yield Splice(section=message.data, pts=time, timescale=timescale)
