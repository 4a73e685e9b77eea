"""Stream keys on the operator's own box: `secrets/stream-keys.json`, {channel: key}, mode 0600.

The catalog holds hashes only. This file lets `headwater up` print publish URLs with their keys
(docs/decisions/0004-stream-keys-on-the-box.md). It must agree with the catalog after a kill at any moment, so a
change is two steps around the catalog's commit:

    offer(keys)    the new content lies beside the file
    (commit)       the catalog accepts the new key
    accept()       the new content takes the file's place

`settle` at start finds out on which side of the commit the process died: by the hashes.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path

import msgspec

from base.desired import key_hash
from control.files import put_in_place, write_private

FILE = "stream-keys.json"


def new_key() -> str:
    """128 random bits, 22 characters of A-Z a-z 0-9 - _. Never begins with a hyphen: encoders take it as an option."""
    while (key := secrets.token_urlsafe(16)).startswith("-"):
        pass
    return key


class KeyFile:
    """One writer at a time, from `offer` to `accept` or `withdraw`: the API holds a lock."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self._next = folder / f"{FILE}.next"

    def read(self) -> dict[str, str]:
        """{channel: key}; empty if there is no file. Raises OSError that names the file if it is damaged."""
        return _read(self.path)

    def offer(self, keys: Mapping[str, str]) -> None:
        write_private(self._next, msgspec.json.format(msgspec.json.encode(dict(sorted(keys.items())))) + b"\n")

    def accept(self) -> None:
        put_in_place(self._next, self.path)

    def withdraw(self) -> None:
        self._next.unlink(missing_ok=True)

    def settle(self, hashes: Mapping[str, tuple[str, ...]]) -> list[str]:
        """Make the file agree with the catalog's {channel: hashes}; the channels whose key is known to nobody here."""
        held = _read(self.path)

        def valid(keys: dict[str, str]) -> dict[str, str]:
            return {name: key for name, key in keys.items() if key_hash(key) in hashes.get(name, ())}

        kept = valid(held) | valid(_read(self._next))
        if kept != held:
            self.offer(kept)
            self.accept()
        self.withdraw()
        return sorted(set(hashes) - set(kept))


def _read(path: Path) -> dict[str, str]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, str])
    except FileNotFoundError:
        return {}
    except msgspec.DecodeError as fault:
        raise OSError(f"{path} is damaged: delete it, then rotate the channels' keys") from fault
