from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base.problems import Problem
from ingest.media import Frame, TrackConfig
from ingest.ts.audio import Audio, Opus
from ingest.ts.tables import Stream
from packager.ts import adts
from tests.packager.test_ac3 import E_MONO, MONO


def stream(codec: str, opus: int = -1) -> Stream:
    return Stream(pid=0x101, codec=codec, language="ger", opus=opus)


def aac(fill: bytes, size: int = 20, *, rate: int = 3, channels: int = 2) -> bytes:
    head = bytes((0xFF, 0xF1, 1 << 6 | rate << 2 | channels >> 2, (channels & 3) << 6, 0, 0x1F, 0xFC))
    return adts(head, size) + fill * size


def frames(found: list[TrackConfig | Frame]) -> list[tuple[int, bytes]]:
    return [(frame.dts, frame.data[:1]) for frame in found if isinstance(frame, Frame)]


@pytest.mark.rule("H.222.0 2.4.3.7", "a stamp is that of the first frame that begins in its packet")
def test_frames_are_stamped_by_counting_from_the_one_that_begins_in_the_packet() -> None:
    track = Audio("a1", stream("aac"))
    octets = b"".join(aac(bytes((n,))) for n in range(65, 71))
    found = track.take(octets[:70], 90000)
    config = found[0]
    assert isinstance(config, TrackConfig)
    assert (config.format.codec, config.format.sample_rate, config.format.language) == ("mp4a.40.2", 48000, "ger")
    assert frames(found) == [(90000, b"A"), (91920, b"B")]
    # C goes on in the next packet, whose stamp is D's
    assert frames(track.take(octets[70:], 95000)) == [(93840, b"C"), (95000, b"D"), (96920, b"E"), (98840, b"F")]


def test_times_of_44100_do_not_drift() -> None:
    track = Audio("a1", stream("aac"))
    found = frames(track.take(b"".join(aac(b"x", rate=4) for _ in range(442)), 0))
    assert found[441][0] == 441 * 1024 * 90000 // 44100 == 921600


def test_after_a_hole_time_is_known_again_by_the_next_stamp() -> None:
    track = Audio("a1", stream("aac"))
    track.take(aac(b"A") + aac(b"B")[:10], 0)
    track.lost()
    assert frames(track.take(b"rest" + aac(b"C"), None)) == []
    assert frames(track.take(aac(b"D"), 9000)) == [(9000, b"D")]
    assert track.damaged == 1


def test_another_channel_count_is_another_configuration() -> None:
    track = Audio("a1", stream("aac"))
    track.take(aac(b"A"), 0)
    config, *rest = track.take(aac(b"B", channels=1), 9000)
    assert isinstance(config, TrackConfig) and config.format.channels == 1
    assert frames(list(rest)) == [(9000, b"B")]


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (aac(b"A")[:6] + b"\xfd" + aac(b"A")[7:], "several blocks"),
        (aac(b"A", channels=0), "program config element"),
    ],
)
def test_what_is_not_taken_is_refused_by_name(octets: bytes, words: str) -> None:
    with pytest.raises(Problem, match=words):
        Audio("a1", stream("aac")).take(octets, 0)


def test_ac3_frames_are_found_by_their_size() -> None:
    track = Audio("a1", stream("ac-3"))
    frame = MONO.ljust(384, b"\0")
    found = track.take(frame * 2 + frame[:100], 1000)
    assert isinstance(found[0], TrackConfig) and found[0].format.codec == "ac-3"
    assert [(e.dts, len(e.data)) for e in found[1:] if isinstance(e, Frame)] == [(1000, 384), (3880, 384)]
    assert frames(track.take(frame[100:], None)) == [(6760, b"\x0b")]


def test_a_dependent_substream_belongs_to_the_frame_before_it() -> None:
    dependent = bytes((0x0B, 0x77, 0x40, 0x3F, 0x3F, 0x87, 0xC0, 0)).ljust(128, b"\0")
    track = Audio("a1", stream("ec-3"))
    found = track.take((E_MONO + dependent) * 2, 1000)
    assert isinstance(found[0], TrackConfig) and found[0].format.codec == "ec-3"
    assert [(e.dts, len(e.data)) for e in found[1:] if isinstance(e, Frame)] == [(1000, 512), (3880, 512)]


def opus_unit(packet: bytes, flags: int = 0, more: bytes = b"") -> bytes:
    size = b"\xff" * (len(packet) // 255) + bytes((len(packet) % 255,))
    return bytes((0x7F, 0xE0 | flags)) + size + more + packet


def test_opus() -> None:
    """The control header in front of each access unit, with its optional fields."""
    track = Opus("a1", stream("opus", opus=2))
    long = b"\xfc" + b"x" * 509
    octets = opus_unit(long) + opus_unit(b"\xf8yy", 0x10, b"\x01\x38") + opus_unit(b"\xfczz", 0x04, b"\x01\xaa")
    found = track.take(octets, 0)
    assert isinstance(found[0], TrackConfig) and found[0].format.channels == 2
    assert [(e.dts, e.data) for e in found[1:] if isinstance(e, Frame)] == [
        (0, long),
        (1800, b"\xf8yy"),
        (3600, b"\xfczz"),
    ]
    assert track.take(octets[:40], 5400) == [] and track.damaged == 1


def test_opus_in_a_layout_that_no_configuration_is_made_of() -> None:
    with pytest.raises(Problem, match="stereo"):
        Opus("a1", stream("opus", opus=6)).take(opus_unit(b"\xfc"), 0)


@given(st.sampled_from(["aac", "ac-3", "ec-3"]), st.lists(st.binary(max_size=400), max_size=8), st.booleans())
def test_any_octets_give_frames_or_a_problem(codec: str, payloads: list[bytes], sync: bool) -> None:
    track = Audio("a1", stream(codec))
    for payload in payloads:
        lead = {"aac": b"\xff\xf1\x4c\x80", "ac-3": b"\x0b\x77", "ec-3": b"\x0b\x77"}[codec] if sync else b""
        try:
            track.take(lead + payload, 0)
        except Problem as problem:
            assert problem.kind.name == "unplayable"
            return
        assert len(track._rest) <= 8192 + 400
