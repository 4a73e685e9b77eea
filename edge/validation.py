"""Asking upstream whether what is stored is still right, and what its answer changes (RFC 9111 4.3, 3.2). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from edge.freshness import Lifetime
from edge.hops import Head
from edge.store import Stored

# 3.2: of the message, not of what is stored.
_NOT_UPDATED = frozenset({"content-length", "content-range", "transfer-encoding", "age"})


def conditions(stored: Stored) -> dict[str, str]:
    """4.3.1: what to send along. Empty if there is nothing to compare."""
    found = {}
    if stored.etag:
        found["If-None-Match"] = stored.etag
    if stored.last_modified:
        found["If-Modified-Since"] = stored.last_modified
    return found


def confirms(stored: Stored, fields: Mapping[str, str]) -> bool:
    """4.3.4: does a 304 with these fields mean this object? A strong tag must be the same one, a weak one weakly.

    Without any validator it means the one that we asked about: there was no other in the question.
    """
    tag = fields.get("ETag", "")
    if not tag:
        said = fields.get("Last-Modified", "")
        return not said or not stored.last_modified or said == stored.last_modified
    if not stored.etag:
        return not tag.startswith("W/")  # it had no tag before and gets one
    if tag.startswith("W/"):
        return tag.removeprefix("W/") == stored.etag.removeprefix("W/")
    return tag == stored.etag or f"W/{tag}" == stored.etag


def merged(stored: Stored, head: Head) -> tuple[tuple[str, str], ...]:
    """3.2: each field that came takes the place of all old lines of its name; what did not come stays."""
    came = [(name, value) for name, value in head.fields if name.lower() not in _NOT_UPDATED]
    new = {name.lower() for name, _ in came}
    return (*((name, value) for name, value in stored.fields if name.lower() not in new), *came)


def renewed(stored: Stored, fields: tuple[tuple[str, str], ...], life: Lifetime, born: float) -> Stored:
    """The same body with new fields and a new lifetime. `born` as in Stored."""
    said = {name.lower(): value for name, value in fields}
    return replace(
        stored,
        fields=tuple(field for field in fields if field[0].lower() not in life.leave_out),
        etag=said.get("etag", ""),
        last_modified=said.get("last-modified", ""),
        date=said.get("date", ""),
        born=born,
        fresh_s=life.fresh_s,
        stale_s=life.stale_s,
        while_s=life.while_s,
        strict=life.strict,
        ask_first=life.ask_first,
    )


def same_by_head(stored: Stored, fields: Mapping[str, str]) -> bool:
    """4.3.5: is an answer 200 to HEAD about what is stored? Validators and length, as far as they came, are equal."""
    return (
        fields.get("ETag", stored.etag) == stored.etag
        and fields.get("Last-Modified", stored.last_modified) == stored.last_modified
        and fields.get("Content-Length", str(len(stored.body))) == str(len(stored.body))
    )
