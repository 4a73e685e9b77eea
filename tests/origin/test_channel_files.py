"""A channel's files: when they go, and what a disk that is full or away does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from origin.restore import restore
from tests.kit.live_media import Studio
from tests.kit.optional import ROOT
from tests.origin.test_channel import Desk, desk, only

__all__ = ["desk"]


@pytest.mark.rule(
    "RFC 8216bis 6.2.2", "a segment can be had for its duration and that of the longest playlist that held it"
)
async def test_files_go_when_no_player_can_know_them(tmp_path: Path) -> None:
    desk = Desk(tmp_path, Studio(window_s=10))
    await desk.announces()
    await desk.puts(*desk.studio.run(30_000))
    first = desk.numbers("v1")[0]
    assert first > 1_700_000_010
    now_s = desk.clock.now_ms() // 1000
    for number in range(1_700_000_000, first + 5):
        for track in ("v1", "a1"):
            os.utime(desk.channel.folder / track / f"{number}.m4s", (now_s, now_s))
    assert await desk.channel.drop_files() == 0  # they first appeared just now
    desk.clock.advance(11_000)
    assert await desk.channel.drop_files() == 0  # listed 10 s, 1 s long, and a minute for caches
    desk.clock.advance(61_000)
    assert await desk.channel.drop_files() == 2 * (first - 1_700_000_000)
    left = sorted(int(path.stem) for path in (desk.channel.folder / "v1").glob("*.m4s"))
    assert left[0] == first and {row.number for row in desk.journal.segments("studio", "e1")} >= {first}
    assert min(row.number for row in desk.journal.segments("studio", "e1")) == first
    desk.journal.close()


async def test_a_window_that_was_longer_counts_while_players_may_hold_its_playlist(tmp_path: Path) -> None:
    desk = Desk(tmp_path, Studio(window_s=600))
    await desk.announces()
    await desk.puts(*desk.studio.run(20_000))
    now_s = desk.clock.now_ms() // 1000
    for path in desk.channel.folder.glob("*/*.m4s"):
        os.utime(path, (now_s, now_s))
    await desk.announces(window_s=6)
    await desk.puts(*desk.studio.run(2000))
    assert desk.numbers("v1")[0] > 1_700_000_010
    desk.clock.advance(500_000)
    assert await desk.channel.drop_files() == 0
    desk.clock.advance(200_000)
    assert await desk.channel.drop_files() > 0
    desk.journal.close()


async def test_files_of_a_track_that_left_go_too_but_its_numbers_stay_used(tmp_path: Path) -> None:
    desk = Desk(tmp_path, Studio(window_s=6, tracks=("v1", "a1")))
    await desk.announces()
    await desk.puts(*desk.studio.run(4000))
    silent = Studio(window_s=6, tracks=("v1",), start_ms=desk.studio.now_ms)
    silent.begin(next_number=await desk.announces(silent) + 1)
    last = desk.channel.tracks["a1"].window.highest
    desk.clock.advance(3_600_000)
    for path in (desk.channel.folder / "a1").glob("*.m4s"):
        os.utime(path, (1, 1))
    assert await desk.channel.drop_files() >= 4
    assert not list((desk.channel.folder / "a1").glob("*.m4s"))
    assert [row.number for row in desk.journal.segments("studio", "e1") if row.track == "a1"] == [last]
    # whoever comes back with that track finds none of it listed
    desk.studio.begin(next_number=desk.channel.last_number + 1)
    for channel in (desk.channel, restore(tmp_path, desk.journal.channels()[0], desk.journal, desk.clock)):
        await channel.begin(desk.studio.note)
        assert list(channel.window().tracks) == ["v1"] and channel.tracks["a1"].window.highest == last
    await desk.announces()
    await desk.puts(*desk.studio.run(2000))
    for name, track in desk.channel.window().tracks.items():
        there = {path.name for path in (desk.channel.folder / name).glob("*.m4s")}
        assert {f"{s.number}.m4s" for s in track.segments if s.closed and not s.gap} <= there
    desk.journal.close()


# A limit on the size of files stands for a full disk, in the middle of a part and at the closing of a segment.
_FULL = """
import asyncio, resource, signal, sys
from pathlib import Path
from tests.kit.live_media import Studio, segments
from tests.origin.test_channel import Desk, only

async def main():
    desk = Desk(Path(sys.argv[1]), Studio())
    await desk.announces()
    parts = only("v1", desk.studio.run(1900))
    first = [p for p in parts if p.number == parts[0].number]
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    await desk.puts(*first[:2])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    limit = sum(len(p.body) for p in first[:2]) + 100
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    for attempt in range(2):
        try:
            await desk.puts(first[2])
        except OSError as fault:
            print(fault.strerror)
    try:
        await desk.puts(parts[len(first)])  # closes the first: the journal cannot grow
    except OSError as fault:
        print(fault)
    print(desk.files(), desk.numbers("v1"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    await desk.puts(*parts[2:])
    (path,) = (desk.channel.folder / "v1").glob("*.m4s")
    print(path.read_bytes() == segments(parts)["v1", parts[0].number])
    desk.journal.close()

asyncio.run(main())
"""


def test_a_full_disk_takes_nothing_and_loses_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _FULL, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    too_large, again, journal, state, same = done.stdout.splitlines()
    assert too_large == again == "File too large"
    assert journal.startswith("the journal cannot be written")
    assert ".open-" in state and "[1700000000]" in state
    assert same == "True"


async def test_a_folder_that_cannot_be_written_refuses_and_goes_on_later(desk: Desk) -> None:
    await desk.announces()
    first, second, *_ = only("v1", desk.studio.run(1900))
    await desk.puts(first)
    folder = desk.channel.folder / "v1"
    moved = folder.with_name("away")
    shutil.move(folder, moved)
    with pytest.raises(OSError):
        await desk.puts(second)
    shutil.move(moved, folder)
    assert await desk.puts(second) == [True]
