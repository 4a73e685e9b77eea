"""Headers in the shape that was decided."""

from __future__ import annotations

from edge.answer import said_before


def test_cache_status_of_every_hop_is_kept_in_order() -> None:
    """RFC 9211 2: the cache nearest to the origin stands first."""
    fields = said_before([("ETag", '"a"'), ("Cache-Status", "parent; hit"), ("cache-status", "b")], "Headwater; hit")
    assert fields == [("ETag", '"a"'), ("Cache-Status", "parent; hit, b, Headwater; hit"), ("Server", "Headwater")]
