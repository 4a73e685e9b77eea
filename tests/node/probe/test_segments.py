"""Init segments, segments and parts."""

import pytest

from node.probe import boxes, segments
from node.probe.playlist import Part, Segment
from node.probe.rules import Finding
from tests.node.probe import bmff
from tests.node.probe.pairs import URL, Cases, pair, rules, shows

INIT = boxes.init(bmff.init())
SOUND = boxes.init(bmff.init(video=False))


def heads(**wrong: object) -> list[Finding]:
    return list(segments.init_segment(boxes.init(bmff.init(**wrong)), URL))  # type: ignore[arg-type]


def built(*data: bytes) -> list[Finding]:
    return list(segments.fragment(boxes.fragments(b"".join(data), INIT), INIT, URL))


def seen(data: bytes, init: boxes.Init = INIT) -> segments.Look:
    found = segments.look(boxes.fragments(data, init), init)
    assert found is not None
    return found


def row(duration: float = 2.0, **more: object) -> Segment:
    return Segment(number=1, uri="1.m4s", duration=duration, **more)  # type: ignore[arg-type]


def whole(data: bytes, duration: float = 2.0, *, independent: bool = True) -> list[Finding]:
    return list(segments.segment(seen(data), row(duration), URL, independent=independent))


def part(data: bytes, duration: float = 2.0, *, independent: bool = True) -> list[Finding]:
    listed = Part(uri="1.0.m4s", duration=duration, line=3, independent=independent)
    return list(segments.part(seen(data), listed, URL))


def packet(pid: int, *payload: bytes, start: bool = True) -> bytes:
    body = b"".join(payload)
    return bytes([0x47, (0x40 if start else 0) | pid >> 8, pid & 255, 0x10]) + body + b"\xff" * (184 - len(body))


def pat(*programs: tuple[int, int]) -> bytes:
    rows = b"".join(n.to_bytes(2) + (0xE000 | pid).to_bytes(2) for n, pid in programs)
    return packet(0, bytes([0, 0, 0xB0, 9 + len(rows), 0, 1, 0xC1, 0, 0]), rows, bytes(4))


GOOD = built(bmff.fragment(0), bmff.fragment(2000))
TWO = seen(bmff.fragment(0, (500, 500))), seen(bmff.fragment(1000, (500, 500), sync=False))
STREAM = pat((1, 0x100)) + packet(0x100) + packet(0x101)
STAMP = b"ID3" + bytes(10) + b"PRIV" + bytes(6) + b"com.apple.streaming.transportStreamTimestamp\0" + bytes(8)
CASES: Cases = {
    "init-ftyp": pair(heads(), heads(brand=b"isom")),
    "init-moov": pair(heads(), heads(mvex=False)),
    "init-samples": pair(heads(), heads(samples=1)),
    "init-duration": pair(heads(), heads(duration=5)),
    "moof": pair(GOOD, built(bmff.box(b"styp", b"cmfs"))),
    "moof-track": pair(GOOD, built(bmff.fragment(0, track=2))),
    "moof-tfdt": pair(GOOD, built(bmff.fragment(0, tfdt=False))),
    "moof-base": pair(GOOD, built(bmff.fragment(0, base=True))),
    "extinf-differs": pair(whole(bmff.fragment(0)), whole(bmff.fragment(0), 3.0)),
    "part-differs": pair(part(bmff.fragment(0)), part(bmff.fragment(0), 1.0)),
    "media-jump": pair(
        segments.follows(seen(bmff.fragment(0)), seen(bmff.fragment(2000)), row(), URL),
        segments.follows(seen(bmff.fragment(0)), seen(bmff.fragment(2040)), row(), URL),
    ),
    "sync-first": pair(whole(bmff.fragment(0)), whole(bmff.fragment(0, sync=False))),
    "sync-first-video": pair(
        whole(bmff.fragment(0), independent=False), whole(bmff.fragment(0, sync=False), independent=False)
    ),
    "part-sync": pair(part(bmff.fragment(0)), part(bmff.fragment(0, sync=False))),
    "part-samples": pair(
        segments.parts_of(seen(bmff.fragment(0)), TWO, row(), URL),
        segments.parts_of(seen(bmff.fragment(0)), TWO[:1], row(), URL),
    ),
    "date-media": pair(
        segments.dates([(0, 5.0, 1), (0, 5.05, 2), (1, 9.0, 3)], URL), segments.dates([(0, 5.0, 1), (0, 5.2, 2)], URL)
    ),
    "bitrate-tag": pair(segments.bitrate(row(kbits=8), 2100, URL), segments.bitrate(row(kbits=8), 2300, URL)),
    "ts-packets": pair(segments.transport(STREAM, URL), segments.transport(STREAM[:-1], URL)),
    "audio-timestamp": pair(segments.other(STAMP, URL), segments.other(b"\xff\xf1\x50\x80", URL)),
    "webvtt-header": pair(
        segments.other(b"WEBVTT\n\n00:00.000 --> 00:01.000\na", URL), segments.other(b"00:00.000 --> 00:01.000\na", URL)
    ),
}


@pytest.mark.parametrize("rule", CASES)
def test_a_rule_tells_what_keeps_it_from_what_breaks_it(rule: str) -> None:
    shows(CASES, rule)


def test_sound_media_breaks_nothing() -> None:
    assert GOOD == [] and heads() == [] and whole(bmff.fragment(0)) == [] and part(bmff.fragment(0)) == []


def test_data_behind_the_end_and_jumps_within() -> None:
    cut = bmff.fragment(0)
    found = boxes.fragments(cut[:-48] + bmff.box(b"mdat", bytes(8)), INIT)
    assert rules(segments.fragment(found, INIT, URL)) == {"moof"}
    assert rules(built(bmff.fragment(0), bmff.fragment(2001))) == {"media-jump"}


def test_what_may_be_off_is_one_sample() -> None:
    assert whole(bmff.fragment(0), 2.5) == [] and rules(whole(bmff.fragment(0), 2.51)) == {"extinf-differs"}


def test_sound_needs_no_sync_sample() -> None:
    found = seen(bmff.fragment(0, sync=False), SOUND)
    assert list(segments.segment(found, row(), URL, independent=True)) == []


def test_a_jump_at_a_discontinuity_is_none() -> None:
    found = segments.follows(seen(bmff.fragment(0)), seen(bmff.fragment(9000)), row(discontinuity=True), URL)
    assert list(found) == []


def test_presentation_counts_from_the_edit() -> None:
    init = boxes.init(bmff.init(edit=80))
    assert seen(bmff.fragment(1000, offset=80), init).presented == 1.0


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (pat((1, 0x100), (2, 0x200)) + packet(0x100) + packet(0x200), "2 programs"),
        (pat((1, 0x100)) + packet(0x101), "no PMT"),
        (packet(0x101), "no PAT"),
    ],
)
def test_transport_streams_that_cannot_be(data: bytes, said: str) -> None:
    """ISO/IEC 13818-1 2.4.4."""
    assert [finding.seen for finding in segments.transport(data, URL)] == [said]


def test_tables_may_be_in_the_map() -> None:
    assert list(segments.transport(packet(0x101), URL, has_map=True)) == []


@pytest.mark.parametrize(
    ("data", "fragmented", "transport"),
    [(bmff.fragment(0), True, False), (STREAM, False, True), (b"WEBVTT\n", False, False), (b"", False, False)],
)
def test_formats_are_told_by_their_first_bytes(data: bytes, fragmented: bool, transport: bool) -> None:
    assert (segments.is_fragmented(data), segments.is_transport(data)) == (fragmented, transport)
