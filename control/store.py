"""The catalog: channels, stream keys, assets and the sequence of changes, in SQLite. All SQL of control is here.

Queries run in threads: one for writing (SQLite has one writer, so a queue in front of it waits instead of failing),
two for reading. A change is one transaction with one row in `revision`; it is answered after its commit, and with
WAL and synchronous=FULL a commit is on the disk (sqlite.org/pragma.html#pragma_synchronous).

The sequence of a change is one more than the last, but never below the seconds since 1970: a catalog that was lost
and begun anew, or put back from an old copy, is then still ahead of what nodes remember, and they follow it.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, Engine, Row, create_engine, delete, event, func, insert, select, tuple_, update
from sqlalchemy.pool import QueuePool

from base.desired import Limits
from base.problems import Problem
from base.reports import AssetReport
from control import cue_store, migrate, schema
from control.changes import Changes
from control.rows import Asset, AssetState, Channel, Cue, Revs, check_revs
from node.clock import Clock

T = TypeVar("T")

MOST_CHANNELS = 1000


class Catalog:
    """Opened once per process, closed at its end. Every method is one query or one transaction."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self.changes = Changes()
        self._engine = engine
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._writer = ThreadPoolExecutor(1, "catalog-writer")
        self._readers = ThreadPoolExecutor(2, "catalog-reader")

    @classmethod
    async def open(cls, path: Path, clock: Clock) -> Catalog:
        """Open or make the catalog and bring it to the newest revision. Raises OSError if it is unusable."""
        catalog = cls(_engine(path), clock)
        try:
            catalog.changes.move(await catalog._in(catalog._writer, catalog._prepare))
        except BaseException:
            await catalog.close()
            raise
        return catalog

    async def close(self) -> None:
        """Let open transactions end, then close the file."""
        for pool in (self._writer, self._readers):
            await asyncio.to_thread(pool.shutdown)
        self._engine.dispose()

    # Channels

    async def channels(self) -> list[Channel]:
        """All channels, by name."""
        return await self._read(_channels)

    async def channel(self, name: str) -> Channel:
        """Raises Problem unknown."""
        return await self._read(lambda connection: _channel(connection, name))

    async def desired(self) -> tuple[int, list[Channel], list[Cue]]:
        """The sequence, the channels and their cues at one and the same moment."""
        return await self._read(lambda at: (_seq(at), _channels(at), cue_store.all_of(at)))

    async def is_new(self) -> bool:
        """True if nothing was ever changed."""
        return await self._read(lambda connection: connection.scalar(select(func.count(schema.revision.c.seq))) == 0)

    async def add_channel(
        self,
        name: str,
        title: str,
        key_hash: str,
        *,
        segment_ms: int = 2000,
        part_ms: int = 500,
        window_s: int = 1800,
        demo: bool = False,
        splices: bool = False,
        interstitials: str = "",
        source: str = "",
    ) -> Channel:
        """Raises Problem conflict if there is one by this name, busy if there are too many."""

        def work(change: _Change) -> Channel:
            if change.connection.scalar(select(schema.channel.c.rev).where(schema.channel.c.channel == name)):
                raise Problem("conflict", f"there is a channel {name} already: choose another name")
            if (change.connection.scalar(select(func.count(schema.channel.c.channel))) or 0) >= MOST_CHANNELS:
                raise Problem("busy", f"there are {MOST_CHANNELS} channels: remove one first")
            seq = change.note(f"channel {name} added")
            row = {
                "channel": name,
                "title": title,
                "edition": f"e{secrets.token_hex(4)}",
                "segment_ms": segment_ms,
                "part_ms": part_ms,
                "window_s": window_s,
                "demo": demo,
                "enabled": True,
                "created_ms": change.now_ms,
                "rev": seq,
                "splices": splices,
                "interstitials": interstitials,
                "source": source,
            }
            change.connection.execute(insert(schema.channel).values(row))
            _add_key(change, name, key_hash)
            return _channel(change.connection, name)

        return await self._write(work)

    async def remove_channel(self, name: str, revs: Revs = None) -> Channel:
        """The channel as it was. Raises Problem unknown; precondition if `revs` are given and none is the row's."""

        def work(change: _Change) -> Channel:
            row = _channel(change.connection, name)
            check_revs(row.rev, revs)
            change.note(f"channel {name} removed")
            change.connection.execute(delete(schema.channel).where(schema.channel.c.channel == name))
            return row

        return await self._write(work)

    async def replace_keys(self, name: str, key_hash: str, revs: Revs = None) -> Channel:
        """One new key; every older one stops working. Raises as remove_channel."""

        def work(change: _Change) -> Channel:
            check_revs(_channel(change.connection, name).rev, revs)
            seq = change.note(f"channel {name} has a new key")
            change.connection.execute(delete(schema.stream_key).where(schema.stream_key.c.channel == name))
            _add_key(change, name, key_hash)
            change.connection.execute(update(schema.channel).where(schema.channel.c.channel == name).values(rev=seq))
            return _channel(change.connection, name)

        return await self._write(work)

    async def enable_channel(self, name: str, enabled: bool) -> Channel:
        """Take a channel in or out of the desired state; no change if it is so already. Raises Problem unknown."""

        return await self._set(name, "enabled" if enabled else "disabled", enabled=enabled)

    # Cues

    async def cues(self, name: str) -> list[Cue]:
        """The splices that a channel was asked for of late, in order. Raises Problem unknown."""

        def work(connection: Connection) -> list[Cue]:
            _channel(connection, name)
            return cue_store.all_of(connection, name)

        return await self._read(work)

    async def set_playout(self, name: str, playout: str) -> Channel:
        """What a channel plays, as JSON; empty: nothing, encoders publish. Raises Problem unknown."""

        return await self._set(name, "schedule", playout=playout)

    async def set_source(self, name: str, source: str) -> Channel:
        """Where a channel's media is fetched; empty: nowhere, encoders publish. Raises Problem unknown."""

        return await self._set(name, "source", source=source)

    async def set_limits(self, name: str, limits: Limits) -> Channel:
        """What its stream key allows. Raises Problem unknown."""

        columns = {"most_kbps": limits.kbps, "most_lines": limits.lines, "most_seconds": limits.seconds}
        return await self._set(name, "limits", **columns)

    async def _set(self, name: str, what: str, **columns: object) -> Channel:
        """Give columns of a channel their values; no change if they have them. Raises Problem unknown."""
        of_it = schema.channel.c.channel == name

        def work(change: _Change) -> Channel:
            before = _channel(change.connection, name)
            wanted = [schema.channel.c[column] == value for column, value in columns.items()]
            if change.connection.execute(select(schema.channel.c.rev).where(of_it, *wanted)).first() is not None:
                return before
            seq = change.note(f"channel {name}: {what}")
            change.connection.execute(update(schema.channel).where(of_it).values(**columns, rev=seq))
            return _channel(change.connection, name)

        return await self._write(work)

    async def add_cue(self, name: str, wanted: Callable[[list[Cue], int], Cue]) -> tuple[Cue, bool]:
        """What `wanted` makes of the channel's cues and of now; True if it is new, or news of one that was there.

        Raises Problem unknown, busy, and what `wanted` raises.
        """

        def work(change: _Change) -> tuple[Cue, bool]:
            _channel(change.connection, name)
            there = cue_store.all_of(change.connection, name)
            made = wanted(there, change.now_ms)
            if made in there:
                return made, False
            cue_store.put(change.connection, made, change.now_ms)
            change.note(f"channel {name}: splice {made.event} {made.action}")
            return made, True

        return await self._write(work)

    async def cancel_cue(self, name: str, event: int) -> None:
        """Raises Problem unknown; conflict if it has begun."""

        def work(change: _Change) -> None:
            _channel(change.connection, name)
            cue_store.cancel(change.connection, name, event, change.now_ms)
            change.note(f"channel {name}: splice {event} cancelled")

        await self._write(work)

    # Assets

    async def assets(self, *, after: tuple[int, str] | None = None, limit: int = 100) -> list[Asset]:
        """Newest first; `after` is (created_ms, asset) of the last row that the caller has."""
        table = schema.asset
        query = select(table).order_by(table.c.created_ms.desc(), table.c.asset.desc()).limit(limit)
        if after is not None:
            query = query.where(tuple_(table.c.created_ms, table.c.asset) < tuple_(*after))
        return await self._read(lambda connection: [_asset_of(row) for row in connection.execute(query)])

    async def assets_in(self, *states: AssetState) -> list[Asset]:
        """Every asset that is in one of these states, oldest first."""
        table = schema.asset
        query = select(table).where(table.c.state.in_([str(state) for state in states])).order_by(table.c.created_ms)
        return await self._read(lambda connection: [_asset_of(row) for row in connection.execute(query)])

    async def asset(self, name: str) -> Asset:
        """Raises Problem unknown."""
        return await self._read(lambda connection: _asset(connection, name))

    async def count_assets(self) -> dict[AssetState, int]:
        """How many assets are in each state."""
        table = schema.asset
        query = select(table.c.state, func.count(table.c.asset)).group_by(table.c.state)
        found = await self._read(lambda connection: connection.execute(query).all())
        return dict.fromkeys(AssetState, 0) | {AssetState(state): count for state, count in found}

    async def has_asset(self, name: str) -> bool:
        """True if there is a row by this name, in whatever state."""
        query = select(schema.asset.c.rev).where(schema.asset.c.asset == name)
        return await self._read(lambda connection: connection.scalar(query) is not None)

    async def add_asset(self, name: str, title: str) -> Asset:
        """A row in state adding. Raises Problem conflict if the name was taken meanwhile."""

        def work(change: _Change) -> Asset:
            if change.connection.scalar(select(schema.asset.c.rev).where(schema.asset.c.asset == name)):
                raise Problem("conflict", f"there is an asset {name} already: try again or choose another title")
            seq = change.note(f"asset {name} is being added")
            row = {
                "asset": name,
                "title": title,
                "state": str(AssetState.ADDING),
                "report": None,
                "reason": "",
                "bytes": 0,
                "created_ms": change.now_ms,
                "rev": seq,
            }
            change.connection.execute(insert(schema.asset).values(row))
            return _asset(change.connection, name)

        return await self._write(work)

    async def asset_is(
        self,
        name: str,
        state: AssetState,
        *,
        report: AssetReport | None = None,
        reason: str = "",
        revs: Revs = None,
    ) -> Asset:
        """Move an asset to a state. Raises Problem unknown; precondition as remove_channel."""

        def work(change: _Change) -> Asset:
            check_revs(_asset(change.connection, name).rev, revs)
            seq = change.note(f"asset {name} is {state}")
            values: dict[str, Any] = {"state": str(state), "reason": reason, "rev": seq}
            if report is not None:
                values |= {"report": msgspec.json.encode(report).decode(), "bytes": report.bytes}
            change.connection.execute(update(schema.asset).where(schema.asset.c.asset == name).values(values))
            return _asset(change.connection, name)

        return await self._write(work)

    async def drop_asset(self, name: str) -> None:
        """Delete the row; no change if there is none."""

        def work(change: _Change) -> None:
            gone = change.connection.execute(delete(schema.asset).where(schema.asset.c.asset == name))
            if gone.rowcount:
                change.note(f"asset {name} removed")

        await self._write(work)

    # Threads and transactions

    async def _in(self, pool: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        return await self._loop.run_in_executor(pool, work)

    async def _read(self, work: Callable[[Connection], T]) -> T:
        def read() -> T:
            with self._engine.begin() as connection:
                return work(connection)

        return await self._in(self._readers, read)

    async def _write(self, work: Callable[[_Change], T]) -> T:
        now_ms = self._clock.now_ms()

        def write() -> T:
            with self._engine.connect().execution_options(headwater_write=True) as connection, connection.begin():
                change = _Change(connection, now_ms)
                result = work(change)
            # From the thread, not after the await: a caller that is cancelled must not leave nodes unaware.
            self._loop.call_soon_threadsafe(self.changes.move, change.seq)
            return result

        return await self._in(self._writer, write)

    def _prepare(self) -> int:
        with self._engine.connect() as connection, connection.begin():
            if migrate.current(connection) == schema.HEAD:
                return _seq(connection)
        with self._engine.connect().execution_options(headwater_write=True) as connection, connection.begin():
            migrate.ensure(connection)
            return _seq(connection)


class _Change:
    """One transaction that writes. `seq` is 0 until something is noted."""

    def __init__(self, connection: Connection, now_ms: int) -> None:
        self.connection = connection
        self.now_ms = now_ms
        self.seq = 0

    def note(self, what: str) -> int:
        self.seq = max(_seq(self.connection) + 1, self.now_ms // 1000)
        self.connection.execute(insert(schema.revision).values(seq=self.seq, time=self.now_ms, what=what))
        return self.seq


def _engine(path: Path) -> Engine:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():  # made here so that it is never readable by others, not even for a moment
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    engine = create_engine(f"sqlite:///{path}", poolclass=QueuePool, pool_size=3, max_overflow=1)

    @event.listens_for(engine, "connect")
    def _(dbapi: Any, __: Any) -> None:
        dbapi.isolation_level = None  # SQLAlchemy begins transactions, not the driver (it does not before DDL)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=5000"):
            dbapi.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _(connection: Connection) -> None:
        writes = connection.get_execution_options().get("headwater_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _seq(connection: Connection) -> int:
    return connection.scalar(select(func.max(schema.revision.c.seq))) or 0


def _add_key(change: _Change, name: str, key_hash: str) -> None:
    row = {"hash": key_hash, "channel": name, "created_ms": change.now_ms, "label": ""}
    change.connection.execute(insert(schema.stream_key).values(row))


def _channels(connection: Connection) -> list[Channel]:
    keys: dict[str, list[str]] = {}
    for name, key in connection.execute(select(schema.stream_key.c.channel, schema.stream_key.c.hash)):
        keys.setdefault(name, []).append(key)
    query = select(schema.channel).order_by(schema.channel.c.channel)
    return [_channel_of(row, keys.get(row.channel, [])) for row in connection.execute(query)]


def _channel(connection: Connection, name: str) -> Channel:
    row = connection.execute(select(schema.channel).where(schema.channel.c.channel == name)).first()
    if row is None:
        raise Problem("unknown", f"there is no channel {name}")
    keys = connection.scalars(select(schema.stream_key.c.hash).where(schema.stream_key.c.channel == name))
    return _channel_of(row, list(keys))


def _channel_of(row: Row[Any], keys: list[str]) -> Channel:
    return Channel(**row._mapping, key_hashes=tuple(keys))


def _asset(connection: Connection, name: str) -> Asset:
    row = connection.execute(select(schema.asset).where(schema.asset.c.asset == name)).first()
    if row is None:
        raise Problem("unknown", f"there is no asset {name}")
    return _asset_of(row)


def _asset_of(row: Row[Any]) -> Asset:
    values = dict(row._mapping)
    values["state"] = AssetState(values["state"])
    if values["report"] is not None:
        values["report"] = msgspec.json.decode(values["report"], type=AssetReport)
    return Asset(**values)
