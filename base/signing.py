"""Signed queries: who holds a key decides which clips and which tracks viewers may ask for.

    sig = KEYID "." hex(HMAC-SHA256(secret, "headwater query 1" LF "/{kind}/{title}" LF canonical query))

The query is as base/select.py spells it. What is signed is the title, not the file: a multivariant playlist hands the
same query on to the media playlists that it names, and neither it nor an origin needs the key for that. A signature
does not end; who may watch at all, and until when, is another question.

Keys lie in a file, one a line: an id, a blank, 32 hex digits or more. The first one signs, all of them are accepted,
so a key is changed by putting a new one on top, and taking the old one out once nobody has addresses of its time.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from base.names import Name

_LINE = re.compile(r"([A-Za-z0-9_-]{1,32})[ \t]+((?:[0-9a-fA-F]{2}){16,64})")
MOST_KEYS = 16


@dataclass(frozen=True, slots=True)
class Key:
    id: str
    secret: bytes = field(repr=False)


class Keys:
    """The first one signs."""

    def __init__(self, keys: Sequence[Key]) -> None:
        self._keys = tuple(keys)

    def sign(self, name: Name, canonical: str) -> str:
        """The value of `sig` for a title and a query."""
        return f"{self._keys[0].id}.{_code(self._keys[0], name, canonical)}"

    def good(self, name: Name, canonical: str, signature: str) -> bool:
        """Was this query signed for this title? Takes the same time whatever is wrong with the code."""
        known, _, code = signature.partition(".")
        found = next((key for key in self._keys if key.id == known), None)
        return found is not None and hmac.compare_digest(_code(found, name, canonical).encode(), code.encode())


def _code(key: Key, name: Name, canonical: str) -> str:
    message = f"headwater query 1\n/{name.kind}/{name.title}\n{canonical}"
    return hmac.new(key.secret, message.encode(), hashlib.sha256).hexdigest()


def read(text: str) -> Keys:
    """The keys of a file. Raises ValueError with the line, never with what stands in it."""
    found: list[Key] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        parts = _LINE.fullmatch(line.strip())
        if parts is None:
            raise ValueError(f"line {number} is no key: write an id, a blank and 32 hex digits or more")
        if any(key.id == parts[1] for key in found):
            raise ValueError(f"line {number} has an id that stands above already")
        found.append(Key(parts[1], bytes.fromhex(parts[2])))
    if not 1 <= len(found) <= MOST_KEYS:
        raise ValueError(f"{len(found)} keys: there must be 1 to {MOST_KEYS}")
    return Keys(found)
