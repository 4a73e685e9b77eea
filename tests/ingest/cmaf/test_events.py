"""Splice messages in boxes and in metadata tracks."""

from __future__ import annotations

import struct

import pytest

from base.media import Sample
from base.problems import Problem
from ingest.cmaf.events import SCTE35, Messages, Splice, read_emib, read_emsg
from ingest.cmaf.presentation import Out, Presentation, Upload
from packager.boxes import box, fullbox
from tests.ingest.cmaf.test_fragment import read, source
from tests.kit.pushing import Track, fragment

VIDEO = Track("video")
NOW_MS = 1_700_000_000_000
SECTION = bytes.fromhex("fc3000")


def emsg(time: int, *, version: int = 1, scheme: str = SCTE35, number: int = 7, data: bytes = SECTION) -> bytes:
    texts = scheme.encode() + b"\0" + b"1001\0"
    if version:
        return fullbox(b"emsg", 1, 0, struct.pack(">IQII", 90_000, time, 0xFFFFFFFF, number), texts, data)
    return fullbox(b"emsg", 0, 0, texts, struct.pack(">IIII", 90_000, time, 0xFFFFFFFF, number), data)


def emib(delta: int, *, number: int = 7) -> bytes:
    return fullbox(b"emib", 0, 0, struct.pack(">IqII", 0, delta, 5000, number), SCTE35.encode() + b"\0\0", SECTION)


@pytest.mark.rule("ISO/IEC 23009-1 5.10.3.3", "version 1 says a time, version 0 one from the segment's earliest")
def test_boxes_before_a_segment() -> None:
    messages = Messages()
    assert list(messages.of_segment(emsg(450_000), 100, 25_000)) == [
        Splice(section=SECTION, pts=450_000, timescale=90_000)
    ]
    (relative,) = messages.of_segment(emsg(90_000, version=0, number=8), 50_000, 25_000)
    assert (relative.pts, relative.timescale) == (180_000 + 90_000, 90_000)


@pytest.mark.rule("DASH-IF ingest 6.6 5j", "value and id tell a message that is repeated")
def test_each_message_once() -> None:
    messages = Messages()
    assert len(list(messages.of_segment(emsg(1), 0, 1))) == 1
    assert list(messages.of_segment(emsg(1), 9, 1)) == []
    assert len(list(messages.of_segment(emsg(1, number=8), 9, 1))) == 1
    assert list(messages.of_segment(emsg(1, scheme="urn:other"), 0, 1)) == []


@pytest.mark.rule("DASH-IF ingest 6.6 5", "samples of a metadata track hold messages, emib or emsg, or emeb for none")
def test_a_metadata_track() -> None:
    samples = [
        Sample(dts=0, data=box(b"emeb")),
        Sample(dts=1000, data=emib(500) + emib(900, number=8)),
        Sample(dts=2000, data=emib(-500) + emsg(123_000, number=9)),
    ]
    (piece,) = read(fragment(samples, 1000), source(Track("audio")))
    found = list(Messages().of_track(piece, 1000))
    assert [(splice.pts, splice.timescale) for splice in found] == [(1500, 1000), (1900, 1000), (123_000, 90_000)]


@pytest.mark.parametrize("octets", [emsg(1)[:20], emsg(1)[:40], box(b"emsg", b"\7" * 40), box(b"emsg")])
def test_damaged_boxes(octets: bytes) -> None:
    with pytest.raises(Problem):
        read_emsg(octets)


def test_a_damaged_instance() -> None:
    with pytest.raises(Problem):
        read_emib(emib(0)[:24])


def test_messages_come_out_of_a_session() -> None:
    session = Presentation()
    outs: list[Out] = []
    meta = VIDEO.header.replace(b"vide", b"meta")
    samples = [Sample(dts=25_000, data=emib(0, number=3))]
    for path, body in (
        ("v.cmfv", VIDEO.header),
        ("m.cmfm", meta),
        ("v.cmfv", emsg(1000) + VIDEO.segment(0)),
        ("m.cmfm", fragment(samples, 25_000)),
    ):
        outs += Upload(session, path).feed(body, 0, NOW_MS)
    assert [out.pts for out in outs if isinstance(out, Splice)] == [1000, 25_000]
