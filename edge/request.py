"""What a viewer's request wants, and what shape the answer takes. Pure: fields in, values out.

`plan` decides before anything is looked up: which object, under which key. `shape` decides once the object's status,
validators and length are known: all of it, a range of it, or only that it is unchanged. Sections are of RFC 9110.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from base import names, reload
from base.problems import Problem
from edge.freshness import Use, http_date

CMCD_FIELDS = ("CMCD-Object", "CMCD-Request", "CMCD-Session", "CMCD-Status")

# Every answer, problems included, may be read by a page of any origin (Fetch standard, "CORS protocol").
CORS = (
    ("Access-Control-Allow-Origin", "*"),
    (
        "Access-Control-Expose-Headers",
        "Age, Accept-Ranges, Cache-Status, Content-Length, Content-Range, Date, ETag, Retry-After, Server-Timing, "
        "X-Request-Id",
    ),
    ("Timing-Allow-Origin", "*"),
)
PREFLIGHT = (
    ("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS"),
    (
        "Access-Control-Allow-Headers",
        ", ".join(("Range", "If-Range", "If-None-Match", "If-Modified-Since", "Cache-Control", *CMCD_FIELDS)),
    ),
    ("Access-Control-Max-Age", "86400"),
    ("Allow", "GET, HEAD, OPTIONS"),
)
_LICENCE_PREFLIGHT = (
    ("Access-Control-Allow-Methods", "POST, OPTIONS"),
    ("Access-Control-Allow-Headers", "Content-Type"),
    ("Access-Control-Max-Age", "86400"),
    ("Allow", "POST, OPTIONS"),
)
# 15.4.5: what a 304 says of the 200 it stands for.
OF_A_304 = frozenset({"content-location", "date", "etag", "vary", "cache-control", "expires"})

_TAG = re.compile(r'\s*((?:W/)?"[\x21\x23-\x7e\x80-\xff]*")\s*')
_RANGE = re.compile(r"bytes=[ \t]*(\d*)-(\d*)[ \t]*", re.IGNORECASE)


class Action(StrEnum):
    OBJECT = "object"  # from the cache, or through it
    TIME = "time"  # the edge's own clock
    PREFLIGHT = "preflight"
    LICENCE = "licence"  # handed on with its body, never kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is asked. `key` names the object to the cache and is the target towards upstream.

    `held`: upstream may keep the request until the object comes to be.
    """

    action: Action
    key: str = ""
    use: Use = Use.OTHER
    held: bool = False
    body: bool = True
    cmcd: bytes = b""


def plan(method: str, path: str, query: str, fields: Mapping[str, str]) -> Plan:
    """Raises Problem method, unknown or malformed. `path` and `query` are as they came, not percent-decoded."""
    if method == "OPTIONS":
        return Plan(action=Action.PREFLIGHT, body=False)
    if path == names.CLEARKEY_PATH:
        if method != "POST":
            raise Problem("method", "players ask for content keys with POST", allow="POST, OPTIONS")
        return Plan(action=Action.LICENCE, key=path)
    if method not in ("GET", "HEAD"):
        raise Problem("method", "viewers fetch with GET and HEAD", allow="GET, HEAD, OPTIONS")
    body = method == "GET"
    if path == names.TIME_PATH:
        return Plan(action=Action.TIME, body=body)
    key, use, held = wanted(path, query)
    return Plan(action=Action.OBJECT, key=key, use=use, held=held, body=body, cmcd=cmcd(query, fields))


def wanted(path: str, query: str) -> tuple[str, Use, bool]:
    """The policy for an origin of ours: only public names exist, and only `_HLS_` directives count in a query.

    Anything else never reaches upstream, so a viewer cannot load the origin with made-up names or queries.
    Raises Problem unknown, or malformed for directives that cannot be (RFC 8216bis 6.2.5).
    """
    name = names.parse(path)
    if name is None or not name.public:
        raise Problem("unknown", "no object has this path")
    if name.leaf is names.Leaf.MEDIA_PLAYLIST:
        asked = reload.parse(query)
        return (f"{path}?{asked.key}" if asked.key else path), Use.MANIFEST, asked.blocking
    use = Use.MANIFEST if name.leaf in names.MANIFESTS else Use.IMMUTABLE
    # A live segment or part may be asked for as soon as it is hinted (6.2.6): the origin holds the request.
    return path, use, name.kind is names.Kind.LIVE and name.leaf in (names.Leaf.SEGMENT, names.Leaf.PART)


def preflight(path: str) -> tuple[tuple[str, str], ...]:
    """What a page of another origin may do with a path (Fetch standard, "CORS protocol")."""
    return _LICENCE_PREFLIGHT if path == names.CLEARKEY_PATH else PREFLIGHT


