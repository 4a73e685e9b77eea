from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from base.push import SessionNote, TrackNote
from origin.journal import ChannelRow, Journal, SegmentRow
from packager.live import LivePart
from tests.kit.optional import ROOT

SESSION = SessionNote(
    session="s1", started_ms=1, grid_ms=2000, part_ms=500, tracks=(TrackNote(track="v1", kind="video"),)
)
CHANNEL = ChannelRow(channel="studio", edition="e1", session=SESSION, target=2)


def row(number: int, track: str = "v1", edition: str = "e1", breaks: int = 0) -> SegmentRow:
    return SegmentRow(
        channel="studio",
        edition=edition,
        track=track,
        number=number,
        start=number * 180_000,
        duration=180_000,
        size=5000,
        init="aabbccdd",
        first=max(0, number - 3),
        run=0,
        run_start=0,
        breaks=breaks,
        parts=(LivePart(90_000, 3000, 0, True, 25), LivePart(90_000, 2000, 3000, False, 25)),
        checksum=0xFFFFFFFF,
        wall_ms=1_700_000_000_000 + number,
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


async def test_rows_are_read_as_they_were_written(path: Path) -> None:
    journal = Journal(path)
    await journal.put_channel(CHANNEL)
    for number in (7, 5, 6):
        await journal.append(row(number))
    await journal.append(row(5, "a1"))
    await journal.append(row(9, edition="e2"))
    journal.close()
    again = Journal(path)
    assert again.channels() == [CHANNEL]
    assert again.segments("studio", "e1") == [row(5, "a1"), row(5), row(6), row(7)]
    assert again.segments("studio", "e3") == []
    again.close()


async def test_a_row_that_is_there_stays_as_it_is(path: Path) -> None:
    journal = Journal(path)
    await journal.append(row(5))
    await journal.append(msgspec.structs.replace(row(5), size=1))  # a last part that was sent twice
    assert journal.segments("studio", "e1") == [row(5)]
    journal.close()


async def test_a_channel_has_one_row_its_latest(path: Path) -> None:
    journal = Journal(path)
    await journal.put_channel(CHANNEL)
    later = msgspec.structs.replace(CHANNEL, target=4, session=msgspec.structs.replace(SESSION, session="s2"))
    await journal.put_channel(later)
    assert journal.channels() == [later]
    journal.close()


async def test_forgetting_and_removing_touch_nothing_else(path: Path) -> None:
    journal = Journal(path)
    await journal.put_channel(CHANNEL)
    other = msgspec.structs.replace(CHANNEL, channel="other")
    await journal.put_channel(other)
    for number in range(5):
        await journal.append(row(number))
        await journal.append(row(number, "a1"))
        await journal.append(msgspec.structs.replace(row(number), channel="other"))
    await journal.forget("studio", "e1", "v1", 3)
    assert [(r.track, r.number) for r in journal.segments("studio", "e1")] == [
        *(("a1", number) for number in range(5)),
        ("v1", 3),
        ("v1", 4),
    ]
    await journal.remove("studio")
    assert journal.segments("studio", "e1") == [] and journal.channels() == [other]
    assert len(journal.segments("other", "e1")) == 5
    journal.close()


async def test_waiters_share_one_commit(path: Path) -> None:
    """The write-ahead log holds a frame with the database's size at each commit: far fewer than rows."""
    journal = Journal(path)
    async with asyncio.TaskGroup() as group:
        for number in range(200):
            group.create_task(journal.append(row(number)))
    commits = _commits(path.with_name("journal.db-wal"))
    print(f"200 rows in {commits} commits")
    assert commits < 100
    assert len(journal.segments("studio", "e1")) == 200
    journal.close()


def _commits(log: Path) -> int:
    """Frames of a WAL file that end a transaction (SQLite file format 4.1: octets 4 to 7 of the frame header)."""
    data = log.read_bytes()
    page = int.from_bytes(data[8:12], "big")
    return sum(data[at + 4 : at + 8] != bytes(4) for at in range(32, len(data) - 24, 24 + page))


async def test_closing_writes_what_is_queued(path: Path) -> None:
    journal = Journal(path)
    async with asyncio.TaskGroup() as group:
        for number in range(50):
            group.create_task(journal.append(row(number)))
        await asyncio.sleep(0)
        await asyncio.to_thread(journal.close)
    again = Journal(path)
    assert len(again.segments("studio", "e1")) == 50
    again.close()


# A limit on the size of files stands for a full disk; SQLite sees a failing write either way.
_FULL = """
import asyncio, resource, signal, sys
from pathlib import Path
from origin.journal import Journal
from tests.origin.test_journal import row

async def main():
    journal = Journal(Path(sys.argv[1]))
    await journal.append(row(0))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = Path(sys.argv[1] + "-wal").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    async with asyncio.timeout(20):
        found = await asyncio.gather(*(journal.append(row(n)) for n in range(1, 40)), return_exceptions=True)
    print(sum(isinstance(f, OSError) for f in found), len(set(map(id, found))), found[0])
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    await journal.append(row(99))
    print([r.number for r in journal.segments("studio", "e1")])
    journal.close()

asyncio.run(main())
"""


def test_a_full_disk_reaches_every_waiter_and_ends_when_there_is_room(path: Path) -> None:
    command = [sys.executable, "-c", _FULL, str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    told, rows = done.stdout.splitlines()
    assert told.startswith("39 39 the journal cannot be written: ")
    assert rows == "[0, 99]"


# As version 2 made it: runs were each track's own, and open files did not bear theirs.
_SECOND = """
CREATE TABLE channel (channel TEXT PRIMARY KEY, edition TEXT NOT NULL, session BLOB NOT NULL, target INTEGER NOT NULL);
CREATE TABLE segment (
    channel TEXT, edition TEXT, track TEXT, number INTEGER, start INTEGER, duration INTEGER, size INTEGER,
    init TEXT, first INTEGER, run INTEGER, run_start INTEGER, breaks INTEGER, parts BLOB, checksum INTEGER,
    wall_ms INTEGER, PRIMARY KEY (channel, edition, track, number)) WITHOUT ROWID;
PRAGMA user_version = 2;
"""


async def test_a_journal_of_the_version_before_is_brought_up(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.executescript(_SECOND)
        database.execute("INSERT INTO channel VALUES ('studio', 'e1', ?, 2)", [msgspec.json.encode(SESSION)])
        for track, number, run, breaks in (("v1", 5, 5, 0), ("v1", 7, 7, 1), ("v1", 8, 7, 1), ("a1", 8, 8, 1)):
            values = ("studio", "e1", track, number, 9, 9, 9, "aabb", 5, run, 9, breaks, b"[]", 7, 1000)
            database.execute(f"INSERT INTO segment VALUES ({', '.join('?' * 15)})", values)
    for _ in range(2):  # the second time nothing is left to do
        journal = Journal(path)
        assert journal.channels() == [CHANNEL]
        found = [(r.track, r.number, r.run, r.breaks, r.discontinuity) for r in journal.segments("studio", "e1")]
        assert found == [
            ("a1", 8, 7, 1, True),
            ("v1", 5, 5, 0, False),
            ("v1", 7, 7, 1, True),
            ("v1", 8, 7, 1, False),
        ]
        journal.close()


async def test_a_journal_of_another_version_is_refused_and_left_alone(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 77")
    with pytest.raises(OSError, match=r"another version of Headwater \(schema 77"):
        Journal(path)
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)


def test_what_is_no_database_is_refused_with_its_name(path: Path) -> None:
    path.write_bytes(b"not a database, whatever it is called" * 100)
    with pytest.raises(OSError, match=r"journal\.db cannot be used as the journal: file is not a database"):
        Journal(path)
