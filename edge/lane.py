"""The edge's express lane (node.express): hits, with the Age of this second and the CMCD report set aside."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable

from base.records import Delivery
from edge.counts import Counts
from edge.request import CORS
from edge.store import MemoryTier, Stored
from node.clock import Clock
from node.express import LONGEST_HEAD, PLAIN, VERSION, PlainHeads

# PLAIN with CMCD in header fields, which differ from request to request: judged, but not remembered.
PLAIN_WITH_CMCD = re.compile(PLAIN.pattern.replace(rb"|cmcd-", b""), re.IGNORECASE)
_CMCD_FIELD = re.compile(rb"\r\ncmcd-(?:object|request|session|status):[ \t]*([^\r]*)", re.IGNORECASE)
_REPORT = re.compile(rb"[!-~]*")

# Up to this length a body is joined with its header: one small copy each second saves a vector on each write.
_JOINED = 16 << 10


class Hot:
    """A stored object with its answer prebuilt. `until`: the monotonic time up to which `parts` are right."""

    __slots__ = ("_before_age", "parts", "path", "size", "stored", "until", "whole")

    def __init__(self, stored: Stored) -> None:
        self.stored = stored
        self.path = stored.key
        self.size = len(stored.body)
        self.until = -1.0
        self.whole = b""
        self.parts: tuple[bytes, bytes] = (b"", b"")
        lines = [f"{name}: {value}\r\n" for name, value in fields_of(stored, "Headwater; hit")]
        self._before_age = f"HTTP/1.1 200 OK\r\n{''.join(lines)}Content-Length: {self.size}\r\nAge: ".encode(
            "utf-8", "surrogateescape"
        )

    def renew(self, now: float) -> bool:
        """Put in the Age of this second (RFC 9111 5.1); False if the object is no longer fresh."""
        stored = self.stored
        if not stored.fresh(now):
            return False
        age = stored.age_s(now)
        self.until = min(stored.born + age + 1, stored.born + stored.fresh_s)
        head = b"%b%d\r\n\r\n" % (self._before_age, age)
        if self.size <= _JOINED:
            self.whole = head + stored.body
        else:
            self.parts = (head, stored.body)
        return True


def fields_of(stored: Stored, cache_status: str) -> list[tuple[str, str]]:
    """The fields of an answer from the store, without Age and Content-Length. Cache-Status is appended (RFC 9211 2)."""
    fields = [(name, value) for name, value in stored.fields if name.lower() not in ("cache-status", "accept-ranges")]
    before = [value for name, value in stored.fields if name.lower() == "cache-status"]
    fields.append(("Cache-Status", ", ".join([*before, cache_status])))
    if stored.status == 200:
        fields.append(("Accept-Ranges", "bytes"))
    if stored.ours:
        fields += [("Server", "Headwater"), *CORS]
    return fields


class Lane:
    """The hot table and what a hit needs; one per process."""

    def __init__(self, store: MemoryTier, clock: Clock, counts: Counts, sink: Callable[[Delivery], None]) -> None:
        self.hot: dict[bytes, Hot] = {}
        self.counts = counts
        self._store = store
        self._clock = clock
        self._sink = sink
        self._monotonic = clock.monotonic
        self._plain = PlainHeads()
        self._run = secrets.token_hex(5)
        store.watch(self._put, self._drop)

    def _put(self, stored: Stored) -> None:
        if stored.status == 200:
            self.hot[stored.key.encode()] = Hot(stored)

    def _drop(self, key: str) -> None:
        self.hot.pop(key.encode(), None)

    def answer(self, data: bytes, transport: asyncio.WriteTransport) -> bool:
        """Write the answer if `data` is one plain GET of a fresh hot object; False if aiohttp has to look at it."""
        end = data.find(VERSION)
        if end < 0 or not data.startswith(b"GET /"):
            return False
        target = data[4:end]
        report = b""
        found = self.hot.get(target)
        if found is None:
            # A CMCD report is no part of the key (CTA-5004-B 6): players append it as the last parameter.
            before, mark, report = target.partition(b"CMCD=")
            if not mark or before[-1:] not in (b"?", b"&") or b"&" in report or not _REPORT.fullmatch(report):
                return False
            found = self.hot.get(before[:-1])
            if found is None:
                return False
        head = data[end + 11 :]
        if head not in self._plain:
            if len(head) > LONGEST_HEAD or not PLAIN_WITH_CMCD.fullmatch(head):
                return False
            report = b"\n".join(_CMCD_FIELD.findall(b"\r\n" + head)) or report
        now = self._monotonic()
        if now >= found.until and not found.renew(now):
            return False
        if found.whole:
            transport.write(found.whole)
        else:
            transport.writelines(found.parts)
        counts = self.counts
        counts.express += 1
        counts.sent += found.size
        self._store.touch(found.path)
        self._sink(
            Delivery(
                time_ms=self._clock.now_ms(),
                request=f"{self._run}{counts.express:x}",
                method="GET",
                path=found.path,
                status=200,
                size=found.size,
                cache="hit",
                duration_ms=0,
                cmcd=report,
            )
        )
        return True
