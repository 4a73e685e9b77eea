"""May an answer be kept, for how long, and how old is it? Pure functions of the header fields and times (RFC 9111).

Of any origin the whole of RFC 9111 for a shared cache holds. Of the names of a Headwater origin a subset does: what
that origin never says is passed on and not stored. Sections are those of RFC 9111 unless another one is named. Times in
seconds as float, wall times in ms since 1970.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from base.http_dates import http_date
from edge.directives import Directives, age_value, delta_seconds, names, of_answer, of_request
from edge.vary import MOST_NAMES, nominated

# Statuses whose caching rules are implemented here. 206 is kept by edge/blocks.py, 304 is no answer of its own.
UNDERSTOOD = frozenset({200, 301, 308, 404, 410})
# RFC 9110 15.1, but 206: these may be given a lifetime by the cache. All are kept as they are, so understood.
HEURISTIC = frozenset({200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501})
# Of the object, whatever was asked: 405, 414 and 501 may be what fields that are not in the key brought about.
_NEGATIVE = frozenset({404, 410})
# 4.2.2: the fraction of (Date - Last-Modified), and where it ends.
_FRACTION, _LONGEST_HEURISTIC_S = 0.1, 86_400.0
# How long a stale manifest may stand in for an upstream that is away, if its lifetime is shorter.
LEAST_STALE_S = 2.0


class Use(StrEnum):
    """What sort of object it is, which decides how stale it may be used when upstream is away."""

    IMMUTABLE = "immutable"  # init segments, segments, parts: without limit
    MANIFEST = "manifest"  # playlists and MPDs: one lifetime, at least LEAST_STALE_S
    OTHER = "other"  # only as its own stale-if-error says
    LARGE = "large"  # as long as a film: never kept
    ANY = "any"  # of any origin: RFC 9111 as it stands


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetime:
    """How one answer may be used. `why` it is not stored, in a word. Seconds; `age_s` is the age when it came.

    `stale_s`: how long past its freshness it may stand in for an upstream that fails; `while_s`: how long it may be
    given while it is validated; `strict`: it is never given stale, whoever would take it; `ask_first`: it is never
    given without validation; `leave_out`: fields that only the request gets that caused the fetch.
    """

    store: bool
    why: str = ""
    fresh_s: float = 0.0
    age_s: float = 0.0
    stale_s: float = 0.0
    while_s: float = 0.0
    strict: bool = False
    ask_first: bool = False
    leave_out: frozenset[str] = frozenset({"set-cookie"})


def lifetime(
    ask: Mapping[str, str],
    status: int,
    fields: Mapping[str, str],
    *,
    use: Use,
    delay_s: float,
    received_ms: int,
    negative_s: float = 0.0,
    default_stale_s: float = 0.0,
) -> Lifetime:
    """What may be done with the answer `status`, `fields` to a GET or HEAD that carried the fields `ask`.

    Mappings compare names without case; lines of one name are joined with commas (RFC 9110 5.3). `delay_s` is the
    time from the request to the answer's header; 0 for an answer that upstream held until it came to be, since the
    wait was then no transit (RFC 8216bis 6.2.5.2: players tune in by Age). `negative_s`: of a refusal that states none.
    `default_stale_s`: RFC 5861 4 of what says nothing of it (4.2.4 leaves that to configuration).
    """
    said, is_targeted = of_answer(fields)
    full = use is Use.ANY
    why = (_unstorable if full else _unstorable_of_ours)(ask, status, fields, said, is_targeted)
    if why:
        return Lifetime(store=False, why=why)
    fresh = _fresh_s(said, fields, received_ms, expires=not is_targeted)
    if fresh is None and full:
        fresh = _heuristic_s(said, status, fields, received_ms, negative_s)
    if fresh is None:
        return Lifetime(store=False, why="no-lifetime")
    age = float(age_value(fields.get("Age")) + max(0.0, delay_s))
    if full:
        date = http_date(fields.get("Date", ""), received_ms)
        age = max(age, received_ms / 1000 - date if date is not None else 0.0)  # 4.2.3: apparent_age
    strict = bool({"must-revalidate", "proxy-revalidate", "s-maxage"} & said.keys())  # 4.2.4, 5.2.2.10
    ask_first = "no-cache" in said and not names(said["no-cache"])  # 5.2.2.4
    stale = _stale_s(said, status, use, fresh, default_stale_s, strict=strict or ask_first)
    renews = 0.0 if strict or ask_first else float(delta_seconds(said.get("stale-while-revalidate")))  # RFC 5861 3
    if fresh <= age or ask_first:  # 4.2: equal is stale
        validator = "ETag" in fields or "Last-Modified" in fields
        usable = not ask_first and fresh + max(stale, renews) > age
        if not full or not (validator or usable):  # it would never be used
            return Lifetime(store=False, why="stale")
    return Lifetime(
        store=True,
        fresh_s=fresh,
        age_s=age,
        stale_s=stale,
        while_s=renews if full else 0.0,
        strict=strict,
        ask_first=ask_first,
        leave_out=names(said.get("no-cache")) | names(said.get("private")) | {"set-cookie"},
    )


def _unstorable(
    ask: Mapping[str, str], status: int, fields: Mapping[str, str], said: Directives, is_targeted: bool
) -> str:
    """Section 3 for any origin: why an answer may not be stored, or "" if it may."""
    if status < 200 or status in (206, 304):
        return "status"
    if "must-understand" in said:  # 5.2.2.3: no-store is for those who do not understand the status
        if status not in HEURISTIC:
            return "status"
    elif "no-store" in said:  # 5.2.2.5
        return "no-store"
    if "private" in said and not names(said["private"]):  # 5.2.2.7
        return "private"
    if "no-store" in of_request(ask):  # 5.2.1.5
        return "request-no-store"
    if "Authorization" in ask and not {"public", "s-maxage", "must-revalidate"} & said.keys():  # 3.5
        return "authorization"
    shared = is_targeted or bool({"public", "s-maxage"} & said.keys())
    if "Set-Cookie" in fields and not shared:  # 7.3 allows it; a cookie is more often meant for one than not
        return "set-cookie"
    if "Content-Range" in fields:
        return "partial"
    varies = nominated(fields.get("Vary"))
    if varies is None or len(varies) > MOST_NAMES:  # 4.1: `*` matches nothing
        return "vary"
    stated = {"public", "max-age", "s-maxage"} & said.keys() or ("Expires" in fields and not is_targeted)
    return "" if stated or status in HEURISTIC else "status"


def _unstorable_of_ours(
    ask: Mapping[str, str], status: int, fields: Mapping[str, str], said: Directives, is_targeted: bool
) -> str:
    """The same for names of a Headwater origin."""
    if status not in UNDERSTOOD:
        return "status"
    for name in ("no-store", "private", "no-cache"):  # 5.2.2.5, 5.2.2.7; 5.2.2.4: we would have to validate
        if name in said:
            return name
    if "no-store" in of_request(ask):  # 5.2.1.5
        return "request-no-store"
    if "Authorization" in ask and not {"public", "s-maxage", "must-revalidate"} & said.keys():  # 3.5
        return "authorization"
    if "Set-Cookie" in fields:  # 7.3 allows it, nobody wants it
        return "set-cookie"
    if "Content-Range" in fields:
        return "partial"
    coded = fields.get("Content-Encoding", "identity").strip().lower() != "identity"
    varies = nominated(fields.get("Vary"))
    # 4.1: we ask for the identity coding only, and every client may be given that (RFC 9110 12.5.3).
    if varies is None or set(varies) - {"accept-encoding"} or (varies and coded):
        return "vary"
    return ""


def _fresh_s(said: Directives, fields: Mapping[str, str], received_ms: int, *, expires: bool) -> float | None:
    """4.2.1 for a shared cache: s-maxage, else max-age, else Expires - Date; None if nothing is stated."""
    for name in ("s-maxage", "max-age"):
        if name in said:
            return float(delta_seconds(said[name]))
    if not expires or "Expires" not in fields:
        return None
    until = http_date(fields["Expires"], received_ms)
    if until is None:  # 5.3: unreadable, above all 0: already expired
        return 0.0
    date = http_date(fields.get("Date", ""), received_ms)
    return max(0.0, until - (received_ms / 1000 if date is None else date))


def _heuristic_s(
    said: Directives, status: int, fields: Mapping[str, str], received_ms: int, negative_s: float
) -> float | None:
    """4.2.2: a tenth of the time since the last change; 0, to be validated, where there is a validator only."""
    if status in _NEGATIVE and negative_s:
        return negative_s
    if status not in HEURISTIC and "public" not in said:
        return None
    modified = http_date(fields.get("Last-Modified", ""), received_ms)
    date = http_date(fields.get("Date", ""), received_ms)
    if modified is None:
        return 0.0 if "ETag" in fields else None
    since = (received_ms / 1000 if date is None else date) - modified
    return min(_LONGEST_HEURISTIC_S, max(0.0, _FRACTION * since))


def _stale_s(said: Directives, status: int, use: Use, fresh: float, default: float, *, strict: bool) -> float:
    """How long past its freshness an answer may stand in for an upstream that fails (4.2.4, RFC 5861 4)."""
    if strict or (status != 200 and use is not Use.ANY):
        return 0.0
    stated = float(delta_seconds(said["stale-if-error"])) if "stale-if-error" in said else 0.0
    match use:
        case Use.IMMUTABLE:
            return math.inf
        case Use.MANIFEST:
            return max(stated, LEAST_STALE_S, fresh)
        case Use.OTHER | Use.LARGE:
            return stated
        case Use.ANY:
            return stated if "stale-if-error" in said else default
