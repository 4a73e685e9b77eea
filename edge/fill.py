"""One fetch per key, shared by everybody who wants the object while it comes.

A fill belongs to no client: it starts with the first request (locked before any header is there), runs to its end
whoever goes away, and never waits for a reader. Followers look at chunks and state in one step and then wait for the
next change, so the last bytes never miss the end mark. What a reader was given and what a failure means:

    ASKED      nothing yet; a failure here gives followers a problem, or a stale object
    STREAMING  header and some bytes; a failure cuts those who are behind the missing bytes
    COMPLETE   stored, or found to be as it was; readers go on with the stored body
    PASSED     not to be shared: the first follower takes the answer itself, the others ask on their own
    FAILED     see above; nothing was stored

A body that turns out longer than what may be kept is streamed on to those who follow it (`outgrow`): nobody joins any
more, what they all have read is let go, and then, alone, the slowest of them sets the pace.
"""

from __future__ import annotations

import asyncio
from enum import StrEnum

import aiohttp

from base.problems import Problem
from edge.freshness import Lifetime
from edge.hops import Head
from edge.store import Stored

# How much of a stored body a reader is handed at once, in bytes.
SLICE = 1 << 18
# How far the slowest reader of a body that is not kept may be behind.
WINDOW = 1 << 20


class State(StrEnum):
    ASKED = "asked"
    STREAMING = "streaming"
    COMPLETE = "complete"
    PASSED = "passed"
    FAILED = "failed"


class Event(StrEnum):
    SHARED_HEADER = "a header that may be shared"
    PRIVATE_HEADER = "a header that may not be shared"
    VALIDATED = "what is stored is still right"
    END = "the end of the body"
    FAULT = "a fault"


TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.ASKED, Event.SHARED_HEADER): State.STREAMING,
    (State.ASKED, Event.PRIVATE_HEADER): State.PASSED,
    (State.ASKED, Event.VALIDATED): State.COMPLETE,
    (State.ASKED, Event.FAULT): State.FAILED,
    (State.STREAMING, Event.END): State.COMPLETE,
    (State.STREAMING, Event.FAULT): State.FAILED,
}


class CutShort(Exception):
    """The bytes that a reader waits for will not come."""


