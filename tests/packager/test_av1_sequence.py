"""Sequence headers of AV1, as encoders write them."""

from __future__ import annotations

import pytest

from packager.av1_sequence import SELECT, read_sequence

# of 640x360: SVT-AV1; libaom in 4:4:4 and 10 bits; libaom made resilient to loss, with frame ids
MAIN = bytes.fromhex("0000000cc4ff6700be0010")
HIGH = bytes.fromhex("2000000cc4ff6736be5080")
NUMBERED = bytes.fromhex("0000000cc4ff67e06d7c8020")


@pytest.mark.parametrize("header", [MAIN, HIGH, NUMBERED])
def test_what_all_of_them_say(header: bytes) -> None:
    found = read_sequence(header)
    assert (found.width, found.height, found.width_bits, found.height_bits) == (640, 360, 10, 9)
    assert not found.reduced_still and not found.decoder_model
    assert (found.order_hint_bits, found.screen_content_tools, found.integer_mv) == (7, SELECT, SELECT)
    assert len(found.points) == 1 and found.points[0].idc == 0


@pytest.mark.rule("AV1 5.5.2", "chroma is subsampled as profile and flags say")
def test_colours() -> None:
    assert [(read_sequence(h).colour.across, read_sequence(h).colour.down) for h in (MAIN, HIGH)] == [
        (True, True),
        (False, False),
    ]


@pytest.mark.rule("AV1 5.5.1", "frame ids have as many bits as the sequence header says")
def test_frame_ids() -> None:
    assert (read_sequence(MAIN).frame_id_bits, read_sequence(MAIN).delta_frame_id_bits) == (0, 0)
    assert (read_sequence(NUMBERED).frame_id_bits, read_sequence(NUMBERED).delta_frame_id_bits) == (15, 14)


@pytest.mark.parametrize("header", [MAIN, HIGH, NUMBERED])
def test_a_header_that_is_cut_off_is_a_fault(header: bytes) -> None:
    for size in range(len(header) - 1):
        with pytest.raises(ValueError, match="too early"):
            read_sequence(header[:size])


def test_a_still_picture_has_a_short_header() -> None:
    # profile 0, still_picture, reduced; level 0; 4 + 4 bits of sizes, 8x8; all tools off; colours of 8 bits; no grain
    bits = "000" + "1" + "1" + "00000" + "0011" + "0011" + "0111" + "0111" + "0" * 6 + "0" * 4 + "00" + "0" + "0" * 5
    found = read_sequence(int(bits.ljust(64, "0"), 2).to_bytes(8, "big"))
    assert found.reduced_still and (found.width, found.height, found.order_hint_bits) == (8, 8, 0)
