"""Assets on disk, and the open ones in memory. One folder an asset:

    mezzanine.mp4  mezzanine.idx     the file as it was received, and its index
    mezzanine-2.mp4  ...             further files (a ladder, languages), as many as there are
    mezzanine.extents  v1/...        in place of a file: a channel's segments, linked (origin.extents)
    asset.json                       the policy by which it is cut, and what the files were called
    asset.plan                       the segments; made anew if it is not of these files
    text/s1.json  ...                subtitles and captions, as many as there are (origin.text_files)
    marks.json                       chapters, breaks and the like, if there are any (origin.mark_files)
    tracks.json                      which tracks viewers get, if it says so (origin.track_filter)

A folder appears under its asset's name in one rename, after all files were received whole, indexed and planned: what a
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
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import msgspec
import structlog

from base.problems import Problem
from base.select import Term
from origin import extents, mark_files, text_files, track_filter
from origin.asset import Asset
from origin.changes import Changes
from origin.disk import sync_folder, write_whole
from packager import plan_file
from packager.index import FileKey, Index, StaleIndex, build, check, from_buffer, to_bytes
from packager.init import generation, init_segment
from packager.limits import USUAL, Limits
from packager.movie import read_movie
from packager.pieces import read_pieces
from packager.plan_file import Prepared
from packager.policy import Last, Policy

log = structlog.get_logger("assets")

MEZZANINE = "mezzanine.mp4"
_NOTE, _PLAN = "asset.json", "asset.plan"


class AssetNote(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The policy that an asset was added with: with the index it makes the plan, and so the edition.

    `files`: what people call each file, in order; one file without a name if there is none. `notes`: what was said of
    them on their way here.
    """

    target_ms: int
    last: Last = Last.USUAL
    bootstrap_ms: tuple[int, ...] = ()
    files: tuple[str, ...] = ("",)
    notes: tuple[str, ...] = ()

    @property
    def policy(self) -> Policy:
        return Policy(target_ms=self.target_ms, last=self.last, bootstrap_ms=self.bootstrap_ms)


def file_name(number: int) -> str:
    """Of a file of an asset, counted from 0: the first has the name that it had when there was only one."""
    return f"mezzanine-{number + 1}.mp4" if number else MEZZANINE


