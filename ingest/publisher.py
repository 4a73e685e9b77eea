"""PUTs one channel to the origin as base.push says, and goes on through the origin's absence.

One task per track sends its parts in order over a kept connection; the session note and the init segment go first.
What is not acknowledged stays in the backlog and is sent again with growing pauses. An origin that came back
empty-handed answers 412: note, init segment and the open segment's earlier parts are sent again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

import aiohttp
import msgspec
import structlog

from base.names import Kind, Leaf, Name
from base.push import MOST_MARKS, PART_FIELD, MarkNote, SessionGrant, SessionNote
from ingest.backlog import Backlog, Pending
from node.clock import Clock
from node.metrics import Metrics
from node.tasks import TaskSet
from packager.segmenter import Part

log = structlog.get_logger("publisher")

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 2.0
_MOST_ATTEMPTS = 5  # times a segment is sent from its start before it is given up
# How long a new run waits for the origin to say which numbers were used, before it goes by the wall clock alone.
_GRANT_S = 2.0
_MOST_LATE = 5 * MOST_MARKS
_TIMEOUT = aiohttp.ClientTimeout(total=10, connect=3)
_SKIP = frozenset({409, 410})
_AGAIN = frozenset({404, 412})


def origin_client(upstream: str) -> tuple[aiohttp.ClientSession, str]:
    """A client for `http://host:port` or `unix:/path`, and the base to put before a name's path."""
    if upstream.startswith("unix:"):
        connector: aiohttp.BaseConnector = aiohttp.UnixConnector(upstream[5:], limit=0, keepalive_timeout=60)
        base = "http://origin"
    else:
        connector, base = aiohttp.TCPConnector(limit=0, keepalive_timeout=60), upstream.rstrip("/")
    return aiohttp.ClientSession(connector=connector, timeout=_TIMEOUT, auto_decompress=False), base