def cmcd(query: str, fields: Mapping[str, str]) -> bytes:
    """The viewer's report as it came: the four fields if there is one of them, else the query's (CTA-5004-B 6)."""
    given = [fields[name] for name in CMCD_FIELDS if name in fields]
    if given:
        return "\n".join(given).encode("latin-1", "replace")
    for part in query.split("&") if "CMCD=" in query else ():
        if part.startswith("CMCD="):
            return part[5:].encode("latin-1", "replace")
    return b""


def time_body(now_ms: int) -> bytes:
    """xs:dateTime in UTC with milliseconds, for UTCTiming http-xsdate and http-iso (ISO/IEC 23009-1 5.8.5.7)."""
    stamp = datetime.fromtimestamp(now_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{stamp}.{now_ms % 1000:03d}Z".encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The answer's status and which bytes of the object it carries: `start` up to `stop`, -1 = to the end.

    `content_range` is that field's value (14.4), empty for none.
    """

    status: int
    start: int = 0
    stop: int = -1
    content_range: str = ""


NOT_MODIFIED = Shape(status=304, stop=0)


def shape(
    ask: Mapping[str, str],
    *,
    status: int,
    etag: str,
    last_modified: str,
    date: str,
    length: int | None,
    now_ms: int,
    get: bool = True,
) -> Shape | None:
    """In the order of 13.2.2: If-None-Match, else If-Modified-Since; then Range under If-Range.

    None: the answer depends on the object's length, which is not known yet. Ask again when it is.
    """
    if status != 200:  # 13.2.1: conditions and ranges count only if the plain answer would be 200
        return Shape(status=status)
    if "If-None-Match" in ask:
        if none_match_fails(ask["If-None-Match"], etag):
            return NOT_MODIFIED
    elif "If-Modified-Since" in ask:
        since = http_date(ask["If-Modified-Since"], now_ms)
        # RFC 9111 4.3.2: without Last-Modified the stored Date stands in for it.
        changed = http_date(last_modified or date, now_ms)
        if since is not None and changed is not None and changed <= since:
            return NOT_MODIFIED
    if not get or "Range" not in ask or not _if_range_holds(ask, etag, last_modified, date, now_ms):
        return Shape(status=200)
    return _ranged(ask["Range"], length)


def _ranged(field: str, length: int | None) -> Shape | None:
    """14.1.2, 14.2, 15.5.17. Several ranges, other units and rubbish are ignored, as 14.2 allows."""
    found = _RANGE.fullmatch(field.strip())
    if found is None or (not found[1] and not found[2]):
        return Shape(status=200)
    first, last = _number(found[1]), _number(found[2])
    if first is not None and last is not None and last < first:  # 14.1.1: invalid as a whole
        return Shape(status=200)
    if length is None:
        return None
    if first is None:
        assert last is not None
        start, stop = max(0, length - last), length
        satisfiable = last > 0 and length > 0
    else:
        start, stop = first, length if last is None else min(length, last + 1)
        satisfiable = first < length
    if not satisfiable:
        return Shape(status=416, stop=0, content_range=f"bytes */{length}")
    return Shape(status=206, start=start, stop=stop, content_range=f"bytes {start}-{stop - 1}/{length}")


def _number(digits: str) -> int | None:
    """14.1.2: numbers of any size, without overflow."""
    if not digits:
        return None
    return int(digits) if len(digits) < 19 else 10**18


def none_match_fails(field: str, etag: str) -> bool:
    """13.1.2 with weak comparison (8.8.3.2): True if the object is one of those listed, so the answer is a 304.

    A list that cannot be read, or mixes `*` with tags, matches nothing.
    """
    if field.strip() == "*":
        return True
    listed: set[str] = set()
    at = 0
    while at < len(field):
        if found := _TAG.match(field, at):
            listed.add(found[1].removeprefix("W/"))
            at = found.end()
            if at < len(field) and field[at] != ",":
                return False
        elif field[at] not in ", \t":
            return False
        at += 1
    return bool(etag) and etag.removeprefix("W/") in listed


def _if_range_holds(ask: Mapping[str, str], etag: str, last_modified: str, date: str, now_ms: int) -> bool:
    """13.1.5: a tag must be equal and strong; a date equal to a Last-Modified that is strong (8.8.2.2)."""
    field = ask.get("If-Range")
    if field is None:
        return True
    field = field.strip()
    if '"' in field[:3]:
        return field == etag and not field.startswith("W/")
    wanted_date, modified, made = (http_date(text, now_ms) for text in (field, last_modified, date))
    if wanted_date is None or modified is None or made is None:
        return False
    return wanted_date == modified and made >= modified + 1
