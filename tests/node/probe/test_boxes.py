"""The reader of ISO-BMFF: its values, and that damaged bytes end in Broken and nothing else."""

import contextlib
import random
import struct

import pytest

from node.probe import boxes
from node.probe.sidx import sidx
from tests.node.probe import bmff


def test_an_init_segment_is_read() -> None:
    found = boxes.init(bmff.init(edit=40))
    track = found.tracks[1]
    assert (track.handler, track.timescale, track.codec, track.width, track.height) == (
        "vide",
        1000,
        "avc1.42c01e",
        640,
        360,
    )
    assert track.shift == 40 and found.main is track
    assert found.brands == ("cmfc", "iso6") and found.has_mvex and found.samples == 0 and found.durations == [0, 0]


def test_the_codec_of_sound_is_its_object_type() -> None:
    assert boxes.init(bmff.init(video=False)).tracks[1].codec == "mp4a.40.2"


@pytest.mark.parametrize(
    ("kind", "inner", "codec"),
    [
        (b"hvc1", bmff.box(b"hvcC", bytes([1, 1, 0x60, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 93, 0])), "hvc1.1.6.L93.90"),
        (b"hvc1", bmff.box(b"hvcC", bytes([1, 0x22, 0x20, 0, 0, 0, 0xB0, 0, 0, 0, 0, 0, 153, 0])), "hvc1.2.4.H153.b0"),
        (b"av01", bmff.box(b"av1C", bytes([0x81, 0x05, 0x4C, 0])), "av01.0.05M.10"),
        (b"encv", bmff.box(b"avcC", bmff.AVCC) + bmff.box(b"sinf", bmff.box(b"frma", b"avc1")), "avc1.42c01e"),
        (b"vp09", b"", "vp09"),
    ],
)
def test_codec_strings(kind: bytes, inner: bytes, codec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 6381 3.3; ISO/IEC 14496-15 annex E; AV1 binding 5."""
    made = bmff.box(kind, bytes(24), struct.pack(">HH", 640, 360), bytes(50), inner)
    monkeypatch.setattr(bmff, "entry", lambda video: made)
    assert boxes.init(bmff.init()).tracks[1].codec == codec


def test_a_fragment_is_read() -> None:
    init = boxes.init(bmff.init())
    found = boxes.fragments(bmff.fragment(7000, (500, 400), offset=80) + bmff.fragment(7900), init)
    first, second = found.of(1)
    assert (first.tfdt, first.durations, first.duration, first.earliest) == (7000, [500, 400], 900, 7080)
    assert not first.flags[0] & boxes.NOT_SYNC and first.flags[1] & boxes.NOT_SYNC
    assert second.tfdt == 7900 and found.data == 60 and not first.outside


def test_defaults_are_those_of_trex() -> None:
    init = boxes.init(bmff.init().replace(struct.pack(">5I", 1, 1, 0, 0, 0), struct.pack(">5I", 1, 1, 40, 5, 7)))
    traf = bmff.box(
        b"traf",
        bmff.full(b"tfhd", struct.pack(">I", 1), flags=0x20000),
        bmff.full(b"trun", struct.pack(">I", 3)),
    )
    run = boxes.fragments(bmff.box(b"moof", traf), init).runs[0]
    assert (run.durations, run.sizes, run.flags, run.tfdt) == ([40] * 3, [5] * 3, [7] * 3, None)


def test_an_i_frame_range_may_end_within_mdat() -> None:
    cut = bmff.fragment(0)[:-20]
    with pytest.raises(boxes.Broken):
        boxes.fragments(cut, None)
    assert boxes.fragments(cut, None, cut=True).data == 20


@pytest.mark.parametrize(
    "data",
    [
        b"\0\0",
        struct.pack(">I4s", 7, b"moof"),
        struct.pack(">I4s", 100, b"moof"),
        struct.pack(">I4sI", 1, b"moof", 0),
        bmff.box(b"moof", bmff.box(b"traf")),
        bmff.box(b"moof", bmff.box(b"traf", bmff.full(b"tfhd"))),
    ],
)
def test_what_does_not_add_up_is_broken(data: bytes) -> None:
    with pytest.raises(boxes.Broken):
        boxes.fragments(data, None)


def test_a_run_cannot_claim_samples_that_it_has_no_room_for() -> None:
    run = bmff.full(b"trun", struct.pack(">I", 1 << 19), flags=0x100)
    traf = bmff.box(b"traf", bmff.full(b"tfhd", struct.pack(">I", 1)), run)
    with pytest.raises(boxes.Broken, match="no room"):
        boxes.fragments(bmff.box(b"moof", traf), None)


def test_damaged_bytes_are_read_or_broken() -> None:
    dice = random.Random(7)
    whole = bmff.init(), bmff.fragment(1000), bmff.sidx((1, 2), (3, 4))
    for _ in range(3000):
        at = dice.randrange(3)
        data = bytearray(whole[at])
        for _ in range(dice.randrange(1, 6)):
            data[dice.randrange(len(data))] = dice.choice([0, 1, 8, 255, dice.randrange(256)])
        del data[dice.randrange(len(data)) if dice.random() < 0.2 else len(data) :]
        with contextlib.suppress(boxes.Broken):
            (boxes.init, lambda data: boxes.fragments(data, None), sidx)[at](bytes(data))
