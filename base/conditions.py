"""What shape the answer to a conditional or range request takes: all of it, a range, or only that it is unchanged.

Pure: fields in, values out. For the edge, and for what an origin makes that is too large to be cached whole. Sections
are of RFC 9110.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from base.http_dates import http_date

_TAG = re.compile(r'((?:W/)?"[^\x00-\x20"\x7f]*")[ \t]*')
# 14.2, 17.15: more ranges than this, once near ones are joined, are ignored.
MOST_PARTS = 16
# 15.3.7.2: a part's header takes about as much; what is nearer than that is cheaper to send along.
_NEAR = 80
_LONGEST_RANGES = 1024
_RANGE = re.compile(r"bytes=[ \t]*(\d*)-(\d*)[ \t]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The answer's status and which bytes of the object it carries: `start` up to `stop`, -1 = to the end.

    `content_range` is that field's value (14.4), empty for none. `parts`: the ranges of a multipart answer (15.3.7.2).
    """

    status: int
    start: int = 0
    stop: int = -1
    content_range: str = ""
    parts: tuple[tuple[int, int], ...] = ()


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
    multipart: bool = False,
) -> Shape | None:
    """In the order of 13.2.2: If-None-Match, else If-Modified-Since; then Range under If-Range.

    `multipart`: several ranges may be asked for; else they are ignored, as 14.2 allows.

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
    found = _ranged(ask["Range"], length)
    if multipart and found is not None and found.status == 200 and "," in ask["Range"]:
        return _several(ask["Range"], length)
    return found


def preconditions_hold(ask: Mapping[str, str], *, etag: str, last_modified: str, now_ms: int) -> bool:
    """If-Match with strong comparison (13.1.1), else If-Unmodified-Since (13.1.4), of an object that there is."""
    if "If-Match" in ask:
        field = ask["If-Match"].strip()
        listed = tags(field)
        return field == "*" or (listed is not None and not etag.startswith("W/") and etag in listed)
    if "If-Unmodified-Since" in ask:
        since = http_date(ask["If-Unmodified-Since"], now_ms)
        changed = http_date(last_modified, now_ms)
        return since is None or (changed is not None and changed <= since)
    return True


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


def _several(field: str, length: int | None) -> Shape | None:
    """14.1.1, 14.2: a list with rubbish in it is no range at all; what cannot be satisfied is left out."""
    unit, equals, rest = field.strip().partition("=")
    members = [member.strip() for member in rest.split(",") if member.strip()]
    if unit.lower() != "bytes" or not equals or len(field) > _LONGEST_RANGES or not members:
        return Shape(status=200)
    if length is None:
        return None
    found: list[tuple[int, int]] = []
    for member in members:
        one = _ranged(f"bytes={member}", length)
        assert one is not None
        if one.status == 200:
            return one
        if one.status == 206:
            found = _with(found, one.start, one.stop)
    if not found:
        return Shape(status=416, stop=0, content_range=f"bytes */{length}")
    if len(found) == 1:
        ((start, stop),) = found
        return Shape(status=206, start=start, stop=stop, content_range=f"bytes {start}-{stop - 1}/{length}")
    return Shape(status=200) if len(found) > MOST_PARTS else Shape(status=206, parts=tuple(found))


def _with(found: list[tuple[int, int]], start: int, stop: int) -> list[tuple[int, int]]:
    """One range more, joined with those that it overlaps or nearly touches, in the place of the first of them."""
    kept: list[tuple[int, int]] = []
    place = -1
    for other in found:
        if start <= other[1] + _NEAR and other[0] <= stop + _NEAR:
            start, stop = min(start, other[0]), max(stop, other[1])
            place = len(kept) if place < 0 else place
        else:
            kept.append(other)
    kept.insert(len(kept) if place < 0 else place, (start, stop))
    return kept


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
    listed = tags(field)
    return bool(etag) and listed is not None and etag.removeprefix("W/") in {tag.removeprefix("W/") for tag in listed}


def tags(field: str) -> set[str] | None:
    """The entity tags of a list (13.1.1, 13.1.2) as they are spelt; None if it cannot be read."""
    listed: set[str] = set()
    at = 0
    while at < len(field):
        if found := _TAG.match(field, at):
            listed.add(found[1])
            at = found.end()
            if at < len(field) and field[at] != ",":
                return None
        elif field[at] not in ", \t":
            return None
        at += 1
    return listed


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
