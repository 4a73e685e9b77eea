"""The memory tier: whole objects by key, bounded in bytes, the least recently used one leaves first.

An object never changes once it is in; one that was validated takes its own place, the body shared. A key may have
several variants (RFC 9111 4.1), each an object of its own. What is larger than a quarter of the tier is not taken: it
would crowd out everything else, so it is streamed.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

# What an object costs besides its body: header fields, keys, the prebuilt answer.
OVERHEAD = 2048
# Of one key; the oldest leaves.
MOST_VARIANTS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One complete answer. `born` is the monotonic time at which its age was 0; `fields` are ready to be sent on.

    `vary`: the request fields that chose it, `variant` their selection (edge/vary.py). `ours`: of a Headwater name,
    open to pages of any origin. `length`: what Content-Length says where there is no body (an answer to HEAD), else -1.
    The rest as in edge.freshness.Lifetime.
    """

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
    while_s: float = 0.0
    strict: bool = False
    ask_first: bool = False
    vary: tuple[str, ...] = ()
    variant: str = ""
    ours: bool = True
    length: int = -1

    @property
    def name(self) -> str:
        """What tells it from all others in the store: no key holds a line end."""
        return f"{self.key}\n{self.variant}" if self.variant else self.key

    def age_s(self, now: float) -> int:
        """Whole seconds, rounded down, as the Age field wants (RFC 9111 5.1). `now` is monotonic."""
        return max(0, int(now - self.born))

    def fresh(self, now: float) -> bool:
        """RFC 9111 4.2: equal is stale."""
        return now - self.born < self.fresh_s and not self.ask_first

    def ttl_s(self, now: float) -> int:
        """Freshness left; negative if it is stale (RFC 9211 2.4)."""
        return math.floor(self.born + self.fresh_s - now)

    def usable_meanwhile(self, now: float) -> bool:
        """May it be given, stale, while it is validated (RFC 5861 3)?"""
        return now - self.born < self.fresh_s + self.while_s

    def usable_stale(self, now: float) -> bool:
        """May it stand in for an upstream that fails (RFC 9111 4.2.4)?"""
        return now - self.born < self.fresh_s + self.stale_s

    @property
    def cost(self) -> int:
        return len(self.body) + OVERHEAD


class MemoryTier:
    """Objects by name. `capacity` in bytes, overhead included."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.bytes = 0
        self._objects: OrderedDict[str, Stored] = OrderedDict()
        self._variants: dict[str, dict[str, None]] = {}  # key -> names of those that vary, oldest first
        self._on_put: list[Callable[[Stored], None]] = []
        self._on_drop: list[Callable[[str], None]] = []

    def __len__(self) -> int:
        return len(self._objects)

    @property
    def largest(self) -> int:
        """The longest body that is taken, in bytes."""
        return self.capacity // 4 - OVERHEAD

    def watch(self, put: Callable[[Stored], None], drop: Callable[[str], None]) -> None:
        """Tell somebody of every object that comes and of every name that goes."""
        self._on_put.append(put)
        self._on_drop.append(drop)

    def get(self, name: str) -> Stored | None:
        found = self._objects.get(name)
        if found is not None:
            self._objects.move_to_end(name)
        return found

    def variants(self, key: str) -> list[Stored]:
        """All that is stored under a key, the newest first; those that vary before the one that does not (RFC 9111
        4.1)."""
        found = [self._objects[name] for name in reversed(self._variants.get(key, ()))]
        plain = self._objects.get(key)
        return [*found, plain] if plain is not None else found

    def touch(self, name: str) -> None:
        """Note a use that did not come through `get`. The name must be in."""
        self._objects.move_to_end(name)

    def put(self, stored: Stored) -> bool:
        """Take an object in place of what was under its name; False if it is too large."""
        name = stored.name
        self.drop(name)
        if len(stored.body) > self.largest:
            return False
        while self._objects and self.bytes + stored.cost > self.capacity:
            self.drop(next(iter(self._objects)))
        self._objects[name] = stored
        if stored.variant:
            siblings = self._variants.setdefault(stored.key, {})
            siblings[name] = None
            if len(siblings) > MOST_VARIANTS:
                self.drop(next(iter(siblings)))
        self.bytes += stored.cost
        for told in self._on_put:
            told(stored)
        return True

    def drop(self, name: str) -> None:
        gone = self._objects.pop(name, None)
        if gone is None:
            return
        self.bytes -= gone.cost
        if gone.variant:
            siblings = self._variants[gone.key]
            del siblings[name]
            if not siblings:
                del self._variants[gone.key]
        for told in self._on_drop:
            told(name)

    def drop_all(self, key: str) -> int:
        """Everything under a key; how many objects that were."""
        gone = self.variants(key)
        for stored in gone:
            self.drop(stored.name)
        return len(gone)
