"""One fetch per key, shared by everybody who wants the object while it comes.

A fill belongs to no client: it starts with the first request (locked before any header is there), runs to its end
whoever goes away, and never waits for a reader. Followers look at chunks and state in one step and then wait for the
next change, so the last bytes never miss the end mark. What a reader was given and what a failure means:

    ASKED      nothing yet; a failure here gives followers a problem, or a stale object
    STREAMING  header and some bytes; a failure cuts those who are behind the missing bytes
    COMPLETE   stored; readers go on with the stored body
    PASSED     not to be shared: the first follower takes the answer itself, the others ask on their own
    FAILED     see above; nothing was stored
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from email.utils import formatdate
from enum import StrEnum

import aiohttp
import structlog
from multidict import CIMultiDict, CIMultiDictProxy

from base.problems import Problem
from edge import freshness
from edge.freshness import Use
from edge.store import MemoryTier, Stored
from edge.upstream import PATIENCE_S, Upstream
from node.clock import Clock
from node.tasks import TaskSet

log = structlog.get_logger("fill")

# How long it is remembered that answers for a key may not be shared.
PASS_MEMORY_S = 5.0
_PASS_MEMORY_SIZE = 4096
# How much of a stored body a reader is handed at once, in bytes.
SLICE = 1 << 18

# RFC 9110 7.6.1 and RFC 9111 3.1: of one connection only, or of a proxy. Connection may name more.
_OF_A_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authentication-info",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
# Said anew for each answer.
_OURS = frozenset({"age", "content-length", "server", "x-request-id", "timing-allow-origin", "accept-ranges"})


class State(StrEnum):
    ASKED = "asked"
    STREAMING = "streaming"
    COMPLETE = "complete"
    PASSED = "passed"
    FAILED = "failed"


class Event(StrEnum):
    SHARED_HEADER = "a header that may be shared"
    PRIVATE_HEADER = "a header that may not be shared"
    END = "the end of the body"
    FAULT = "a fault"


TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.ASKED, Event.SHARED_HEADER): State.STREAMING,
    (State.ASKED, Event.PRIVATE_HEADER): State.PASSED,
    (State.ASKED, Event.FAULT): State.FAILED,
    (State.STREAMING, Event.END): State.COMPLETE,
    (State.STREAMING, Event.FAULT): State.FAILED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """An answer's header as it is sent on. `length` of the body in bytes, None if it is not stated."""

    status: int
    fields: tuple[tuple[str, str], ...]
    length: int | None
    etag: str
    last_modified: str
    date: str


def head_of(status: int, fields: CIMultiDictProxy[str], *, received_date: str) -> Head:
    """Leave out what belongs to one hop and what is said anew; an answer without Date gets one (RFC 9110 6.6.1)."""
    named = {name.strip().lower() for value in fields.getall("Connection", ()) for name in value.split(",")}
    kept = [
        (name, value)
        for name, value in fields.items()
        if (low := name.lower()) not in _OF_A_HOP
        and low not in _OURS
        and low not in named
        and not low.startswith("access-control-")
    ]
    if "Date" not in fields:
        kept.append(("Date", received_date))
    stated = fields.get("Content-Length", "")
    return Head(
        status=status,
        fields=tuple(kept),
        length=int(stated) if stated.isdecimal() and "Transfer-Encoding" not in fields else None,
        etag=fields.get("ETag", ""),
        last_modified=fields.get("Last-Modified", ""),
        date=fields.get("Date", received_date),
    )


