"""May an answer be kept, for how long, and how old is it? Pure functions of the header fields and times (RFC 9111).

A correct subset: what is not understood is passed on and not stored. Not here yet: validation towards upstream,
heuristic freshness, CDN-Cache-Control (RFC 9213), stale-while-revalidate, variants. Sections are those of RFC 9111
unless another one is named. Times in seconds as float, wall times in ms since 1970.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from base.http_dates import http_date

# 1.2.2: a delta beyond what the cache can hold counts as 2^31.
_MOST = 2_147_483_648
_DIRECTIVE = re.compile(r'\s*([!#$%&\'*+.^_`|~0-9A-Za-z-]+)(?:=(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?\s*(?:,|$)')

# Statuses whose caching rules are implemented here. 206 is never asked for, 304 never provoked.
UNDERSTOOD = frozenset({200, 301, 308, 404, 410})
# How long a stale manifest may stand in for an upstream that is away, if its lifetime is shorter.
LEAST_STALE_S = 2.0


class Use(StrEnum):
    """What sort of object it is, which decides how stale it may be used when upstream is away."""

    IMMUTABLE = "immutable"  # init segments, segments, parts: without limit
    MANIFEST = "manifest"  # playlists and MPDs: one lifetime, at least LEAST_STALE_S
    OTHER = "other"  # only as its own stale-if-error says
    LARGE = "large"  # as long as a film: never kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetime:
    """How one answer may be used. `why` it is not stored, in a word. Seconds; `age_s` is the age when it came."""

    store: bool
    why: str = ""
    fresh_s: float = 0.0
    age_s: float = 0.0
    stale_s: float = 0.0


def lifetime(
    ask: Mapping[str, str],
    status: int,
    fields: Mapping[str, str],
    *,
    use: Use,
    delay_s: float,
    received_ms: int,
) -> Lifetime:
    """What may be done with the answer `status`, `fields` to a GET that carried the fields `ask`.

    Mappings compare names without case; lines of one name are joined with commas (RFC 9110 5.3). `delay_s` is the
    time from the request to the answer's header; 0 for an answer that upstream held until it came to be, since the
    wait was then no transit (RFC 8216bis 6.2.5.2: players tune in by Age).
    """
    if why := _unstorable(ask, status, fields):
        return Lifetime(store=False, why=why)
    said = directives(fields.get("Cache-Control", ""))
    fresh = _fresh_s(said, fields, received_ms)
    if fresh is None:
        return Lifetime(store=False, why="no-lifetime")
    age = float(age_value(fields.get("Age")) + max(0.0, delay_s))
    if fresh <= age:  # 4.2: equal is stale. Nothing here validates, so it would never be used
        return Lifetime(store=False, why="stale")
    return Lifetime(store=True, fresh_s=fresh, age_s=age, stale_s=_stale_s(said, status, use, fresh))


def _unstorable(ask: Mapping[str, str], status: int, fields: Mapping[str, str]) -> str:
    """Section 3: why an answer may not be stored, or "" if it may."""
    said = directives(fields.get("Cache-Control", ""))
    if status not in UNDERSTOOD:
        return "status"
    for name in ("no-store", "private", "no-cache"):  # 5.2.2.5, 5.2.2.7; 5.2.2.4: we would have to validate
        if name in said:
            return name
    if "no-store" in directives(ask.get("Cache-Control", "")):  # 5.2.1.5
        return "request-no-store"
    if "Authorization" in ask and not {"public", "s-maxage", "must-revalidate"} & said.keys():  # 3.5
        return "authorization"
    if "Set-Cookie" in fields:  # 7.3 allows it, nobody wants it
        return "set-cookie"
    if "Content-Range" in fields:
        return "partial"
    coded = fields.get("Content-Encoding", "identity").strip().lower() != "identity"
    varies = {name.strip().lower() for name in fields.get("Vary", "").split(",")} - {""}
    # 4.1: we ask for the identity coding only, and every client may be given that (RFC 9110 12.5.3).
    if varies - {"accept-encoding"} or (varies and coded):
        return "vary"
    return ""


def _fresh_s(said: Mapping[str, str | None], fields: Mapping[str, str], received_ms: int) -> float | None:
    """4.2.1 for a shared cache: s-maxage, else max-age, else Expires - Date; None if nothing is stated."""
    for name in ("s-maxage", "max-age"):
        if name in said:
            return float(delta_seconds(said[name]))
    if "Expires" not in fields:
        return None
    expires = http_date(fields["Expires"], received_ms)
    if expires is None:  # 5.3: unreadable, above all 0: already expired
        return 0.0
    date = http_date(fields.get("Date", ""), received_ms)
    return max(0.0, expires - (received_ms / 1000 if date is None else date))


def _stale_s(said: Mapping[str, str | None], status: int, use: Use, fresh: float) -> float:
    """How long past its freshness an answer may stand in for an upstream that fails (4.2.4, RFC 5861 4)."""
    if status != 200 or {"must-revalidate", "proxy-revalidate", "s-maxage"} & said.keys():
        return 0.0
    stated = float(delta_seconds(said["stale-if-error"])) if "stale-if-error" in said else 0.0
    match use:
        case Use.IMMUTABLE:
            return math.inf
        case Use.MANIFEST:
            return max(stated, LEAST_STALE_S, fresh)
        case Use.OTHER | Use.LARGE:
            return stated


def directives(field: str) -> dict[str, str | None]:
    """Cache-Control as a mapping, names in lower case, None without an argument. The first of two counts (4.2.1).

    A member that cannot be read is left out, the rest still counts (5.2.3).
    """
    found: dict[str, str | None] = {}
    at = 0
    while at < len(field):
        member = _DIRECTIVE.match(field, at)
        if member is None:
            comma = field.find(",", at)
            if comma < 0:
                break
            at = comma + 1
            continue
        name, quoted, token = member.groups()
        value = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else token
        found.setdefault(name.lower(), value)
        at = member.end()
    return found


def delta_seconds(value: str | None) -> int:
    """1.2.2. Empty, negative or no integer: 0, stale at once (4.2.1)."""
    if value is None or not value.isascii() or not value.isdecimal():
        return 0
    return min(_MOST, int(value)) if len(value) < 12 else _MOST


def age_value(field: str | None) -> int:
    """5.1: the first member of a list; no non-negative integer: as if absent."""
    return delta_seconds(field.split(",")[0].strip()) if field else 0
