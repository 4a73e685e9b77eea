"""Content keys: where they come from (a port), and the origin's own store of them.

One file an asset, `keys/{asset}.json`, readable by the origin's user alone. A key is made when it is first needed, at
random. It is bound to the asset's file, to the method and to the layout of what is ciphered: where one of these is
another, so are the keys, since packager.cenc counts its IVs anew for each file and must never use one twice.

A key is in no log, no URL and no argument list. Its id is public.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import msgspec
import structlog

from base.problems import Problem
from origin.disk import write_whole
from packager.cenc import LAYOUT, ContentKey, Signal
from packager.index import FileKey
from packager.methods import Method

log = structlog.get_logger("keys")

KINDS = ("video", "audio")
# by kind of track, one key for each crypto period
Keys = dict[str, tuple[ContentKey, ...]]
_PRIVATE_FILE, _PRIVATE_FOLDER = 0o600, 0o700


class KeySource(Protocol):
    """Where keys come from. Blocking: called from threads. May raise Problem: a key server does not answer."""

    def keys(self, asset: str, file: FileKey, method: Method, periods: int = 1) -> Keys:
        """The keys of each kind of track, one for each crypto period, the same each time while the file is the same."""

    def find(self, kid: bytes) -> ContentKey | None:
        """The key with this id, of any asset that there is."""

    def forget(self, asset: str) -> None:
        """The asset is gone: its keys are never needed again."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    scheme: Method
    kind: str
    kid: bytes
    key: bytes
    iv: bytes
    period: int = 0
    signals: tuple[Signal, ...] = ()


class _Note(msgspec.Struct, frozen=True, kw_only=True):
    layout: int
    file: FileKey
    rows: tuple[Row, ...]


# (kind of track, crypto period) that a key is for
Place = tuple[str, int]
Maker = Callable[[str, Method, Sequence[Place]], tuple[Row, ...]]


def at_random(_: str, method: Method, places: Sequence[Place]) -> tuple[Row, ...]:
    """New keys of our own for an asset."""
    return tuple(_make(method, *place) for place in places)


class LocalKeys:
    """The store on this machine's disk. Threads may share it.

    `make` makes what it has not: keys at random, or a key server's (origin.key_server). It is called without the lock,
    since it may take long, and may raise Problem.
    """

    def __init__(self, folder: Path, make: Maker = at_random) -> None:
        self._folder = folder
        self._make = make
        self._lock = threading.Lock()
        self._by_id: dict[bytes, tuple[str, ContentKey]] = {}
        folder.mkdir(parents=True, exist_ok=True, mode=_PRIVATE_FOLDER)
        folder.chmod(_PRIVATE_FOLDER)
        for path in folder.glob("*.json"):
            try:
                note = _read(path)
            except ValueError as fault:
                log.error("keys.damaged", fault=str(fault))
            else:
                self._learn(path.stem, note.rows if note else ())

    def keys(self, asset: str, file: FileKey, method: Method, periods: int = 1) -> Keys:
        wanted = [(kind, period) for kind in KINDS for period in range(periods)]
        with self._lock:
            found = _of(self._rows(asset, file), method)
        if missing := [place for place in wanted if place not in found]:
            made = self._make(asset, method, missing)
            with self._lock:
                rows = self._rows(asset, file)
                found = _of(rows, method)
                # another thread may have been quicker: its keys count
                made = tuple(row for row in made if (row.kind, row.period) not in found)
                if made:
                    self._refuse_known(asset, made)
                    rows += made
                    data = msgspec.json.encode(_Note(layout=LAYOUT, file=file, rows=rows))
                    write_whole(self._path(asset), data, mode=_PRIVATE_FILE)
                    self._learn(asset, rows)
                    found |= _of(made, method)
        return {kind: tuple(_key(found[kind, period]) for period in range(periods)) for kind in KINDS}

    def _rows(self, asset: str, file: FileKey) -> tuple[Row, ...]:
        """What there is for this very file; keys of another one are forgotten."""
        note = _read(self._path(asset))
        rows = note.rows if note and note.layout == LAYOUT and note.file == file else ()
        if note and not rows:
            self._unlearn(asset)
        return rows

    def _refuse_known(self, asset: str, made: Sequence[Row]) -> None:
        """A key server may derive keys from names: a key that another film has would meet its counters again."""
        values = {row.key for row in made}
        if any(owner != asset and key.key in values for owner, key in self._by_id.values()):
            raise Problem("upstream", f"the key server gave {asset} a key of another film: it must give each its own")

    def find(self, kid: bytes) -> ContentKey | None:
        with self._lock:
            found = self._by_id.get(kid)
        return found[1] if found else None

    def forget(self, asset: str) -> None:
        with self._lock:
            self._path(asset).unlink(missing_ok=True)
            self._unlearn(asset)

    def _path(self, asset: str) -> Path:
        return self._folder / f"{asset}.json"

    def _learn(self, asset: str, rows: tuple[Row, ...]) -> None:
        self._by_id.update((row.kid, (asset, _key(row))) for row in rows)

    def _unlearn(self, asset: str) -> None:
        for kid in [kid for kid, (owner, _) in self._by_id.items() if owner == asset]:
            del self._by_id[kid]


def _read(path: Path) -> _Note | None:
    """Raises ValueError on a file that is damaged: keys that are lost must not be replaced in silence."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Note)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError:
        raise ValueError(f"{path} is damaged: restore it, or remove it so that new keys are made") from None


def _of(rows: Sequence[Row], method: Method) -> dict[Place, Row]:
    return {(row.kind, row.period): row for row in rows if row.scheme is method}


def _make(method: Method, kind: str, period: int) -> Row:
    kid, key, iv = (secrets.token_bytes(16) for _ in range(3))
    if method is Method.AES_128:  # an IV for each segment, its number
        iv = b""
    return Row(scheme=method, kind=kind, kid=kid, key=key, iv=iv, period=period)


def _key(row: Row) -> ContentKey:
    return ContentKey(kid=row.kid, key=row.key, iv=row.iv, signals=row.signals)
