"""The memory tier: whole objects by key, bounded in bytes, the least recently used one leaves first.

An object never changes once it is in. What is larger than a quarter of the tier is not taken: it would crowd out
everything else, so it is streamed.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

# What an object costs besides its body: header fields, keys, the prebuilt answer.
OVERHEAD = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One complete answer. `born` is the monotonic time at which its age was 0; `fields` are ready to be sent on."""

    key: str
    status: int
    fields: tuple[tuple[str, str], ...]
    body: bytes
    etag: str = ""
    last_modified: str = ""
    date: str = ""
    born: float
    fresh_s: float
    stale_s: float = 0.0

    def age_s(self, now: float) -> int:
        """Whole seconds, rounded down, as the Age field wants (RFC 9111 5.1). `now` is monotonic."""
        return max(0, int(now - self.born))

    def fresh(self, now: float) -> bool:
        """RFC 9111 4.2: equal is stale."""
        return now - self.born < self.fresh_s

    def ttl_s(self, now: float) -> int:
        """Freshness left; negative if it is stale (RFC 9211 2.4)."""
        return math.floor(self.born + self.fresh_s - now)

    def usable_stale(self, now: float) -> bool:
        """May it stand in for an upstream that fails (RFC 9111 4.2.4)?"""
        return now - self.born < self.fresh_s + self.stale_s

    @property
    def cost(self) -> int:
        return len(self.body) + OVERHEAD


class MemoryTier:
    """Objects by key. `capacity` in bytes, overhead included."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.bytes = 0
        self._objects: OrderedDict[str, Stored] = OrderedDict()
        self._on_put: list[Callable[[Stored], None]] = []
        self._on_drop: list[Callable[[str], None]] = []

    def __len__(self) -> int:
        return len(self._objects)

    @property
    def largest(self) -> int:
        """The longest body that is taken, in bytes."""
        return self.capacity // 4 - OVERHEAD

    def watch(self, put: Callable[[Stored], None], drop: Callable[[str], None]) -> None:
        """Tell somebody of every object that comes and of every key that goes."""
        self._on_put.append(put)
        self._on_drop.append(drop)

    def get(self, key: str) -> Stored | None:
        found = self._objects.get(key)
        if found is not None:
            self._objects.move_to_end(key)
        return found

    def touch(self, key: str) -> None:
        """Note a use that did not come through `get`. The key must be in."""
        self._objects.move_to_end(key)

    def put(self, stored: Stored) -> bool:
        """Take an object in place of what was under its key; False if it is too large."""
        self.drop(stored.key)
        if len(stored.body) > self.largest:
            return False
        while self._objects and self.bytes + stored.cost > self.capacity:
            self.drop(next(iter(self._objects)))
        self._objects[stored.key] = stored
        self.bytes += stored.cost
        for told in self._on_put:
            told(stored)
        return True

    def drop(self, key: str) -> None:
        gone = self._objects.pop(key, None)
        if gone is not None:
            self.bytes -= gone.cost
            for told in self._on_drop:
                told(key)