class Publisher:
    """One channel's way to the origin, for as long as the process lives; sessions come and go on it."""

    def __init__(
        self,
        *,
        channel: str,
        edition: str,
        client: aiohttp.ClientSession,
        base: str,
        clock: Clock,
        metrics: Metrics,
        tasks: TaskSet,
        backlog: Backlog | None = None,
    ) -> None:
        self.channel = channel
        self.edition = edition
        self._client = client
        self._base = base
        self._clock = clock
        self._metrics = metrics
        self._tasks = tasks
        self._backlog = backlog or Backlog()
        self._note: SessionNote | None = None
        self._noted = False  # the origin has taken the present note
        self._note_lock = asyncio.Lock()
        self._inits: dict[tuple[str, str], bytes] = {}  # by track and generation
        self._sent_inits: set[tuple[str, str]] = set()
        self._wake: dict[str, asyncio.Event] = {}  # by track: there is something to send
        self._progress = asyncio.Event()
        self._late: list[MarkNote] = []  # of segments that were given up: viewers are told all the same
        self.granted = -1  # the highest number that the origin ever told
        self.breaks: tuple[MarkNote, ...] = ()  # that were on when it told
        self.away = False
        self._sending: list[asyncio.Task[Any]] | None = []  # None: the channel is gone

    async def begin(self, note: SessionNote, inits: Mapping[str, tuple[str, bytes]]) -> int:
        """Announce a run; `inits` is (generation, bytes) by track. Returns the highest number used before, or -1.

        Does not wait long for an origin that is away: the note is then sent before the first part.
        """
        if self._sending is None:
            return self.granted
        self._note, self._noted = note, False
        wanted = self._backlog.generations
        self._inits = {key: init for key, init in self._inits.items() if key in wanted}
        self._inits |= {(track, generation): init for track, (generation, init) in inits.items()}
        self._sent_inits &= self._inits.keys()
        try:
            async with asyncio.timeout(_GRANT_S):
                await self._announce()
        except TimeoutError:
            log.warning("publisher.unanswered", channel=self.channel, seconds=_GRANT_S)
        return self.granted

    def offer(self, part: Part) -> None:
        """Queue a part; it is sent as soon as those before it are acknowledged."""
        if self._sending is None:
            return
        before = self._backlog.dropped_parts
        for lost in self._backlog.add(part, self._clock.monotonic()):
            self._keep_marks(mark for gone in lost.parts for mark in gone.marks)
            log.error(
                "publisher.dropped", channel=self.channel, number=lost.number, parts=len(lost.parts), why="bounds"
            )
        if dropped := self._backlog.dropped_parts - before:
            self._metrics.counter("ingest_dropped_parts").inc(dropped)
        if part.track not in self._wake:
            self._wake[part.track] = asyncio.Event()
            name = f"publish {self.channel} {part.track}"
            self._sending.append(self._tasks.start(self._track(part.track), name))
        self._wake[part.track].set()

    def forget(self) -> None:
        """The channel was removed: the origin, too, does not know it any more."""
        sending, self._sending = self._sending or [], None
        for task in sending:
            task.cancel()
        self._backlog, self._note = Backlog(), None
        self._progress.set()

    async def flush(self, seconds: float) -> bool:
        """Wait until everything is acknowledged; False if that took longer."""
        try:
            async with asyncio.timeout(seconds):
                while not self._backlog.idle:
                    self._progress.clear()
                    await self._progress.wait()
        except TimeoutError:
            return False
        return True

    async def end(self, seconds: float) -> None:
        """The publisher stopped properly: say so once everything is acknowledged."""
        note = self._note
        if note is None or not await self.flush(seconds) or note is not self._note:
            return
        self._note, self._noted = msgspec.structs.replace(note, state="ended"), False
        try:
            async with asyncio.timeout(seconds):
                await self._announce()
        except TimeoutError:
            log.warning("publisher.unanswered", channel=self.channel, seconds=seconds)

    async def _announce(self) -> None:
        """PUT the present note until the origin has taken it."""
        pause = _FIRST_PAUSE_S
        while True:
            async with self._note_lock:
                note = self._note
                if self._noted or note is None:
                    return
                name = Name(kind=Kind.LIVE, title=self.channel, edition=self.edition, leaf=Leaf.SESSION)
                status, body = await self._put(name, msgspec.json.encode(note), {"Content-Type": "application/json"})
                if status == 200:
                    grant = msgspec.json.decode(body, type=SessionGrant)
                    self.granted, self.breaks = max(self.granted, grant.last_number), grant.breaks
                    self._noted = note is self._note
                    continue
                if 400 <= status < 500 and pause == _FIRST_PAUSE_S:
                    # A channel made this very moment may be known here first, so also a 404 is asked again.
                    log.warning("publisher.note_refused", channel=self.channel, status=status)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_S)

    async def _track(self, track: str) -> None:
        pause = _FIRST_PAUSE_S
        while True:
            while (waiting := self._backlog.next(track)) is None:
                self._wake[track].clear()
                await self._wake[track].wait()
            await self._announce()
            if self._backlog.next(track) != waiting:
                continue  # it was given up meanwhile, and perhaps its init segment with it
            pending, part = waiting
            status = await self._send(part)
            if status in (200, 201):
                self._backlog.acknowledged(track, pending, part)
                pause = _FIRST_PAUSE_S
                self._progress.set()
                continue
            if status in _AGAIN and pending.attempts < _MOST_ATTEMPTS:
                log.info("publisher.again", channel=self.channel, track=track, number=pending.number, status=status)
                self._noted = False
                self._sent_inits = {key for key in self._sent_inits if key[0] != track}
                self._backlog.again(pending)
                self._metrics.counter("ingest_put_retries").inc()
                if pending.attempts == 1:
                    continue
            elif 400 <= status < 500:
                self._skip(track, pending, status)
                self._progress.set()
                continue
            else:
                self._metrics.counter("ingest_put_retries").inc()
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_S)

    def _skip(self, track: str, pending: Pending, status: int) -> None:
        self._keep_marks(mark for part in pending.parts[pending.acked :] for mark in part.marks)
        said = log.info if status in _SKIP else log.error
        said("publisher.skipped", channel=self.channel, track=track, number=pending.number, status=status)
        self._metrics.counter("ingest_dropped_parts").inc(len(pending.parts) - pending.acked)
        self._backlog.skip(track, pending)

    def _keep_marks(self, marks: Iterable[MarkNote]) -> None:
        self._late = [*self._late, *marks][-_MOST_LATE:]

    async def _send(self, part: Part) -> int:
        key = (part.track, part.note.init)
        if key not in self._sent_inits:
            init = Name(
                kind=Kind.LIVE,
                title=self.channel,
                edition=self.edition,
                track=part.track,
                leaf=Leaf.INIT,
                generation=part.note.init,
            )
            status, _ = await self._put(init, self._inits[key], {"Content-Type": "video/mp4"})
            if status not in (200, 201):
                return status
            self._sent_inits.add(key)
        if (part.marks or self._late) and (status := await self._send_marks(part)):
            return status
        name = Name(
            kind=Kind.LIVE,
            title=self.channel,
            edition=self.edition,
            track=part.track,
            leaf=Leaf.PART,
            number=part.number,
            part=part.part,
        )
        status, _ = await self._put(name, part.body, {"Content-Type": "video/mp4", PART_FIELD: part.note.field()})
        return status

    async def _send_marks(self, part: Part) -> int:
        """0 if the origin has taken them, or never will: then media goes on without them."""
        name = Name(kind=Kind.LIVE, title=self.channel, edition=self.edition, leaf=Leaf.CUES)
        waiting = [*self._late, *(mark for mark in part.marks if mark not in self._late)]
        for at in range(0, len(waiting), MOST_MARKS):
            marks = waiting[at : at + MOST_MARKS]
            status, _ = await self._put(name, msgspec.json.encode(marks), {"Content-Type": "application/json"})
            if 400 <= status < 500 and status not in _AGAIN:
                log.error("publisher.marks_refused", channel=self.channel, number=part.number, status=status)
            elif status != 200:
                return status
            self._late = [mark for mark in self._late if mark not in marks]
        return 0

    async def _put(self, name: Name, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        """The status and the answer's body; 503 stands for an origin that does not answer."""
        try:
            async with self._client.put(self._base + name.path, data=body, headers=headers) as answer:
                read = await answer.read()
                if self.away:
                    self.away = False
                    log.info("publisher.back", channel=self.channel)
                return answer.status, read
        except (aiohttp.ClientError, TimeoutError, OSError) as fault:
            if not self.away:
                self.away = True
                log.warning("publisher.away", channel=self.channel, fault=type(fault).__name__)
            return 503, b""
