"""The edge's express lane (node.express): hits, with the Age of this second and the CMCD report set aside."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable

from multidict import CIMultiDict

from base.records import Delivery
from edge.counts import Counts
from edge.hops import changed, joined
from edge.request import CORS
from edge.store import MemoryTier, Stored
from edge.target import canonical
from edge.vary import selection
from node.clock import Clock
from node.express import LONGEST_HEAD, PLAIN, VERSION, PlainHeads

# PLAIN with CMCD in header fields, which differ from request to request: judged, but not remembered.
PLAIN_WITH_CMCD = re.compile(PLAIN.pattern.replace(rb"|cmcd-", b""), re.IGNORECASE)
_CMCD_FIELD = re.compile(rb"\r\ncmcd-(?:object|request|session|status):[ \t]*([^\r]*)", re.IGNORECASE)
_REPORT = re.compile(rb"[!-~]*")

# What a viewer wants of the cache, and where a request has been.
_WANTS = re.compile(rb"\r\n(?:cache-control|pragma|cdn-loop):", re.IGNORECASE)
_MOST_ASKERS, _LONGEST_REMEMBERED, _MOST_SELECTIONS = 1024, 2048, 16

# Up to this length a body is joined with its header: one small copy each second saves a vector on each write.
_JOINED = 16 << 10


class Hot:
    """A stored object with its answer prebuilt. `until`: the monotonic time up to which `parts` are right."""

    __slots__ = ("_after_age", "_before_age", "name", "parts", "path", "size", "stored", "until", "whole")

    def __init__(self, stored: Stored) -> None:
        self.stored = stored
        self.name = stored.name
        self.path = stored.key if stored.ours else stored.key[stored.key.index("/") :].partition("?")[0]
        self.size = len(stored.body)
        self.until = -1.0
        self.whole = b""
        self.parts: tuple[bytes, bytes] = (b"", b"")
        fields = fields_of(stored, "Headwater; hit")
        self._after_age = ""
        if not stored.ours:  # what is left of its freshness is told too, and that changes as Age does
            told = next(field for field in fields if field[0] == "Cache-Status")
            fields.remove(told)
            self._after_age = f"\r\nCache-Status: {told[1]}; ttl="
        lines = [f"{name}: {value}\r\n" for name, value in fields]
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
        told = b""
        if self._after_age:
            ttl = stored.ttl_s(now)
            self.until = min(self.until, stored.born + stored.fresh_s - ttl)
            told = f"{self._after_age}{ttl}".encode("utf-8", "surrogateescape")
        head = b"%b%d%b\r\n\r\n" % (self._before_age, age, told)
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


class Asker:
    """What a plain head says of who asks: the Host, as keys spell it, and what chooses among variants."""

    __slots__ = ("_chosen", "_fields", "host")

    def __init__(self, head: bytes) -> None:
        lines = head.decode("utf-8", "surrogateescape").split("\r\n")
        fields = CIMultiDict[str]()
        for line in filter(None, lines):
            name, _, value = line.partition(":")
            fields.add(name, value.strip(" \t"))
        self._fields = joined(fields)
        self._chosen: dict[tuple[str, ...], str] = {}
        self.host = canonical(self._fields["Host"]).encode("utf-8", "surrogateescape")

    def selection(self, vary: tuple[str, ...]) -> str:
        found = self._chosen.get(vary)
        if found is None:
            if len(self._chosen) >= _MOST_SELECTIONS:
                self._chosen.clear()
            found = self._chosen[vary] = selection(vary, self._fields)
        return found


class Lane:
    """The hot table and what a hit needs; one per process.

    `wide` holds objects of any origin by host and target, those that vary first; a viewer's directives and what goes
    round in circles are for the full path.
    """

    def __init__(
        self,
        store: MemoryTier,
        clock: Clock,
        counts: Counts,
        sink: Callable[[Delivery], None],
        *,
        fixed_host: bool = False,
    ) -> None:
        self.hot: dict[bytes, Hot] = {}
        self.wide: dict[bytes, list[Hot]] = {}
        self._askers: dict[bytes, Asker | None] = {}
        self._fixed_host = fixed_host
        self.counts = counts
        self._store = store
        self._clock = clock
        self._sink = sink
        self._monotonic = clock.monotonic
        self._plain = PlainHeads()
        self._run = secrets.token_hex(5)
        store.watch(self._put, self._drop)

    def _put(self, stored: Stored) -> None:
        if stored.status != 200:
            return
        if stored.ours:
            self.hot[stored.key.encode()] = Hot(stored)
        elif not stored.key.startswith("HEAD ") and not any(changed(name) for name in stored.vary):
            siblings = self.wide.setdefault(stored.key.encode(), [])
            siblings.insert(0 if stored.vary else len(siblings), Hot(stored))

    def _drop(self, name: str) -> None:
        if name.startswith("/"):
            self.hot.pop(name.encode(), None)
            return
        key = name.partition("\n")[0].encode()
        left = [hot for hot in self.wide.get(key, ()) if hot.name != name]
        if left:
            self.wide[key] = left
        else:
            self.wide.pop(key, None)

    def _of_any_origin(self, target: bytes, head: bytes) -> Hot | None:
        asker = self._askers.get(head)
        if asker is None:
            if head in self._askers or len(head) > _LONGEST_REMEMBERED:
                return None
            plain = head in self._plain and not _WANTS.search(b"\r\n" + head)
            if len(self._askers) >= _MOST_ASKERS:
                self._askers.clear()
            asker = self._askers[head] = Asker(head) if plain else None
            if asker is None:
                return None
        for found in self.wide.get((b"*" if self._fixed_host else asker.host) + target, ()):
            if asker.selection(found.stored.vary) == found.stored.variant:
                return found
        return None

    def answer(self, data: bytes, transport: asyncio.WriteTransport) -> bool:
        """Write the answer if `data` is one plain GET of a fresh hot object; False if aiohttp has to look at it."""
        end = data.find(VERSION)
        if end < 0 or not data.startswith(b"GET /"):
            return False
        target = data[4:end]
        report = b""
        found = self.hot.get(target)
        if found is None and self.wide:
            found = self._of_any_origin(target, data[end + 11 :])
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
        self._store.touch(found.name)
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