class Assets:
    """The assets under one folder; up to `most_open` stay mapped. `limits`: of files that come in. `usual`: the filter
    of tracks for assets without one of their own.

    One process keeps them; others of the same origin are its readers, who neither add, remove nor change anything, and
    who see at once what the keeper did: what a request that begins after its answer finds is never what was before.
    """

    def __init__(
        self,
        folder: Path,
        most_open: int = 512,
        *,
        limits: Limits = USUAL,
        usual: tuple[Term, ...] = (),
        reader: bool = False,
    ) -> None:
        self._folder = folder
        self.usual = usual
        self._reader = reader
        self._limits = limits
        self._incoming = folder.parent / "incoming"
        self._most_open = most_open
        self._open: OrderedDict[str, Asset] = OrderedDict()
        self._lock = threading.Lock()  # of _open and _removals, never held during I/O
        self._changing = threading.Lock()  # of texts, one at a time
        folder.mkdir(parents=True, exist_ok=True)
        self._changes = Changes(folder.parent / "changes")
        self._removals = self._changes.count  # of assets, and changes of their texts: as far as _open reflects them
        if reader:
            return
        self._note_change()  # one that a crash kept from being counted
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

    def add(
        self,
        asset: str,
        incoming: Path,
        policy: Policy | int,
        names: tuple[str, ...] = ("",),
        notes: tuple[str, ...] = (),
    ) -> Asset:
        """Index the received files, one for each of `names` (`file_name`), and put them in place.

        `policy`: a whole number stands for a target in ms and nothing else. Raises Problem unplayable or conflict; then
        nothing changed.
        """
        self.refuse_taken(asset)
        if isinstance(policy, int):
            policy = Policy(target_ms=policy)
        note = AssetNote(
            target_ms=policy.target_ms, last=policy.last, bootstrap_ms=policy.bootstrap_ms, files=names, notes=notes
        )
        with self._lock:
            seen = self._removals
        opened = self._opened(asset, incoming, note)
        if not track_filter.playable(opened.filter, opened.tracks):
            has = track_filter.listed(opened.tracks)
            raise Problem("unplayable", f"this node's filter (origin.tracks) leaves nothing of it, it has {has}")
        write_whole(incoming / _NOTE, msgspec.json.encode(note))
        for number in range(len(names)):
            with suppress(FileNotFoundError), open(incoming / file_name(number), "rb") as file:
                os.fsync(file.fileno())  # what it has in place of that file is durable already
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

    def make_index(self, path: Path) -> None:
        """Index a file that was received, beside it. Raises Problem unplayable."""
        self._indexed(path, False)

    def at_hand(self, asset: str) -> Asset | None:
        """The asset if it is open."""
        with self._lock:
            self._catch_up()
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
            self._catch_up()
            seen = self._removals
        try:
            note = msgspec.json.decode((folder / _NOTE).read_bytes(), type=AssetNote)
            opened = self._opened(asset, folder, note)
        except FileNotFoundError:
            raise Problem("unknown", f"there is no asset {asset}", cache_control="public, max-age=2") from None
        self._remember(opened, seen)
        return opened

    def forget(self, asset: Asset, why: StaleIndex) -> None:
        """What is beside its files is damaged: it is made anew when the asset is opened again."""
        log.warning("index.stale", asset=asset.asset, why=str(why))
        with self._lock:
            if self._open.get(asset.asset) is not None:
                del self._open[asset.asset]
            if not self._reader:
                self._note_change()
        for number in range(len(asset.files)):
            (self._folder / asset.asset / file_name(number)).with_suffix(".idx").unlink(missing_ok=True)

    def remove(self, asset: str) -> None:
        """Take the asset away. Raises Problem unknown. Responses in flight keep their mapping to the end."""
        grave = self._incoming / f"removed-{secrets.token_hex(8)}"
        try:
            os.rename(self._folder / asset, grave)
        except FileNotFoundError:
            raise Problem("unknown", f"there is no asset {asset}") from None
        with self._lock:
            self._note_change()
            self._open.pop(asset, None)
        sync_folder(self._folder)
        shutil.rmtree(grave, ignore_errors=True)

    def change(self, asset: str, change: Callable[[Path, Asset], None]) -> Asset:
        """Change what is beside an asset's media, and open it anew. Raises Problem unknown, and as `change`."""
        with self._changing:
            with self._lock:
                seen = self._removals
            opened = self.get(asset)
            folder = self._folder / asset
            change(folder, opened)
            changed = self._dressed(opened, folder)
            with self._lock:
                gone = self._removals != seen
                self._note_change()  # who opens it at this moment may have seen the texts of before
                self._open.pop(asset, None)
                if not gone:
                    self._open[asset] = changed
            return changed

    def _catch_up(self) -> None:
        """A reader lets go of what the keeper may have removed or changed. With the lock held."""
        count = self._changes.count
        if count != self._removals:
            self._removals = count
            self._open.clear()

    def _note_change(self) -> None:
        """To be called after a change is on disk and before it is answered, with the lock held."""
        assert not self._reader, "readers change nothing"
        self._removals = self._changes.bump()

    def _remember(self, opened: Asset, seen: int) -> None:
        """Keep it open, unless an asset was removed or changed since `seen`: it might have been this one."""
        with self._lock:
            if self._removals != seen:
                return
            self._open[opened.asset] = opened
            while len(self._open) > self._most_open:
                self._open.popitem(last=False)  # its mapping is closed when the last response lets go of it

    def _opened(self, asset: str, folder: Path, note: AssetNote) -> Asset:
        """Map the files and what is beside them; make what is not there. Raises Problem unplayable."""
        paths = [folder / file_name(number) for number in range(len(note.files))]
        files, parts = self._mapped(paths, note)
        found = self._stored_plan(folder / _PLAN, parts, note)
        if found is None:
            files, parts = self._mapped(paths, note, whole=True)  # no edition is made of a damaged table
            found = plan_file.prepare(parts, note.files, note.policy)
            write_whole(folder / _PLAN, plan_file.to_bytes(found, parts))
        inits = {t.track.name: init_segment(t.track.format) for t in found.plan.tracks}
        opened = Asset(
            asset=asset,
            files=files,
            names=tuple(name for name in note.files if name),
            notes=note.notes,
            file_of=found.joint.file_of,
            index=found.joint.index,
            plan=found.plan,
            tracks=found.reports,
            inits=inits,
            generations={name: generation(init) for name, init in inits.items()},
            unchecked={t.name for t in found.joint.index.tracks},
        )
        return self._dressed(opened, folder)

    def _dressed(self, opened: Asset, folder: Path) -> Asset:
        """The asset with its texts, marks and filter as they are on disk."""
        dressed = replace(opened, texts=text_files.load(folder, opened.plan), marks=mark_files.load(folder))
        own = track_filter.load(folder)
        return replace(dressed, filter=track_filter.of(own, self.usual, (*dressed.tracks, *dressed.text_reports)))

    def _mapped(
        self, paths: list[Path], note: AssetNote, *, whole: bool = False
    ) -> tuple[tuple[memoryview, ...], list[Index]]:
        files, parts = [], []
        for path, name in zip(paths, note.files, strict=True):
            try:
                media, part = self._indexed(path, whole)
            except Problem as problem:
                if len(paths) > 1:
                    raise Problem(problem.kind.name, f"{name}: {problem.detail}") from problem
                raise
            files.append(media)
            parts.append(part)
        return tuple(files), parts

    def _indexed(self, path: Path, whole: bool) -> tuple[memoryview, Index]:
        """A file and its index, both mapped. `whole`: the tables are compared with their checksums now, not later."""
        listed = None
        if not path.exists():
            path = path.with_suffix(extents.SUFFIX)
            listed = extents.read(path)
        with open(path, "rb") as file:
            stat = os.fstat(file.fileno())
            if not stat.st_size:
                raise Problem("unplayable", "the file is empty")
            # the view holds the mapping: it is closed when the last response lets go of it
            media = (
                self._stretch(path.parent, listed)
                if listed
                else memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
            )
        key = FileKey(stat.st_size, stat.st_mtime_ns, stat.st_ino)
        beside = path.with_suffix(".idx")
        index = self._load_index(beside, key, whole)
        if index is None:
            if listed:
                init, *segments = listed.places
                movie = read_pieces(media, init, segments, self._limits)
            else:
                movie = read_movie(media, self._limits)
            made = to_bytes(build(movie, key))
            write_whole(beside, made)
            index = self._load_index(beside, key, whole)
            if index is None:  # another worker, who finds the old one damaged as well, takes it away just now
                index = from_buffer(memoryview(made), key)
        return media, index

    def _stretch(self, folder: Path, listed: extents.Extents) -> memoryview:
        """Where a process has no mapping left, what is open is let go of first."""
        try:
            return extents.mapped(folder, listed)
        except OSError as fault:
            if fault.errno != errno.ENOMEM:
                raise
        log.warning("assets.no_mappings", folder=folder.name, files=len(listed.files))
        with self._lock:
            self._open.clear()
        return extents.mapped(folder, listed)

    def _load_index(self, path: Path, key: FileKey, whole: bool) -> Index | None:
        """The mapped index if it is there and is of this file."""
        try:
            with open(path, "rb") as file:
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            index = from_buffer(memoryview(mapped), key)
            for track in index.tracks if whole else ():
                check(track)
            return index
        except (OSError, ValueError):
            return None
        except StaleIndex as stale:
            log.warning("index.stale", path=path.name, why=str(stale))
            return None

    def _stored_plan(self, path: Path, parts: list[Index], note: AssetNote) -> Prepared | None:
        try:
            return plan_file.from_bytes(path.read_bytes(), parts, note.policy)
        except FileNotFoundError:
            return None
        except (OSError, StaleIndex) as stale:
            log.warning("plan.stale", asset=path.parent.name, why=str(stale))
            return None


def _taken(asset: str) -> Problem:
    return Problem("conflict", f"there is an asset {asset}: remove it first or choose another name")