class Fill:
    """The shared state of one fetch. Chunks come in order; `size` is how many bytes are there.

    `vary` and `variant`, once there is a header: whose answer it is (edge/vary.py). `ours`: of a Headwater name.
    """

    def __init__(self, name: str, *, ours: bool = True) -> None:
        self.name = name
        self.alias = ""  # a further name by which it is found
        self.ours = ours
        self.state = State.ASKED
        self.head: Head | None = None
        self.lifetime: Lifetime | None = None
        self.vary: tuple[str, ...] = ()
        self.variant = ""
        self.chunks: list[bytes] = []
        self.size = 0
        self.stored: Stored | None = None
        self.partial: Stored | None = None  # of what this is a block
        self.problem: Problem | None = None
        self.waiting = 0  # requests that have not seen the header yet
        self.disowned = False  # what comes is not to be kept: it may be older than a change that was made meanwhile
        self.outgrown = False
        self.confirmed = False  # by a 304
        self.for_one = False  # what confirmed it is for the one who asked
        self.readers: set[Reading] = set()
        self._let_go = 0  # chunks that are not held any more
        self._unclaimed: aiohttp.ClientResponse | None = None
        self._change = asyncio.Event()
        self._moved = asyncio.Event()

    def step(self, event: Event) -> None:
        """Raises KeyError for what cannot happen."""
        self.state = TRANSITIONS[self.state, event]
        self.tell()

    def tell(self) -> None:
        """Wake everybody who waits for a change."""
        told, self._change = self._change, asyncio.Event()
        told.set()

    async def changed(self) -> None:
        await self._change.wait()

    def feed(self, chunk: bytes) -> None:
        assert self.state is State.STREAMING
        self.chunks.append(chunk)
        self.size += len(chunk)
        self.tell()

    def fail(self, problem: Problem) -> None:
        self.problem = problem
        self.step(Event.FAULT)

    def keep(self, stored: Stored | None) -> None:
        """The body is whole. Readers go on with the stored one, so that it is in memory once; None: with the chunks."""
        self.stored = stored
        if stored is not None:
            self.chunks = []
        self.step(Event.END)

    def confirm(self, head: Head, stored: Stored) -> None:
        """Upstream says that `stored`, with the header as it is now, is right."""
        self.head, self.stored = head, stored
        self.size = len(stored.body)
        self.confirmed = True
        self.step(Event.VALIDATED)

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
            self.moved()
            if not self.waiting:
                asyncio.get_running_loop().call_soon(self._drop_unclaimed)

    def _drop_unclaimed(self) -> None:
        """Whoever waited has claimed by now, or is gone."""
        if not self.waiting and (left := self.claim()) is not None:
            left.close()

    async def ended(self) -> None:
        """Wait for COMPLETE, or until it is `outgrown`. Raises CutShort if it failed."""
        while self.state is State.STREAMING and not self.outgrown:
            await self._change.wait()
        if self.state is State.FAILED:
            raise CutShort

    def read(self, start: int = 0, stop: int = -1) -> Reading:
        """The body's bytes from `start` up to `stop` (-1: the end): those that are there, then the live tail.

        Reading raises CutShort where they end early: the reader must then not end its own answer cleanly. Close it.
        """
        reading = Reading(self, start, stop)
        self.readers.add(reading)
        return reading

    def outgrow(self) -> None:
        """It will not be kept: hold no more than the readers need."""
        self.outgrown = True
        self.tell()

    def left(self, reading: Reading) -> None:
        self.readers.discard(reading)
        self.moved()

    def moved(self) -> None:
        """A reader went on, or away."""
        if self.outgrown:
            self._moved.set()

    async def paced(self) -> None:
        """Wait until the readers are near. Raises CutShort if there are none."""
        while True:
            if self.waiting:  # they have seen the header in a moment, and read from the beginning
                self._moved.clear()
                await self._moved.wait()
                continue
            if not self.readers:
                raise CutShort
            least = min(reading.index for reading in self.readers)
            for index in range(self._let_go, least):
                self.chunks[index] = b""
            self._let_go = max(self._let_go, least)
            if self.size - min(reading.before for reading in self.readers) <= WINDOW:
                return
            self._moved.clear()
            await self._moved.wait()


class Reading:
    """One reader's place in a body: an asynchronous iterator over its bytes."""

    __slots__ = ("_at", "_fill", "_stop", "before", "index")

    def __init__(self, fill: Fill, start: int, stop: int) -> None:
        self._fill = fill
        self._at, self._stop = start, stop  # the next byte that is wanted, and the first that is not
        self.index, self.before = 0, 0  # the next chunk, and where it begins in the body

    def __aiter__(self) -> Reading:
        return self

    async def __anext__(self) -> bytes | memoryview:
        fill = self._fill
        while self._stop < 0 or self._at < self._stop:
            if fill.stored is not None:
                body = fill.stored.body
                end = min(len(body) if self._stop < 0 else self._stop, self._at + SLICE)
                if end <= self._at:
                    break
                part = memoryview(body)[self._at : end]
                self._at = end
                return part
            if self.index < len(fill.chunks):
                if (chunk := self._of(fill.chunks[self.index])) is not None:
                    return chunk
            elif fill.state is State.STREAMING:
                await fill.changed()
            elif fill.state is State.COMPLETE:
                break
            else:
                raise CutShort
        await self.aclose()
        raise StopAsyncIteration

    def _of(self, chunk: bytes) -> bytes | memoryview | None:
        """What is wanted of the next chunk."""
        self.index += 1
        first = self._at - self.before
        self.before += len(chunk)
        self._fill.moved()
        if first >= len(chunk):
            return None
        last = len(chunk) if self._stop < 0 else min(len(chunk), first + self._stop - self._at)
        self._at += last - first
        return chunk if last - first == len(chunk) else memoryview(chunk)[first:last]

    async def aclose(self) -> None:
        self._fill.left(self)
