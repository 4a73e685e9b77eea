"""Delivery directives of a media playlist request (RFC 8216bis 6.2.5) and the query part of a cache key."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl

from base.problems import Problem

_DIGITS = frozenset("0123456789")


@dataclass(frozen=True, slots=True)
class Reload:
    """What a playlist request asks for. msn, part: -1 = not asked. skip: delta update wanted (6.2.5.1)."""

    msn: int = -1
    part: int = -1
    skip: bool = False

    @property
    def blocking(self) -> bool:
        return self.msn >= 0

    @property
    def key(self) -> str:
        """The one spelling by which caches know this request; empty for a plain reload."""
        found = []
        if self.msn >= 0:
            found.append(f"_HLS_msn={self.msn}")
        if self.part >= 0:
            found.append(f"_HLS_part={self.part}")
        if self.skip:
            found.append("_HLS_skip=YES")
        return "&".join(found)


PLAIN = Reload()


def parse(query: str) -> Reload:
    """Read the `_HLS_` directives; other parameters (CMCD among them) do not count.

    Raises Problem malformed: a value that is no decimal number, or a part without msn (6.2.5.2: 400).
    """
    if "_HLS_" not in query:
        return PLAIN
    msn = part = -1
    skip = False
    for name, value in parse_qsl(query, keep_blank_values=True, max_num_fields=64):
        if name == "_HLS_msn":
            msn = _number(name, value)
        elif name == "_HLS_part":
            part = _number(name, value)
        elif name == "_HLS_skip":
            skip = value in ("YES", "v2")
    if part >= 0 and msn < 0:
        raise Problem("malformed", "_HLS_part needs _HLS_msn (RFC 8216bis 6.2.5.2)")
    return Reload(msn, part, skip)


def _number(name: str, value: str) -> int:
    if not value or len(value) > 15 or not _DIGITS.issuperset(value):
        raise Problem("malformed", f"{name} must be a decimal number")
    return int(value)
