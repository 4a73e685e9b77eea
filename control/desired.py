"""The planner: rows of the catalog -> what every node should run. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from base.desired import ChannelSpec, Desired
from control.rows import Channel


def plan(seq: int, channels: Iterable[Channel]) -> Desired:
    """The desired state at sequence `seq`: enabled channels by name, so that equal catalogs give equal bytes."""
    return Desired(
        seq=seq,
        channels=tuple(
            ChannelSpec(
                channel=row.channel,
                title=row.title,
                edition=row.edition,
                key_hashes=tuple(sorted(row.key_hashes)),
                segment_ms=row.segment_ms,
                part_ms=row.part_ms,
                window_s=row.window_s,
                demo=row.demo,
            )
            for row in sorted(channels, key=lambda row: row.channel)
            if row.enabled
        ),
    )
