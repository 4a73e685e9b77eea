"""What a viewer's request wants, and what shape the answer takes. Pure: fields in, values out.

`plan` decides before anything is looked up: which object, under which key. `shape` decides once the object's status,
validators and length are known: all of it, a range of it, or only that it is unchanged. Sections are of RFC 9110.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from urllib.parse import unquote

from base import names, reload, select
from base.problems import Problem
from base.signing import Keys
from edge.freshness import Use
from edge.target import path_of

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
# Of live names, those that the origin may hold a request for until they come to be.
_HELD = frozenset({names.Leaf.SEGMENT, names.Leaf.PART, names.Leaf.TILES})


class Action(StrEnum):
    OBJECT = "object"  # from the cache, or through it
    TIME = "time"  # the edge's own clock
    PREFLIGHT = "preflight"
    LICENCE = "licence"  # content keys: handed on, never kept
    LARGE = "large"  # handed through with its ranges, never kept


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


def plan(method: str, path: str, query: str, fields: Mapping[str, str], keys: Keys | None = None) -> Plan:
    """Raises Problem method, unknown or malformed. `path` and `query` are as they came, not percent-decoded.

    `keys`: what queries that choose something must be signed with (Problem forbidden); None: they need not be.
    """
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
    if path.endswith(".key"):
        return Plan(action=Action.LICENCE, key=_key(path), body=body)
    key, use, held = wanted(path, query, keys)
    action = Action.LARGE if use is Use.LARGE else Action.OBJECT
    return Plan(action=action, key=key, use=use, held=held, body=body, cmcd=cmcd(query, fields))


def is_name(target: str) -> bool:
    """Is a request target one of a Headwater origin, or spelt so that a server may take it for one?"""
    path = path_of(target).partition("?")[0]
    if names.parse(path) is not None or path in (names.TIME_PATH, names.CLEARKEY_PATH):
        return True
    plain = posixpath.normpath("/" + unquote(path).lstrip("/"))
    return names.parse(plain) is not None


def _key(path: str) -> str:
    """A content key's name. Raises Problem unknown."""
    name = names.parse(path)
    if name is None or name.leaf not in names.SECRET:
        raise _unknown()
    return path


def _unknown() -> Problem:
    return Problem("unknown", "no object has this path")


def wanted(path: str, query: str, keys: Keys | None = None) -> tuple[str, Use, bool]:
    """The policy for an origin of ours: only public names exist, and in a query only `_HLS_` directives count and what
    base/select.py knows.

    Anything else never reaches upstream, so a viewer cannot load the origin with made-up names or queries.
    Raises Problem unknown, or malformed for directives that cannot be (RFC 8216bis 6.2.5).
    """
    name = names.parse(path)
    if name is None or not name.public or name.leaf in names.SECRET:
        raise _unknown()
    chosen = _chosen(name, query, keys)
    if name.leaf is names.Leaf.MEDIA_PLAYLIST:
        asked = reload.parse(query)
        return _with(path, asked.key, chosen.query), Use.MANIFEST, asked.blocking
    if name.leaf in names.LARGE:
        return path, Use.LARGE, False
    use = Use.MANIFEST if name.leaf in names.MANIFESTS else Use.IMMUTABLE
    # A live segment or part may be asked for as soon as it is hinted (6.2.6): the origin holds the request.
    held = name.kind is names.Kind.LIVE and name.leaf in _HELD
    return _with(path, chosen.query), use, held


def _chosen(name: names.Name, query: str, keys: Keys | None) -> select.Selection:
    """What a query chooses of a title. Raises Problem malformed, or forbidden where it is not signed and has to be."""
    chosen = select.parse(name.leaf, query, signed=keys is not None, live=name.kind is names.Kind.LIVE)
    if keys is not None and chosen.relative:  # what was signed must be what is meant, whenever it is asked for
        raise Problem("forbidden", "start and end need times here that do not depend on now, and a valid sig")
    if keys is None or not chosen:
        return chosen if chosen else select.Selection(marks=chosen.marks)
    if not keys.good(name, chosen.canonical, chosen.signature):
        raise Problem("forbidden", "start, end and tracks need a valid sig here: headwater sign URL makes one")
    return chosen


def _with(path: str, *queries: str) -> str:
    query = "&".join(filter(None, queries))
    return f"{path}?{query}" if query else path


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
