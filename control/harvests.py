"""Harvest by the admin API: what a channel sent between two times becomes an asset, without a copy.

POST /api/v1/channels/{channel}/harvest     NewHarvest -> 201 with the asset, as POST /api/v1/assets
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from base.arrival import Harvest
from base.problems import Problem
from control import bodies
from control.rows import Channel


class NewHarvest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`start`, `end`: of RFC 3339, with a zone. `title`: made of the channel's and the start if it is left out."""

    start: str
    end: str
    title: str = ""


def read(body: bytes, channel: Channel) -> tuple[Harvest, str, str]:
    """What to ask of the origin, the name that is wanted, and the title. Raises Problem malformed."""
    given = bodies.decode(body, NewHarvest)
    start, end = _ms("start", given.start), _ms("end", given.end)
    if end <= start:
        raise Problem("malformed", "end: give a time after start", field="end")
    title = given.title or f"{channel.title} {given.start[:16].replace('T', ' ')}"
    name, title = bodies.asset_name_and_title(title, "")
    return Harvest(channel=channel.channel, start_ms=start, end_ms=end), name, title


def _ms(field: str, text: str) -> int:
    try:
        found = datetime.fromisoformat(text.upper())
    except ValueError:
        found = None
    if found is None or found.tzinfo is None or found.year < 1970:
        raise Problem("malformed", f"{field}: give a time with its zone, such as 2026-11-21T14:05:00Z", field=field)
    return round(found.timestamp() * 1000)
