"""Playlists and manifests of assets as they were printed, while the asset is what it was."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from origin.asset import Asset

_MOST_OCTETS = 32 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """`asset`: what it was printed of, as the table of assets has it. `fields`: of the answer, but for its length."""

    asset: Asset
    body: bytes
    fields: Mapping[str, str]


class Shelf:
    """By path and query, in their one spelling. Not for several threads at once."""

    def __init__(self, most_octets: int = _MOST_OCTETS) -> None:
        self._most = most_octets
        self._octets = 0
        self._kept: OrderedDict[str, Printed] = OrderedDict()

    def find(self, key: str, asset: Asset | None) -> Printed | None:
        """What was printed of just this asset."""
        found = self._kept.get(key)
        if found is None:
            return None
        if found.asset is not asset:
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return found

    def holds(self, key: str) -> Printed | None:
        """What is kept by this key, of whatever asset."""
        return self._kept.get(key)

    def keep(self, key: str, printed: Printed) -> None:
        """What is larger than a quarter of the shelf is not kept."""
        if key in self._kept:
            self._drop(key)
        if len(printed.body) > self._most // 4:
            return
        self._kept[key] = printed
        self._octets += len(printed.body)
        while self._octets > self._most:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: str) -> None:
        self._octets -= len(self._kept.pop(key).body)
