from __future__ import annotations

import msgspec
import pytest

from base.records import Delivery


def test_a_delivery_goes_over_the_wire_and_does_not_change() -> None:
    made = Delivery(
        time_ms=1, request="r", method="GET", path="/p", status=200, size=5, cache="hit", duration_ms=0, cmcd=b"bl=1"
    )
    assert msgspec.json.decode(msgspec.json.encode(made), type=Delivery) == made
    with pytest.raises(AttributeError):
        made.size = 6  # type: ignore[misc]
