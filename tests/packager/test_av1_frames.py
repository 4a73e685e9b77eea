"""Frame headers of AV1: read in order, and what is kept of them only if they were read whole.

That their ends are found is shown in test_av1_tiles, beside another packager.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from packager.av1_frames import FrameReader
from packager.av1_sequence import read_sequence
from packager.bits import Bits
from tests.packager.packed import Packed
from tests.packager.test_av1_sequence import MAIN


def first_frame(asset: Packed) -> tuple[bytes, bytes]:
    """The payloads of the sequence header and of the first frame."""
    row = asset.index.video[0].samples[0]
    sample = asset.data[int(row["offset"]) : int(row["offset"]) + int(row["size"])]
    found = {}
    while sample:
        kind, size, at = sample[0] >> 3 & 15, 0, 1
        while True:
            size |= (sample[at] & 0x7F) << 7 * (at - 1)
            at += 1
            if not sample[at - 1] & 0x80:
                break
        found[kind] = sample[at : at + size]
        sample = sample[at + size :]
    return found[1], found[6]


@pytest.mark.rule("AV1 7.20", "a shown key frame takes all slots of the reference buffer")
def test_a_key_frame_takes_all_slots(packed: Callable[..., Packed]) -> None:
    sequence, frame = first_frame(packed("av1-opus"))
    reader = FrameReader()
    tiles = reader.read(read_sequence(sequence), Bits(frame[:64]), 0, 0)
    assert tiles is not None and tiles.count == 1
    assert {(kept.key, kept.width, kept.height) for kept in reader.slots} == {(True, 320, 180)}


def test_nothing_is_kept_of_a_header_that_is_cut_off(packed: Callable[..., Packed]) -> None:
    sequence, frame = first_frame(packed("av1-opus"))
    reader = FrameReader()
    before = reader.slots
    for size in range(4):
        with pytest.raises(ValueError, match="too early"):
            reader.read(read_sequence(sequence), Bits(frame[:size]), 0, 0)
        assert reader.slots is before


@pytest.mark.rule("AV1 5.9.2", "a frame that is shown again has a header of four bits and no tiles")
def test_a_frame_that_is_shown_again() -> None:
    bits = Bits(b"\xa0\0")
    assert FrameReader().read(read_sequence(MAIN), bits, 0, 0) is None
    assert bits.taken == 4
