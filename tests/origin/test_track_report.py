"""What is declared of a channel's tracks while they are published."""

from __future__ import annotations

import msgspec
import pytest

from tests.origin.test_channel import Desk, desk

__all__ = ["desk"]


@pytest.mark.rule("RFC 8216bis 4.4.6.2", "a live channel declares more than it has seen, the more so while it is young")
async def test_declared_rates_leave_room_for_what_is_to_come(desk: Desk) -> None:
    await desk.announces()
    shares = []
    for part in desk.studio.run(12_000):
        await desk.puts(part)
        said = {report.track: report for report in desk.channel.reports()}
        closed = [s for s in desk.channel.window().tracks["v1"].segments if s.closed]
        if part.track == "v1" and part.note.last:
            shares.append(said["v1"].bandwidth / max(s.size * 8 * 90_000 / s.duration for s in closed))
    assert len(shares) > 8
    assert shares[0] >= 1.45 and min(shares) >= 1.2


async def test_a_new_label_is_reported_at_once(desk: Desk) -> None:
    await desk.announces()
    await desk.puts(*desk.studio.run(2000))
    assert desk.channel.reports()[1].label == ""
    tracks = tuple(msgspec.structs.replace(t, label="Ton") for t in desk.studio.note.tracks)
    await desk.announces(tracks=tracks)
    assert desk.channel.reports()[1].label == "Ton"
