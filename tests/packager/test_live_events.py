"""Breaks in live manifests: events with the sections, on the media's time line, in the right Period."""

from __future__ import annotations

import base64
from fractions import Fraction
from xml.etree import ElementTree as ET

import msgspec
import pytest

from packager.live_events import SCHEME, event_stream
from packager.live_marks import LiveMark

AT = 1_700_000_000
BREAK = LiveMark(
    id="insert-7-1", kind="insert", event=7, number=1, start=AT * 1_000_000 + 33_367, planned_ms=30_000, out=b"\xfc\1"
)
ENDED = msgspec.structs.replace(BREAK, end=(AT + 30) * 1_000_000, back=b"\xfc\2")
_SIGNAL = "{http://www.scte.org/schemas/35/2016}"


def events(
    *marks: LiveMark, start: int = -10, end: int | None = None, first: bool = False
) -> list[tuple[float, dict[str, str], bytes]]:
    stop = None if end is None else Fraction(AT + end)
    made = event_stream(marks, Fraction(AT + start), stop, first=first)
    if made is None:
        return []
    stream = ET.fromstring(ET.tostring(made))
    assert stream.get("schemeIdUri") == SCHEME == "urn:scte:scte35:2014:xml+bin"
    scale, offset = int(stream.get("timescale", "1")), int(stream.get("presentationTimeOffset", "0"))
    assert Fraction(offset, scale) == AT + start
    return [
        (
            (int(event.get("presentationTime", "0")) - AT * scale) / scale,
            event.attrib,
            base64.b64decode(event.findtext(f"{_SIGNAL}Signal/{_SIGNAL}Binary") or ""),
        )
        for event in stream
    ]


@pytest.mark.rule("ISO/IEC 23009-1 5.10.2", "an event is at its frame, with the section as it came")
def test_a_break_is_an_event_and_its_end_another() -> None:
    (out, attributes, section), (back, _, end) = events(ENDED)
    assert round(out * 90_000) == 3003 and back == 30 and (section, end) == (b"\xfc\1", b"\xfc\2")
    assert int(attributes["duration"]) == 30 * 90_000
    assert len({entry[1]["id"] for entry in events(ENDED)}) == 2
    assert events(BREAK)[0] == events(ENDED)[0], "what was said stays as it was"


def test_an_end_that_nobody_signalled_is_no_event() -> None:
    reckoned = msgspec.structs.replace(ENDED, back=b"")
    assert [section for *_, section in events(reckoned)] == [b"\xfc\1"]


def test_each_event_is_in_its_period() -> None:
    command = LiveMark(id="c", kind="time", event=0, number=1, start=(AT + 60) * 1_000_000, command=b"\xfc\3")
    assert [at for at, *_ in events(ENDED, command, start=0, end=20)] == [pytest.approx(0.0333, abs=0.001)]
    assert [at for at, *_ in events(ENDED, command, start=20)] == [30, 60]
    assert len(events(BREAK, start=20, first=True)) == 1, "the Period in which it began has left"
    assert events(BREAK, start=40, first=True) == [] and events(BREAK, start=10, end=20) == []
