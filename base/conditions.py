"""What shape the answer to a conditional or range request takes: all of it, a range, or only that it is unchanged.

Pure: fields in, values out. For the edge, and for what an origin makes that is too large to be cached whole. Sections
are of RFC 9110.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from base.http_dates import http_date

_TAG = re.compile(r'\s*((?:W/)?"[\x21\x23-\x7e\x80-\xff]*")\s*')
_RANGE = re.compile(r"bytes=[ \t]*(\d*)-(\d*)[ \t]*", re.IGNORECASE)


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
