"""The planner: rows of the catalog -> what every node should run. Pure."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from base.desired import ChannelSpec, CueSpec, Desired, PlayoutSpec
from control.rows import Channel, Cue


def plan(seq: int, channels: Iterable[Channel], cues: Iterable[Cue] = ()) -> Desired:
    """The desired state at sequence `seq`: enabled channels by name, so that equal catalogs give equal bytes."""
    wanted: dict[str, list[CueSpec]] = {}
    for cue in sorted(cues, key=lambda cue: (cue.at_ms, cue.event, cue.action)):
        wanted.setdefault(cue.channel, []).append(CueSpec(at_ms=cue.at_ms, section=cue.section))
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
                splices=row.splices,
                interstitials=row.interstitials,
                source=row.source,
                limits=row.limits,
                playout=msgspec.json.decode(row.playout, type=PlayoutSpec) if row.playout else None,
                cues=tuple(wanted.get(row.channel, ())),
            )
            for row in sorted(channels, key=lambda row: row.channel)
            if row.enabled
        ),
    )
