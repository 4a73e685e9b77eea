"""Assets on disk, and the open ones in memory. One folder an asset: `mezzanine.mp4`, `mezzanine.idx`, `asset.json`.

A folder appears under its asset's name in one rename, after the file was received whole, indexed and planned: what a
PUT refuses leaves nothing behind. Blocking, so called from threads, several at once; only `at_hand` is quick.
"""

from __future__ import annotations

import errno
import mmap
import os
import secrets
import shutil
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import msgspec
import structlog

from base.problems import Problem
from base.reports import AssetReport, TrackReport
from origin.disk import sync_folder, write_whole
from packager import describe
from packager.index import FileKey, Index, StaleIndex, build, from_buffer, to_bytes
from packager.init import generation, init_segment
from packager.movie import read_movie
from packager.plan import Plan, make_plan
from packager.protect import Protection

log = structlog.get_logger("assets")

MEZZANINE = "mezzanine.mp4"
_INDEX = "mezzanine.idx"
_NOTE = "asset.json"


class AssetNote(msgspec.Struct, frozen=True, kw_only=True):
    """The policy that an asset was added with: with the index it makes the plan, and so the edition."""

    target_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """An asset that is open: everything a request needs, nothing to be read again.

    With `protection` it is the view of it under that: edition, init segments and generations are its own.
    """

    asset: str
    file: mmap.mmap
    media: memoryview
    index: Index
    plan: Plan
    tracks: tuple[TrackReport, ...]
    inits: dict[str, bytes]
    generations: dict[str, str]
    protection: Protection | None = None

    def media_of(self, track: str) -> memoryview:
        """The file that the samples of a track lie in."""
        return self.media

    def report(self) -> AssetReport:
        return AssetReport(
            asset=self.asset,
            edition=self.plan.edition,
            duration_ms=round(self.plan.duration * 1000),
            segments=self.plan.count,
            target_ms=self.plan.target_ms,
            bytes=len(self.media),
            tracks=self.tracks,
            switchable=self.plan.switchable,
            notes=self.plan.notes,
        )


class Assets:
    """The assets under one folder; up to `most_open` stay mapped."""

    def __init__(self, folder: Path, most_open: int = 512) -> None:
        self._folder = folder
        self._incoming = folder.parent / "incoming"
        self._most_open = most_open
        self._open: OrderedDict[str, Asset] = OrderedDict()
        self._lock = threading.Lock()  # of _open and _removals, never held during I/O
        self._removals = 0
        folder.mkdir(parents=True, exist_ok=True)
        # what a crash left half received was never acknowledged
        shutil.rmtree(self._incoming, ignore_errors=True)
        self._incoming.mkdir()

    def __len__(self) -> int:
        return len(self._open)

    def incoming(self) -> Path:
        """A folder of its own for one upload; `add` takes it over, `drop` removes it."""
        folder = self._incoming / secrets.token_hex(8)
        folder.mkdir()
        return folder

    def drop(self, incoming: Path) -> None:
        shutil.rmtree(incoming, ignore_errors=True)

    def refuse_taken(self, asset: str) -> None:
        """Raises Problem conflict if there is an asset by this name."""
        if (self._folder / asset).exists():
            raise _taken(asset)

    def add(self, asset: str, incoming: Path, target_ms: int) -> Asset:
        """Index the received file and put it in place. Raises Problem unplayable or conflict; then nothing changed."""
        self.refuse_taken(asset)
        path = incoming / MEZZANINE
        note = AssetNote(target_ms=target_ms)
        with self._lock:
            seen = self._removals
        opened = self._index(asset, path, note)
        write_whole(incoming / _NOTE, msgspec.json.encode(note))
        with open(path, "rb") as file:
            os.fsync(file.fileno())
        sync_folder(incoming)
        try:
            os.rename(incoming, self._folder / asset)
        except OSError as fault:
            if fault.errno in (errno.ENOTEMPTY, errno.EEXIST):
                raise _taken(asset) from fault
            raise
        sync_folder(self._folder)
        self._remember(opened, seen)
        return opened

    def at_hand(self, asset: str) -> Asset | None:
        """The asset if it is open."""
        with self._lock:
            found = self._open.get(asset)
            if found is not None:
                self._open.move_to_end(asset)
            return found

    def get(self, asset: str) -> Asset:
        """Raises Problem unknown if there is none by this name."""
        if found := self.at_hand(asset):
            return found
        folder = self._folder / asset
        with self._lock:
            seen = self._removals
        try:
            note = msgspec.json.decode((folder / _NOTE).read_bytes(), type=AssetNote)
            opened = self._index(asset, folder / MEZZANINE, note)
        except FileNotFoundError:
            raise Problem("unknown", f"there is no asset {asset}", cache_control="public, max-age=2") from None
        self._remember(opened, seen)
        return opened

    def remove(self, asset: str) -> None:
        """Take the asset away. Raises Problem unknown. Responses in flight keep their mapping to the end."""
        grave = self._incoming / f"removed-{secrets.token_hex(8)}"
        try:
            os.rename(self._folder / asset, grave)
        except FileNotFoundError:
            raise Problem("unknown", f"there is no asset {asset}") from None
        with self._lock:
            self._removals += 1
            self._open.pop(asset, None)
        sync_folder(self._folder)
        shutil.rmtree(grave, ignore_errors=True)

    def _remember(self, opened: Asset, seen: int) -> None:
        """Keep it open, unless an asset was removed since `seen`: it might have been this one."""
        with self._lock:
            if self._removals != seen:
                return
            self._open[opened.asset] = opened
            while len(self._open) > self._most_open:
                self._open.popitem(last=False)  # its mapping is closed when the last response lets go of it

    def _index(self, asset: str, path: Path, note: AssetNote) -> Asset:
        with open(path, "rb") as file:
            stat = os.fstat(file.fileno())
            if not stat.st_size:
                raise Problem("unplayable", "the file is empty")
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        media = memoryview(mapped)
        key = FileKey(stat.st_size, stat.st_mtime_ns, stat.st_ino)
        index = self._load_index(path.with_name(_INDEX), key)
        if index is None:
            write_whole(path.with_name(_INDEX), to_bytes(build(read_movie(media), key)))
            index = self._load_index(path.with_name(_INDEX), key)
            assert index is not None
        plan = make_plan(index, note.target_ms)
        inits = {t.track.name: init_segment(t.track.format) for t in plan.tracks}
        return Asset(
            asset=asset,
            file=mapped,
            media=media,
            index=index,
            plan=plan,
            tracks=tuple(describe.of_plan(t, plan.target_duration) for t in plan.tracks),
            inits=inits,
            generations={name: generation(init) for name, init in inits.items()},
        )

    def _load_index(self, path: Path, key: FileKey) -> Index | None:
        """The mapped index if it is there and is of this file."""
        try:
            with open(path, "rb") as file:
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            return from_buffer(memoryview(mapped), key)
        except (OSError, ValueError):
            return None
        except StaleIndex as stale:
            log.warning("index.stale", path=path.name, why=str(stale))
            return None


def _taken(asset: str) -> Problem:
    return Problem("conflict", f"there is an asset {asset}: remove it first or choose another name")
