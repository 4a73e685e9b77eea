"""Samples and formats."""

import dataclasses

import pytest

from base.media import Sample


def test_presentation_time_is_decode_time_and_composition_offset() -> None:
    """ISO/IEC 14496-12 8.6.1.3: CT = DT + CTTS; the offset may be negative."""
    assert Sample(dts=9000, cto=-3000, data=b"").pts == 6000


def test_a_sample_that_crossed_a_border_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Sample(dts=0, data=b"").dts = 1  # type: ignore[misc]
