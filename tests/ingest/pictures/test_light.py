"""HDR to SDR, against the numbers of BT.2100 and BT.2408."""

import numpy as np
import pytest

from ingest.pictures.light import HLG, PQ, to_sdr


def grey(signal: float, transfer: int) -> int:
    """What a grey of this signal (0 to 1) becomes."""
    shown = to_sdr(np.full((1, 1, 3), round(signal * 65535), np.uint16), transfer)[0, 0]
    assert shown.max() - shown.min() <= 1, "grey stays grey"
    return int(shown[0])


@pytest.mark.rule("ITU-R BT.2408 5.1", "reference white is at 58 % of PQ and 75 % of HLG: close to SDR's white")
@pytest.mark.parametrize(("signal", "transfer"), [(0.58, PQ), (0.75, HLG)])
def test_reference_white_is_bright_and_leaves_room_above(signal: float, transfer: int) -> None:
    assert 205 <= grey(signal, transfer) <= 235
    assert grey(signal, transfer) < grey(signal + 0.1, transfer) <= 255


@pytest.mark.rule("ITU-R BT.2408 5.1", "18 % grey is at 38 % of PQ and of HLG: 26 nits, an eighth of white's 203")
@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_a_grey_card_looks_like_one(transfer: int) -> None:
    assert 97 <= grey(0.38, transfer) <= 104, "0.128 of white is 100 in sRGB"


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_brighter_stays_brighter(transfer: int) -> None:
    greys = [grey(step / 40, transfer) for step in range(41)]
    assert greys == sorted(greys) and greys[0] == 0 and greys[-1] == 255


def test_colours_keep_their_hue() -> None:
    """BT.2020's red is outside of what sRGB has: it stays a red."""
    red = to_sdr(np.array([[[38000, 0, 0]]], np.uint16), PQ)[0, 0]
    assert red[0] > 200 and red[1] == 0 and red[2] < 20
