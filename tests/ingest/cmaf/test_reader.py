"""The row of boxes in a request's body."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from base.problems import Problem
from ingest.cmaf.reader import MAX_MDAT, BoxReader, EndCame, EventCame, FragmentCame, HeaderCame
from packager.boxes import box
from tests.kit.pushing import Track, prft, styp

VIDEO = Track("video")


@pytest.mark.parametrize("size", [1, 7, 100, 1 << 20])
@pytest.mark.rule("DASH-IF ingest 6.2", "media is taken while a chunked request goes on")
def test_headers_and_fragments_come_in_any_portions(size: int) -> None:
    body = VIDEO.header + VIDEO.segment(0, chunks=2) + VIDEO.segment(1)
    reader = BoxReader()
    found: list[Any] = []
    for at in range(0, len(body), size):
        found += reader.feed(body[at : at + size])
    assert [type(came) for came in found] == [HeaderCame, FragmentCame, FragmentCame, FragmentCame]
    assert reader.finish()
    assert found[0].moov in VIDEO.header
    assert b"".join(came.data for came in found[1:3]) == VIDEO.segment(0, chunks=2)
    assert [came.base for came in found[1:]] == [
        len(VIDEO.header),
        len(VIDEO.header) + len(found[1].data),
        len(VIDEO.header) + len(VIDEO.segment(0, chunks=2)),
    ]


@pytest.mark.rule("DASH-IF ingest 6.2 19", "brand lmsg is on a track's last segment")
def test_brands_clock_events_and_the_end() -> None:
    event = box(b"emsg", bytes(30))
    body = styp(b"cmfs", b"lmsg") + prft(1_700_000_000_500, 0) + event + VIDEO.segment(0)
    came = list(BoxReader().feed(body))
    assert [type(one) for one in came] == [EventCame, FragmentCame, EndCame]
    assert came[0] == EventCame(box=event)
    assert isinstance(came[1], FragmentCame)
    assert "lmsg" in came[1].brands
    assert abs(came[1].produced_ms - 1_700_000_000_500) <= 1


@pytest.mark.rule("DASH-IF ingest 6.2 7", "an empty mfra says that the session is over")
def test_mfra() -> None:
    assert list(BoxReader().feed(box(b"mfra"))) == [EndCame()]


def test_what_is_not_needed_is_passed_over_and_not_kept() -> None:
    reader = BoxReader()
    assert list(reader.feed(struct.pack(">I4s", 1 << 30, b"free"))) == []
    for _ in range(64):
        assert list(reader.feed(bytes(1 << 16))) == []
    assert len(reader._have) == 0
    assert not reader.finish()


def test_a_large_size_is_read() -> None:
    (fragment,) = [came for came in BoxReader().feed(VIDEO.segment(3)) if isinstance(came, FragmentCame)]
    moof, mdat = fragment.data[: fragment.moof], fragment.data[fragment.moof :]
    large = struct.pack(">I4sQ", 1, b"mdat", len(mdat) + 8) + mdat[8:]
    (came,) = BoxReader().feed(moof + large)
    assert isinstance(came, FragmentCame)
    assert came.data == moof + large


@pytest.mark.parametrize(
    ("octets", "kind"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "malformed"),
        (struct.pack(">I4s", 4, b"moof"), "malformed"),
        (struct.pack(">I4s", 0, b"mdat"), "malformed"),
        (struct.pack(">I4s", MAX_MDAT + 1, b"mdat"), "too-large"),
        (struct.pack(">I4sQ", 1, b"moov", 1 << 40), "too-large"),
        (box(b"moof", bytes(16)) + styp(b"cmfs"), "malformed"),
        (box(b"free") * 20_000, "malformed"),
        (box(b"prft", bytes(4)), "malformed"),
    ],
)
def test_what_is_refused(octets: bytes, kind: str) -> None:
    with pytest.raises(Problem) as refused:
        list(BoxReader().feed(octets))
    assert refused.value.kind.name == kind


def test_a_body_that_breaks_off() -> None:
    body = VIDEO.segment(0)
    for cut in (4, 20, len(body) - 1):
        reader = BoxReader()
        list(reader.feed(body[:cut]))
        assert not reader.finish()
