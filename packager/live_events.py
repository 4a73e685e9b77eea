"""Marks of a live channel in DASH: events of the MPD (ISO/IEC 23009-1 5.10.2) that carry the sections of SCTE 35.

The scheme is `urn:scte:scte35:2014:xml+bin` (SCTE 214-1 6.8.4): the section in base64, whatever it says. Event times
are on the media's time line, which counts from 1970; the times inside a section mean nothing here.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from fractions import Fraction
from xml.etree import ElementTree as ET

from packager.live_marks import LiveMark

SCHEME = "urn:scte:scte35:2014:xml+bin"
_NAMESPACE = "http://www.scte.org/schemas/35/2016"
_SCALE = 90_000


def event_stream(marks: Sequence[LiveMark], start: Fraction, end: Fraction | None, *, first: bool) -> ET.Element | None:
    """The events of the Period [start, end), in seconds since 1970; None if there are none.

    `first`: it is the first Period of the manifest, which also tells of breaks that began before it and are still on.
    """
    found: list[tuple[int, ET.Element]] = []
    for mark in marks:
        for at, lasts, section in _said(mark):
            seconds = Fraction(at, 1_000_000)
            before = first and mark.until > start * 1_000_000
            if section and (seconds >= start or before) and (end is None or seconds < end):
                found.append((at, _event(mark, at, lasts, section)))
    if not found:
        return None
    offset = round(start * _SCALE)
    stream = ET.Element("EventStream", schemeIdUri=SCHEME, timescale=str(_SCALE), presentationTimeOffset=str(offset))
    stream.extend(event for _, event in sorted(found, key=lambda pair: pair[0]))
    return stream


def _said(mark: LiveMark) -> list[tuple[int, int, bytes]]:
    """(µs, µs that it lasts or -1, section) of everything that was signalled."""
    if not mark.is_break:
        return [(mark.start, -1, mark.command)]
    lasts = mark.planned_ms * 1000 if mark.planned_ms >= 0 else -1
    return [(mark.start, lasts, mark.out), (mark.end, -1, mark.back)]


def _event(mark: LiveMark, at: int, lasts: int, section: bytes) -> ET.Element:
    # the same id is the same event, for as long as the manifest has it (5.10.2.2)
    name = f"{mark.id}@{at}".encode()
    event = ET.Element("Event", presentationTime=str(_ticks(at)), id=str(zlib.crc32(name)))
    if lasts >= 0:
        event.set("duration", str(_ticks(lasts)))
    signal = ET.SubElement(event, "Signal", xmlns=_NAMESPACE)
    ET.SubElement(signal, "Binary").text = base64.b64encode(section).decode()
    return event


def _ticks(us: int) -> int:
    return (us * 9 + 50) // 100
