"""Segment indices as the probe reads them; damage is in test_boxes.py."""

import pytest

from node.probe.boxes import Broken
from node.probe.sidx import sidx
from tests.node.probe import bmff


def test_an_index_is_read() -> None:
    found = sidx(bmff.sidx((100, 2000), (200, 1000)))
    assert found.entries == ((100, 2000, True), (200, 1000, True)) and found.timescale == 1000 and not found.nested
    with pytest.raises(Broken, match="no sidx"):
        sidx(bmff.box(b"free"))
