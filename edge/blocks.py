"""Objects of which parts are stored: whole blocks, each an object of the store, under one strong validator. Pure.

A *partial* stands for what is known of the whole: its fields, validator, lifetime and length, without a body. Blocks
are found by the validator, so those of a generation fit together whenever they came (RFC 9110 15.3.7.3, RFC 9111 3.4),
and those of another one are never found. Which blocks are present is what the store has.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from edge.store import Stored

SIZE = 1 << 20
_CONTENT_RANGE = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15})")
_RANGE = re.compile(r"bytes=[ \t]*(\d{0,15})-(\d{0,15})[ \t]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Bytes `start` up to `stop` of an object of `total` bytes."""

    start: int
    stop: int
    total: int

    @property
    def is_whole(self) -> bool:
        return self.start == 0 and self.stop == self.total


def first_of(field: str) -> int | None:
    """The block to ask for first, for a request with this Range; None: not one range, so none of this is for it.

    The last bytes are somewhere only who knows the length can say: the first block tells it.
    """
    found = _RANGE.fullmatch(field.strip())
    if found is None or not (found[1] or found[2]):
        return None
    return int(found[1]) // SIZE if found[1] else 0


def asked(index: int) -> str:
    """The Range that asks for a block."""
    return f"bytes={index * SIZE}-{(index + 1) * SIZE - 1}"


def span(status: int, content_range: str, index: int) -> Span | None:
    """What a 206 to `asked(index)` brings, if that is the block that was asked for (RFC 9110 14.4)."""
    found = _CONTENT_RANGE.fullmatch(content_range.strip())
    if status != 206 or found is None:
        return None
    first, last, total = (int(number) for number in found.groups())
    if first != index * SIZE or last + 1 != min(first + SIZE, total):
        return None
    return Span(start=first, stop=last + 1, total=total)


def is_strong(tag: str) -> bool:
    """RFC 9110 8.8.1: only what a strong validator names may be put together of parts."""
    return tag.startswith('"')


def partial_key(key: str) -> str:
    return f"PARTIAL {key}"


def block_key(partial: Stored, index: int) -> str:
    """Of a block of this generation and variant: no key of another kind begins so."""
    return f"BLOCK {index} {partial.etag} {partial.variant!r} {partial.key}"


def block_of(partial: Stored, index: int, body: bytes) -> Stored:
    return replace(partial, key=block_key(partial, index), body=body, fields=(), vary=(), variant="", length=-1)


def whole_of(partial: Stored, body: bytes) -> Stored:
    """RFC 9110 15.3.7.3: all of it is there, so it is a 200."""
    key = partial.key.removeprefix(partial_key(""))
    return replace(partial, key=key, status=200, body=body, length=-1)
