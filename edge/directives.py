"""Cache-Control as a mapping, and which field of an answer speaks for us. Pure; sections are those of RFC 9111.

Names in lower case, None for a directive without an argument. Fields are given with lines of one name joined.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import http_sf

# 1.2.2: a delta beyond what the cache can hold counts as 2^31.
_MOST = 2_147_483_648
_NUMBERS = frozenset({"max-age", "s-maxage", "stale-while-revalidate", "stale-if-error"})
_DIRECTIVE = re.compile(r'\s*([!#$%&\'*+.^_`|~0-9A-Za-z-]+)(?:=(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?\s*(?:,|$)')
_WORD = re.compile(r"[a-z-]+")
# What holds also where its member cannot be read, as in `private; max-age=9`: else what is one's would go to others.
_FORBIDS = frozenset({"no-store", "private", "no-cache", "must-revalidate", "proxy-revalidate"})
_NAMING = frozenset({"private", "no-cache"})
# RFC 9213 2.2: the most specific first.
TARGETED = ("Headwater-Cache-Control", "CDN-Cache-Control")

Directives = Mapping[str, str | None]


def directives(field: str) -> dict[str, str | None]:
    """The first of two with one name counts (4.2.1), of those that name fields both do. A member that cannot be read
    is left out (5.2.3), but not what it forbids."""
    found: dict[str, str | None] = {}
    at = 0
    while at < len(field):
        member = _DIRECTIVE.match(field, at)
        if member is None:
            comma = field.find(",", at)
            member_end = len(field) if comma < 0 else comma
            found |= dict.fromkeys(_FORBIDS & set(_WORD.findall(field[at:member_end].lower())))
            if comma < 0:
                break
            at = comma + 1
            continue
        name, quoted, token = member.groups()
        value = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else token
        name = name.lower()
        if name in _NAMING and name in found:
            value = f"{found[name]}, {value}" if names(found[name]) and names(value) else None
            found[name] = value
        found.setdefault(name, value)
        at = member.end()
    return found


def of_answer(fields: Mapping[str, str]) -> tuple[dict[str, str | None], bool]:
    """What an answer says to us, and whether a field that targets us says it: Cache-Control and Expires are then
    ignored altogether (RFC 9213 2.2)."""
    for name in TARGETED:
        if name in fields and (said := targeted(fields[name])) is not None:
            return said, True
    return directives(fields.get("Cache-Control", "")), False


def of_request(fields: Mapping[str, str]) -> dict[str, str | None]:
    """5.2.1; 5.4: `Pragma: no-cache` counts where there is no Cache-Control."""
    if "Cache-Control" in fields:
        return directives(fields["Cache-Control"])
    pragma = directives(fields.get("Pragma", ""))
    return {"no-cache": None} if "no-cache" in pragma else {}


def targeted(field: str) -> dict[str, str | None] | None:
    """RFC 9213 2.1: a Dictionary (RFC 9651 3.2). None if it is empty or cannot be parsed, which is as if absent.

    A directive whose value has the wrong type is left out; parameters are ignored.
    """
    try:
        parsed = http_sf.parse(field.encode("ascii"), tltype="dictionary")
    except (http_sf.StructuredFieldError, UnicodeEncodeError):
        return None
    if not parsed:
        return None
    assert isinstance(parsed, dict)
    found: dict[str, str | None] = {}
    for name, member in parsed.items():
        value = member[0] if isinstance(member, tuple) else None
        if name in _NUMBERS:
            if isinstance(value, int) and not isinstance(value, bool):
                found[name] = str(value)
        elif value is True:
            found[name] = None
        elif isinstance(value, str) and name in ("private", "no-cache"):
            found[name] = value
    return found


def delta_seconds(value: str | None) -> int:
    """1.2.2. Empty, negative or no integer: 0, stale at once (4.2.1)."""
    if value is None or not value.isascii() or not value.isdecimal():
        return 0
    return min(_MOST, int(value)) if len(value) < 12 else _MOST


def age_value(field: str | None) -> int:
    """5.1: the first member of a list; no non-negative integer: as if absent."""
    return delta_seconds(field.split(",")[0].strip()) if field else 0


def names(value: str | None) -> frozenset[str]:
    """The field names in `no-cache="..."` and `private="..."` (5.2.2.4, 5.2.2.7), in lower case."""
    return frozenset(name.strip().lower() for name in (value or "").split(",")) - {""}
