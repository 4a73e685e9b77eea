"""Pictures that were made, on disk: bounded, and lost without harm.

A file is named by what it is a picture of (hashed), by whose it is, and by the CRC-32 of its octets: a file that a
crash left half written does not match and is made again. Blocking, so called from threads, several at once.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
import zlib
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import structlog

log = structlog.get_logger("pictures")

_NEW = ".new"


@dataclass(frozen=True, slots=True)
class _Kept:
    file: str
    size: int


class PictureCache:
    """Least recently used first out. A restart counts all as used when they were written."""

    def __init__(self, folder: Path, capacity: int) -> None:
        self._folder = folder
        self._capacity = capacity
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._lock = threading.Lock()  # of _kept and bytes, never held while a file is read or written
        self.bytes = 0
        folder.mkdir(parents=True, exist_ok=True)
        found = []
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith(_NEW):
                    os.unlink(entry.path)  # a write that a crash cut short
                elif entry.name.count("-") == 2:
                    stat = entry.stat()
                    found.append((stat.st_mtime_ns, entry.name, stat.st_size))
        for _, name, size in sorted(found):
            self._remember(name.rpartition("-")[0], _Kept(name, size))

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, owner: str, key: str) -> bytes | None:
        """What was put, if it is still there and whole."""
        stem = _stem(owner, key)
        with self._lock:
            kept = self._kept.get(stem)
            if kept is None:
                return None
            self._kept.move_to_end(stem)
        try:
            body = (self._folder / kept.file).read_bytes()
        except OSError:
            body = b""
        if f"{zlib.crc32(body):08x}" == kept.file.rpartition("-")[2]:
            return body
        self._drop(stem, kept)
        return None

    def put(self, owner: str, key: str, body: bytes) -> None:
        """Keep it. A disk that cannot is told in the log; then it is made again when it is asked for."""
        stem = _stem(owner, key)
        name = f"{stem}-{zlib.crc32(body):08x}"
        new = self._folder / f"{secrets.token_hex(8)}{_NEW}"
        try:
            new.write_bytes(body)
            os.replace(new, self._folder / name)
        except OSError as fault:
            log.warning("picture.not_kept", fault=str(fault))
            new.unlink(missing_ok=True)
            return
        self._remember(stem, _Kept(name, len(body)))

    def forget(self, owner: str) -> None:
        """Its owner is gone, and so are its pictures."""
        begin = _owner(owner)
        with self._lock:
            gone = [(stem, kept) for stem, kept in self._kept.items() if stem.startswith(begin)]
        for stem, kept in gone:
            self._drop(stem, kept)

    def _remember(self, stem: str, kept: _Kept) -> None:
        with self._lock:
            before = self._kept.pop(stem, None)
            self._kept[stem] = kept
            self.bytes += kept.size - (before.size if before else 0)
            crowded = []
            while self.bytes > self._capacity and self._kept:
                _, oldest = self._kept.popitem(last=False)
                self.bytes -= oldest.size
                crowded.append(oldest)
        if before is not None and before.file != kept.file:
            crowded.append(before)
        for old in crowded:
            (self._folder / old.file).unlink(missing_ok=True)

    def _drop(self, stem: str, kept: _Kept) -> None:
        with self._lock:
            if self._kept.get(stem) == kept:
                del self._kept[stem]
                self.bytes -= kept.size
        (self._folder / kept.file).unlink(missing_ok=True)


def _owner(owner: str) -> str:
    return hashlib.sha256(owner.encode()).hexdigest()[:16]


def _stem(owner: str, key: str) -> str:
    return f"{_owner(owner)}-{hashlib.sha256(key.encode()).hexdigest()[:32]}"
