"""The live journal: one row a closed segment, written and synced before the segment is announced.

Rows are written by one thread that commits whatever has queued up meanwhile in one transaction: many channels share
one sync of the disk. A segment's row is there before its PUT is acknowledged, so numbering survives kill -9 and power
loss, and never goes back.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import sqlite_utils

from base.push import SessionNote
from packager.live import LivePart
from packager.live_marks import LiveMark

_SCHEMA = 3  # 1 did not keep runs and was never released
# What brings a journal from the version before to this one.
_UPGRADES = {
    3: (
        "ALTER TABLE channel ADD COLUMN used INTEGER NOT NULL DEFAULT -1",
        "ALTER TABLE segment ADD COLUMN discontinuity INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE segment ADD COLUMN common INTEGER NOT NULL DEFAULT -1",
        "UPDATE segment SET discontinuity = (number = run AND breaks > 0)",
        # runs were each track's own; from now on those of one count are one
        "CREATE TEMP TABLE begun AS"
        " SELECT channel, edition, breaks, min(run) AS run FROM segment GROUP BY channel, edition, breaks",
        "UPDATE segment SET run = (SELECT begun.run FROM begun WHERE begun.channel = segment.channel"
        " AND begun.edition = segment.edition AND begun.breaks = segment.breaks)",
        "DROP TABLE begun",
    ),
}


class SegmentRow(msgspec.Struct, frozen=True, kw_only=True):
    """A closed segment. `start`, `duration` in ticks since 1970; `checksum`: CRC-32 of its octets; `wall_ms`: UTC.

    `first`: the track's first listed number once this one is listed; `run`, `breaks` as in LiveSegment; `run_start`:
    ticks at which the run began in this track. With them the newest row alone says where a playlist has to go on.
    `common`: from then on no track of the session lists anything before this number; -1 if they begin apart.
    """

    channel: str
    edition: str
    track: str
    number: int
    start: int
    duration: int
    size: int
    init: str
    first: int
    run: int
    run_start: int
    breaks: int
    parts: tuple[LivePart, ...]
    checksum: int
    wall_ms: int
    discontinuity: bool = False
    common: int = -1


class ChannelRow(msgspec.Struct, frozen=True, kw_only=True):
    """A channel's latest session, and its target duration, which may only grow (RFC 8216bis 6.2.1).

    `used`: the highest number that was used when this session began.
    """

    channel: str
    edition: str
    session: SessionNote
    target: int
    used: int = -1


_Change = tuple[str, tuple[Any, ...]]
_CHANNEL = "INSERT OR REPLACE INTO channel VALUES (?, ?, ?, ?, ?)"
_SEGMENT = f"INSERT OR IGNORE INTO segment VALUES ({', '.join('?' * len(SegmentRow.__struct_fields__))})"
_FORGET = "DELETE FROM segment WHERE channel = ? AND edition = ? AND track = ? AND number < ?"
_MARK = "INSERT OR REPLACE INTO mark VALUES (?, ?, ?, ?)"
_FORGET_MARK = "DELETE FROM mark WHERE channel = ? AND edition = ? AND id = ?"


class Journal:
    """Open with a path; `close` after the last write. Reading is for the start, before anything is written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._queue: queue.SimpleQueue[tuple[list[_Change], asyncio.Future[None] | None] | None] = queue.SimpleQueue()
        try:
            self._make()
        except sqlite3.Error as fault:
            raise OSError(
                f"{path} cannot be used as the journal: {fault}; put a copy in its place, or move it away"
            ) from fault
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
                used=row["used"],
            )
            for row in rows
        ]

    def segments(self, channel: str, edition: str) -> list[SegmentRow]:
        """Closed segments in order of track and number."""
        rows = self._connect().query(
            "SELECT * FROM segment WHERE channel = ? AND edition = ? ORDER BY track, number", [channel, edition]
        )
        return [
            SegmentRow(
                **{
                    **row,
                    "parts": msgspec.json.decode(row["parts"], type=tuple[LivePart, ...]),
                    "discontinuity": bool(row["discontinuity"]),
                }
            )
            for row in rows
        ]

    async def append(self, row: SegmentRow) -> None:
        """Returns when the row is on the disk. Like all that writes, raises OSError if it cannot be stored."""
        values = msgspec.structs.asdict(row) | {"parts": msgspec.json.encode(row.parts)}
        await self._submit((_SEGMENT, tuple(values.values())))

    async def put_channel(self, row: ChannelRow) -> None:
        await self._submit(
            (_CHANNEL, (row.channel, row.edition, msgspec.json.encode(row.session), row.target, row.used))
        )

    async def forget(self, channel: str, edition: str, track: str, before: int) -> None:
        """Rows of segments whose files are gone. Spare a track's newest: numbers go on from it."""
        await self._submit((_FORGET, (channel, edition, track, before)))

    def marks(self, channel: str, edition: str) -> list[LiveMark]:
        rows = self._connect().query("SELECT mark FROM mark WHERE channel = ? AND edition = ?", [channel, edition])
        return [msgspec.json.decode(row["mark"], type=LiveMark) for row in rows]

    async def put_marks(self, channel: str, edition: str, marks: Iterable[LiveMark]) -> None:
        """New marks, and what is known now of older ones: all of it, or nothing."""
        await self._submit(*((_MARK, (channel, edition, mark.id, msgspec.json.encode(mark))) for mark in marks))

    async def forget_marks(self, channel: str, edition: str, ids: Iterable[str]) -> None:
        await self._submit(*((_FORGET_MARK, (channel, edition, mark)) for mark in ids))

    async def remove(self, channel: str) -> None:
        await self._submit(
            ("DELETE FROM channel WHERE channel = ?", (channel,)),
            ("DELETE FROM segment WHERE channel = ?", (channel,)),
            ("DELETE FROM mark WHERE channel = ?", (channel,)),
        )

    def close(self) -> None:
        """Write what is queued, then stop. Blocking."""
        self._queue.put(None)
        self._thread.join()

    def _make(self) -> None:
        database = self._connect()
        found = database.execute("PRAGMA user_version").fetchone()[0]
        if found not in (0, _SCHEMA) and found + 1 not in _UPGRADES:
            raise OSError(
                f"{self._path} was written by another version of Headwater (schema {found}, this one has {_SCHEMA}): "
                "run that version, or move the file away"
            )
        for version in range(found + 1, _SCHEMA + 1) if found else ():
            with database.conn:  # all of a step, or none of it
                database.conn.execute("BEGIN IMMEDIATE")
                for statement in _UPGRADES[version]:
                    database.conn.execute(statement)
                database.conn.execute(f"PRAGMA user_version = {version}")
        database.executescript(
            f"""
            CREATE TABLE IF NOT EXISTS channel (
                channel TEXT PRIMARY KEY, edition TEXT NOT NULL, session BLOB NOT NULL, target INTEGER NOT NULL,
                used INTEGER NOT NULL DEFAULT -1);
            CREATE TABLE IF NOT EXISTS segment (
                channel TEXT, edition TEXT, track TEXT, number INTEGER, start INTEGER, duration INTEGER, size INTEGER,
                init TEXT, first INTEGER, run INTEGER, run_start INTEGER, breaks INTEGER, parts BLOB, checksum INTEGER,
                wall_ms INTEGER, discontinuity INTEGER NOT NULL DEFAULT 0, common INTEGER NOT NULL DEFAULT -1,
                PRIMARY KEY (channel, edition, track, number)) WITHOUT ROWID;
            CREATE TABLE IF NOT EXISTS mark (
                channel TEXT, edition TEXT, id TEXT, mark BLOB NOT NULL, PRIMARY KEY (channel, edition, id)
                ) WITHOUT ROWID;
            PRAGMA user_version = {_SCHEMA};
            """
        )
        database.conn.close()

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
                _settle((done for _, done in entries), f"the journal cannot be written: {fault}")
            else:
                _settle((done for _, done in entries), "")
        database.conn.close()


def _settle(waiting: Iterable[asyncio.Future[None] | None], fault: str) -> None:
    for done in waiting:
        if done is not None:
            try:
                done.get_loop().call_soon_threadsafe(_finish, done, fault)
            except RuntimeError:
                continue  # the loop has ended: nobody waits any more


def _finish(done: asyncio.Future[None], fault: str) -> None:
    if done.cancelled():
        return
    if fault:
        done.set_exception(OSError(fault))
    else:
        done.set_result(None)
