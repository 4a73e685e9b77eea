"""The port in code between the listener and an SRT implementation, and libsrt behind it.

Theory of operation. The library receives in threads of its own and keeps what came until the time of its play-out
(TSBPD); nothing of it can be waited for with the event loop. So it is asked: every few milliseconds while there are
links, which also gathers some packets a read, and seldom otherwise. No thread of ours, no queue of ours: a link that is
not read fills the library's buffer, whose flow window then holds the sender back, and what is too late it drops and
counts.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
from collections.abc import Callable
from typing import Protocol

import structlog

from ingest.srt import libsrt
from ingest.srt.access import Claim, Reject, Verdict
from ingest.srt.libsrt import Figures, Library
from node.clock import Clock
from node.tasks import TaskSet

log = structlog.get_logger("srt")

MAX_LINKS = 256
_BUSY_S, _IDLE_S = 0.005, 0.05
_READ = 1 << 16
_GRACE_S = 0.1
_BACKLOG = 32
# A handshake that was let in and is not over by then failed in the library: a wrong passphrase, or a caller that left.
_HANDSHAKE_S = 3.0


def _tell(peer: str, fault: Exception) -> None:
    log.error("srt.handshake_fault", peer=peer, exc_info=fault)


class Link(Protocol):
    """One admitted connection."""

    peer: str
    software: str
    claim: Claim

    async def read(self) -> bytes:
        """What came, in whole messages, up to 64 KiB; empty at the end."""

    def figures(self) -> Figures | None:
        """Since they were last asked for; None at the end."""

    async def close(self) -> None: ...


class Endpoint(Protocol):
    """A listening port. `verdict` decides in the middle of a handshake, in any thread."""

    port: int

    async def accept(self) -> Link: ...

    async def close(self) -> None: ...


class LibsrtLink:
    def __init__(
        self, library: Library, made: int, peer: str, claim: Claim, gone: Callable[[int], None], clock: Clock
    ) -> None:
        self.peer = peer
        self.claim = claim
        self.software = f"SRT {library.peer_version(made)}"
        self.ready = asyncio.Event()
        self._library = library
        self._made = made
        self._gone = gone
        self._clock = clock
        self._into = ctypes.create_string_buffer(_READ)
        self._open = True
        self._last_s: float | None = None  # the publisher has closed: until then the library gives what is due

    async def read(self) -> bytes:
        while self._open:
            try:
                if count := self._library.receive(self._made, self._into):
                    return bytes(memoryview(self._into)[:count])
            except libsrt.Ended:
                now = self._clock.monotonic()
                if self._last_s is None:
                    self._last_s = now + self._library.latency_s(self._made) + _GRACE_S
                if now >= self._last_s:
                    return b""
                await asyncio.sleep(_BUSY_S)
                continue
            self.ready.clear()
            await self.ready.wait()
        return b""

    def figures(self) -> Figures | None:
        return self._library.figures(self._made) if self._open else None

    async def close(self) -> None:
        if self._open:
            self._open = False
            self._gone(self._made)
            await asyncio.to_thread(self._library.end, self._made)


class LibsrtEndpoint:
    """Implements Endpoint. Raises libsrt.Missing, or OSError where the address cannot be had.

    `refused` is called in the event loop with the caller's address and the verdict, once for each refused handshake.
    """

    def __init__(
        self,
        address: tuple[str, int],
        *,
        latency_ms: int,
        verdict: Callable[[str], Verdict],
        refused: Callable[[str, Verdict], None],
        clock: Clock,
        tasks: TaskSet,
    ) -> None:
        self._library = Library()
        self._verdict = verdict
        self._refused = refused
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._pending: dict[int, tuple[float, str, Verdict]] = {}  # written by the library's thread
        self._links: dict[int, LibsrtLink] = {}
        self._accepted: asyncio.Queue[LibsrtLink] = asyncio.Queue(MAX_LINKS)
        try:
            self._listener = self._library.listen(
                *address, latency_ms=latency_ms, backlog=_BACKLOG, on_handshake=self._handshake
            )
        except OSError:
            self._library.close()
            raise
        self._watch = self._library.watch()
        self._library.add(self._watch, self._listener)
        self.port = self._library.port(self._listener)
        self.version = self._library.version
        self._polling = tasks.start(self._poll(), "srt")

    async def accept(self) -> Link:
        return await self._accepted.get()

    async def close(self) -> None:
        """No more handshakes; links that are open are closed by who reads them, before."""
        self._polling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._polling
        await asyncio.to_thread(self._library.end, self._listener)
        for link in list(self._links.values()):
            await link.close()
        self._library.release(self._watch)
        await asyncio.to_thread(self._library.close)

    def _handshake(self, peer: str, stream_id: str, caller: int) -> int:
        """In a thread of the library's: quick, and no exception may leave it."""
        try:
            if len(self._links) + len(self._pending) >= MAX_LINKS:
                verdict = Verdict(code=Reject.OVERLOAD, outcome="busy", sentence=f"over {MAX_LINKS} connections")
            else:
                verdict = self._verdict(stream_id)
            if verdict.code:
                self._loop.call_soon_threadsafe(self._refused, peer, verdict)
                return verdict.code
            if verdict.passphrase:
                self._library.protect(caller, verdict.passphrase)
            self._pending[caller] = (self._clock.monotonic(), peer, verdict)
            return 0
        except Exception as fault:  # ours: said in the log of the loop's thread; the caller gets a code of the protocol
            self._loop.call_soon_threadsafe(_tell, peer, fault)
            return Reject.ISE

    async def _poll(self) -> None:
        while True:
            for made in self._library.ready(self._watch, MAX_LINKS + 1):
                if made == self._listener:
                    self._accept()
                elif made in self._links:
                    self._links[made].ready.set()
            if self._pending:
                self._give_up()
            await asyncio.sleep(_BUSY_S if self._links else _IDLE_S)

    def _accept(self) -> None:
        while (made := self._library.accept(self._listener)) is not None:
            _, peer, verdict = self._pending.pop(made, (0.0, "", None))
            if verdict is None or verdict.claim is None or self._accepted.full():
                self._library.end(made)
                continue
            link = LibsrtLink(self._library, made, peer, verdict.claim, self._forget, self._clock)
            self._links[made] = link
            self._library.add(self._watch, made)
            self._accepted.put_nowait(link)

    def _give_up(self) -> None:
        for made, (since, peer, verdict) in list(self._pending.items()):
            if self._clock.monotonic() - since > _HANDSHAKE_S:
                del self._pending[made]
                sentence = "the handshake was not finished: is the encoder's passphrase the channel's?"
                failed = Verdict(code=-1, outcome="malformed", sentence=sentence, channel=verdict.channel)
                self._refused(peer, failed)

    def _forget(self, made: int) -> None:
        self._library.remove(self._watch, made)
        link = self._links.pop(made, None)
        if link is not None:
            link.ready.set()
