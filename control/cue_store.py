"""Cues in the catalog: queries within a transaction of store.py."""

from __future__ import annotations

from dataclasses import asdict

from sqlalchemy import Connection, delete, func, insert, select

from base.problems import Problem
from control import schema
from control.rows import Cue

MOST = 200
# A splice may be asked for again, and nodes may come back, for this long after it is over.
KEPT_MS = 3600_000


def all_of(connection: Connection, channel: str | None = None) -> list[Cue]:
    """By time; of one channel or of all."""
    table = schema.cue
    query = select(table).order_by(table.c.at_ms, table.c.event, table.c.action)
    if channel is not None:
        query = query.where(table.c.channel == channel)
    return [Cue(**row._mapping) for row in connection.execute(query)]


def put(connection: Connection, cue: Cue, now_ms: int) -> None:
    """In place of one of the same event and action; what is long over is forgotten. Raises Problem busy."""
    table = schema.cue
    same = (table.c.event == cue.event) & (table.c.action == cue.action)
    over = table.c.at_ms + func.max(table.c.duration_ms, 0) + KEPT_MS < now_ms
    connection.execute(delete(table).where((table.c.channel == cue.channel) & (same | over)))
    if (connection.scalar(select(func.count()).where(table.c.channel == cue.channel)) or 0) >= MOST:
        raise Problem("busy", f"{MOST} splices of {cue.channel} are planned or were made of late: wait, or cancel some")
    connection.execute(insert(table).values(asdict(cue)))


def cancel(connection: Connection, channel: str, event: int, now_ms: int) -> None:
    """Raises Problem unknown; conflict if it has begun."""
    table = schema.cue
    mine = (table.c.channel == channel) & (table.c.event == event)
    first = connection.scalar(select(func.min(table.c.at_ms)).where(mine))
    if first is None:
        raise Problem("unknown", f"there is no splice {event} of channel {channel}")
    if first <= now_ms:
        raise Problem("conflict", f"splice {event} has begun: end it instead")
    connection.execute(delete(table).where(mine))
