"""The live journal: one row a closed segment, written and synced before the segment is announced.

Rows are written by one thread that commits whatever has queued up meanwhile in one transaction: many channels share
one sync of the disk. A segment's row is there before its PUT is acknowledged, so numbering survives kill -9 and power
loss, and never goes back.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import sqlite_utils

from base.push import SessionNote
from packager.live import LivePart

_SCHEMA = 1


class SegmentRow(msgspec.Struct, frozen=True, kw_only=True):
    """A closed segment. `start`, `duration` in ticks since 1970; `checksum`: CRC-32 of its octets; `wall_ms`: UTC."""

    channel: str
    edition: str
    track: str
    number: int
    start: int
    duration: int
    size: int
    init: str
    discontinuity: bool
    parts: tuple[LivePart, ...]
    checksum: int
    wall_ms: int


class ChannelRow(msgspec.Struct, frozen=True, kw_only=True):
    """A channel's latest session, and its target duration, which may only grow (RFC 8216bis 6.2.1)."""

    channel: str
    edition: str
    session: SessionNote
    target: int


_Change = tuple[str, tuple[Any, ...]]
_CHANNEL = "INSERT OR REPLACE INTO channel VALUES (?, ?, ?, ?)"
_SEGMENT = "INSERT OR IGNORE INTO segment VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_FORGET = "DELETE FROM segment WHERE channel = ? AND edition = ? AND number < ?"


class Journal:
    """Open with a path; `close` after the last write. Reading is for the start, before anything is written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._queue: queue.SimpleQueue[tuple[list[_Change], asyncio.Future[None] | None] | None] = queue.SimpleQueue()
        database = self._connect()
        database.executescript(
            """
            CREATE TABLE IF NOT EXISTS channel (
                channel TEXT PRIMARY KEY, edition TEXT NOT NULL, session BLOB NOT NULL, target INTEGER NOT NULL);
            CREATE TABLE IF NOT EXISTS segment (
                channel TEXT, edition TEXT, track TEXT, number INTEGER, start INTEGER, duration INTEGER, size INTEGER,
                init TEXT, discontinuity INTEGER, parts BLOB, checksum INTEGER, wall_ms INTEGER,
                PRIMARY KEY (channel, edition, track, number)) WITHOUT ROWID;
            """
        )
        found = database.execute("PRAGMA user_version").fetchone()[0]
        if found not in (0, _SCHEMA):
            raise OSError(
                f"{path} was written by another version of Headwater (schema {found}): upgrade, or move it away"
            )
        database.execute(f"PRAGMA user_version = {_SCHEMA}")
        database.conn.close()
        self._thread = threading.Thread(target=self._write_on, name="journal", daemon=True)
        self._thread.start()

    def channels(self) -> list[ChannelRow]:
        rows = self._connect().query("SELECT * FROM channel")
        return [
            ChannelRow(
                channel=row["channel"],
                edition=row["edition"],
                session=msgspec.json.decode(row["session"], type=SessionNote),
                target=row["target"],
            )
            for row in rows
        ]

    def segments(self, channel: str, edition: str, since_wall_ms: int) -> list[SegmentRow]:
        """Closed segments in order of track and number, those that were closed at or after a UTC time."""
        rows = self._connect().query(
            "SELECT * FROM segment WHERE channel = ? AND edition = ? AND wall_ms >= ? ORDER BY track, number",
            [channel, edition, since_wall_ms],
        )
        return [
            SegmentRow(
                **{
                    **row,
                    "discontinuity": bool(row["discontinuity"]),
                    "parts": msgspec.json.decode(row["parts"], type=tuple[LivePart, ...]),
                }
            )
            for row in rows
        ]

    def highest(self, channel: str, edition: str) -> int:
        """The highest number that any track has ever closed, -1 if none: the newest rows are never forgotten."""
        found = self._connect().execute(
            "SELECT MAX(number) FROM segment WHERE channel = ? AND edition = ?", [channel, edition]
        )
        (number,) = found.fetchone()
        return -1 if number is None else int(number)

    async def append(self, row: SegmentRow) -> None:
        """Returns when the row is on the disk."""
        await self._submit(
            (
                _SEGMENT,
                (
                    row.channel, row.edition, row.track, row.number, row.start, row.duration, row.size, row.init,
                    int(row.discontinuity), msgspec.json.encode(row.parts), row.checksum, row.wall_ms,
                ),
            )
        )  # fmt: skip

    async def put_channel(self, row: ChannelRow) -> None:
        await self._submit((_CHANNEL, (row.channel, row.edition, msgspec.json.encode(row.session), row.target)))

    async def forget(self, channel: str, edition: str, before: int) -> None:
        """Rows of segments that have left the window and whose files are gone."""
        await self._submit((_FORGET, (channel, edition, before)))

    async def remove(self, channel: str) -> None:
        await self._submit(
            ("DELETE FROM channel WHERE channel = ?", (channel,)),
            ("DELETE FROM segment WHERE channel = ?", (channel,)),
        )

    def close(self) -> None:
        """Write what is queued, then stop. Blocking."""
        self._queue.put(None)
        self._thread.join()

    def _connect(self) -> sqlite_utils.Database:
        database = sqlite_utils.Database(self._path)
        database.enable_wal()
        database.execute("PRAGMA synchronous = FULL")
        return database

    async def _submit(self, *changes: _Change) -> None:
        done = asyncio.get_running_loop().create_future()
        self._queue.put((list(changes), done))
        await done

    def _write_on(self) -> None:
        database = self._connect()
        running = True
        while running:
            batch = [self._queue.get()]
            while not self._queue.empty():
                batch.append(self._queue.get())
            running = None not in batch
            entries = [entry for entry in batch if entry is not None]
            try:
                with database.conn:
                    for changes, _ in entries:
                        for statement, values in changes:
                            database.conn.execute(statement, values)
            except Exception as fault:  # the disk is full or gone: every waiter must learn it
                _settle((done for _, done in entries), fault)
            else:
                _settle((done for _, done in entries), None)
        database.conn.close()


def _settle(waiting: Iterable[asyncio.Future[None] | None], fault: Exception | None) -> None:
    for done in waiting:
        if done is not None:
            try:
                done.get_loop().call_soon_threadsafe(_finish, done, fault)
            except RuntimeError:
                continue  # the loop has ended: nobody waits any more


def _finish(done: asyncio.Future[None], fault: Exception | None) -> None:
    if done.cancelled():
        return
    if fault is None:
        done.set_result(None)
    else:
        done.set_exception(fault)