def joined(fields: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    """Lines of one name joined with commas (RFC 9110 5.3), for reading."""
    return CIMultiDict((name, ", ".join(fields.getall(name))) for name in set(fields))


class CutShort(Exception):
    """The bytes that a reader waits for will not come."""


class Fill:
    """The shared state of one fetch. Chunks come in order; `size` is how many bytes are there."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.state = State.ASKED
        self.head: Head | None = None
        self.lifetime: freshness.Lifetime | None = None
        self.chunks: list[bytes] = []
        self.size = 0
        self.stored: Stored | None = None
        self.problem: Problem | None = None
        self.waiting = 0  # requests that have not seen the header yet
        self._unclaimed: aiohttp.ClientResponse | None = None
        self._change = asyncio.Event()

    def step(self, event: Event) -> None:
        """Raises KeyError for what cannot happen."""
        self.state = TRANSITIONS[self.state, event]
        self.tell()

    def tell(self) -> None:
        """Wake everybody who waits for a change."""
        told, self._change = self._change, asyncio.Event()
        told.set()

    def feed(self, chunk: bytes) -> None:
        assert self.state is State.STREAMING
        self.chunks.append(chunk)
        self.size += len(chunk)
        self.tell()

    def fail(self, problem: Problem) -> None:
        self.problem = problem
        self.step(Event.FAULT)

    def keep(self, stored: Stored) -> None:
        """The body is whole. Readers go on with the stored one, so that it is in memory once."""
        self.stored = stored
        self.chunks = []
        self.step(Event.END)

    def hand_over(self, answer: aiohttp.ClientResponse) -> None:
        """The answer may not be shared: leave it to the first who claims it."""
        if self.waiting:
            self._unclaimed = answer
        else:
            answer.close()
        self.step(Event.PRIVATE_HEADER)

    def claim(self) -> aiohttp.ClientResponse | None:
        """The unshared answer, for one caller only. The caller closes it."""
        claimed, self._unclaimed = self._unclaimed, None
        return claimed

    async def decided(self) -> None:
        """Wait until it is known what becomes of it: returns in any state but ASKED."""
        self.waiting += 1
        try:
            while self.state is State.ASKED:
                await self._change.wait()
        finally:
            self.waiting -= 1
            if not self.waiting:
                asyncio.get_running_loop().call_soon(self._drop_unclaimed)

    def _drop_unclaimed(self) -> None:
        """Whoever waited has claimed by now, or is gone."""
        if not self.waiting and (left := self.claim()) is not None:
            left.close()

    async def ended(self) -> None:
        """Wait for COMPLETE. Raises CutShort if it failed."""
        while self.state is State.STREAMING:
            await self._change.wait()
        if self.state is not State.COMPLETE:
            raise CutShort

    async def read(self, start: int = 0, stop: int = -1) -> AsyncGenerator[bytes | memoryview, None]:
        """The body's bytes from `start` up to `stop` (-1: the end): those that are there, then the live tail.

        Raises CutShort where they end early: the reader must then not end its own answer cleanly.
        """
        at = start  # the next byte that is wanted
        index, before = 0, 0  # the next chunk, and where it begins in the body
        while stop < 0 or at < stop:
            if self.stored is not None:
                end = len(self.stored.body) if stop < 0 else stop
                view = memoryview(self.stored.body)
                for begin in range(at, end, SLICE):
                    yield view[begin : min(end, begin + SLICE)]
                return
            if index < len(self.chunks):
                chunk = self.chunks[index]
                index += 1
                first = at - before
                before += len(chunk)
                if first < len(chunk):
                    last = len(chunk) if stop < 0 else min(len(chunk), first + stop - at)
                    at += last - first
                    yield chunk if last - first == len(chunk) else memoryview(chunk)[first:last]
            elif self.state is State.STREAMING:
                await self._change.wait()
            else:
                raise CutShort


class Fills:
    """Fetches under way, by key; the I/O around Fill."""

    def __init__(
        self,
        upstream: Upstream,
        store: MemoryTier,
        clock: Clock,
        tasks: TaskSet,
        count: Callable[[str], None],
    ) -> None:
        """`count` is told how each fill ended: stored, passed or failed."""
        self._upstream = upstream
        self._store = store
        self._clock = clock
        self._tasks = tasks
        self._count = count
        self._under_way: dict[str, Fill] = {}
        self._unshared: dict[str, float] = {}  # key -> until when, monotonic

    def __len__(self) -> int:
        return len(self._under_way)

    def find(self, key: str) -> Fill | None:
        return self._under_way.get(key)

    def start(self, key: str, *, use: Use, held: bool, request_id: str, patience_s: float = PATIENCE_S) -> Fill:
        """Begin to fetch; nobody else may be fetching that key."""
        assert key not in self._under_way
        fill = self._under_way[key] = Fill(key)
        self._tasks.start(self._run(fill, use, held, request_id, patience_s), f"fill {key}")
        return fill

    def is_unshared(self, key: str) -> bool:
        """Was an answer for this key lately found not to be shared (hit-for-miss)?"""
        until = self._unshared.get(key)
        if until is None:
            return False
        if self._clock.monotonic() < until:
            return True
        del self._unshared[key]
        return False

    async def _run(self, fill: Fill, use: Use, held: bool, request_id: str, patience_s: float) -> None:
        answer: aiohttp.ClientResponse | None = None
        try:
            asked = self._clock.monotonic()
            answer = await self._upstream.open(fill.key, request_id=request_id, patience_s=patience_s)
            came = self._clock.monotonic()
            head = head_of(answer.status, answer.headers, received_date=http_now(self._clock.now_ms()))
            life = freshness.lifetime(
                {},  # nothing of the viewer's goes upstream
                answer.status,
                joined(answer.headers),
                use=use,
                delay_s=0.0 if held else came - asked,
                received_ms=self._clock.now_ms(),
            )
            if not life.store or (head.length or 0) > self._store.largest:
                self._remember_unshared(fill.key)
                self._store.drop(fill.key)  # what was kept is not what upstream says now
                del self._under_way[fill.key]
                handed, answer = answer, None
                fill.hand_over(handed)
                self._count("passed")
                return
            fill.head, fill.lifetime = head, life
            fill.step(Event.SHARED_HEADER)
            async for chunk in answer.content.iter_any():
                if fill.size + len(chunk) > self._store.largest:
                    # Its length was not stated. Who follows now is cut; who asks again is passed through.
                    self._remember_unshared(fill.key)
                    raise Problem("upstream", "the object is larger than what is cached and does not state its length")
                fill.feed(chunk)
            stored = Stored(
                key=fill.key,
                status=head.status,
                fields=head.fields,
                body=b"".join(fill.chunks),
                etag=head.etag,
                last_modified=head.last_modified,
                date=head.date,
                born=came - life.age_s,
                fresh_s=life.fresh_s,
                stale_s=life.stale_s,
            )
            self._store.put(stored)
            del self._under_way[fill.key]
            fill.keep(stored)
            self._count("stored")
        except (Problem, aiohttp.ClientError, OSError) as fault:  # TimeoutError is an OSError
            problem = fault if isinstance(fault, Problem) else Problem("upstream", "upstream broke off its answer")
            log.warning("fill.failed", target=fill.key, fault=str(fault), got=fill.size, state=fill.state)
            self._count("failed")
            self._fail(fill, problem)
        except BaseException:
            self._fail(fill, Problem("busy", "this edge is stopping"))
            raise
        finally:
            if answer is not None:
                answer.close()

    def _fail(self, fill: Fill, problem: Problem) -> None:
        if self._under_way.get(fill.key) is fill:
            del self._under_way[fill.key]
        if fill.state in (State.ASKED, State.STREAMING):
            fill.fail(problem)

    def _remember_unshared(self, key: str) -> None:
        if len(self._unshared) >= _PASS_MEMORY_SIZE:
            self._unshared.clear()
        self._unshared[key] = self._clock.monotonic() + PASS_MEMORY_S


def http_now(now_ms: int) -> str:
    """IMF-fixdate (RFC 9110 5.6.7)."""
    return formatdate(now_ms / 1000, usegmt=True)
