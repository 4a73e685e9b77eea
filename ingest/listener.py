"""The RTMP port: moves octets between a connection, its dialogue and its session, and decides nothing itself."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
from pathlib import Path

import structlog

from base.problems import Problem
from ingest.flv_tracks import FlvTracks
from ingest.handshake import SIZE
from ingest.live import LiveSession
from ingest.media import TrackConfig
from ingest.registry import Registry
from ingest.rtmp import Media, Metadata, Offer, PublishDialogue, State, Stopped
from ingest.session import Happening, ending
from node.process import Context

log = structlog.get_logger("ingest")

HANDSHAKE_S = 5.0
SILENCE_S = 15.0
MAX_CONNECTIONS = 256
_READ = 1 << 16
_TICK_S = 1.0
# A publisher that is sending must get to read why it is refused: closing with its octets unread would reset that away.
_LINGER_S = 2.0


class RtmpListener:
    """Accepts publishers until closed. `address` is where it listens: (host, port), or a unix socket's path.

    `tls`: speak RTMPS.
    """

    def __init__(
        self, ctx: Context, registry: Registry, address: tuple[str, int] | Path, *, tls: ssl.SSLContext | None = None
    ) -> None:
        self._ctx = ctx
        self._registry = registry
        self._address = address
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """The TCP port that it got."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self) -> None:
        """Raises OSError that names the address."""
        if isinstance(self._address, Path):
            self._server = await asyncio.start_unix_server(self._accept, str(self._address), limit=_READ, ssl=self._tls)
            return
        host, port = self._address
        patience = HANDSHAKE_S if self._tls else None
        try:
            self._server = await asyncio.start_server(
                self._accept, host, port, limit=_READ, backlog=128, ssl=self._tls, ssl_handshake_timeout=patience
            )
        except OSError as fault:
            name = "RTMPS" if self._tls else "RTMP"
            raise OSError(fault.errno, f"cannot listen for {name} on {host}:{port}: {fault.strerror}") from fault

    async def close(self) -> None:
        """Take no more, end every session (its open segments are closed and queued)."""
        if self._server is not None:
            self._server.close()
        living = list(self._registry.living.values())
        for live in living:
            live.cancel(Happening.DRAIN)
        for task in self._open - {live.task for live in living}:
            task.cancel()
        while self._open:
            await asyncio.wait(list(self._open))

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._open) >= MAX_CONNECTIONS:
            log.warning("rtmp.full", connections=len(self._open))
            writer.close()
            return
        self._open.add(task)
        try:
            await _Connection(self._ctx, self._registry, reader, writer).serve()
        except asyncio.CancelledError:
            pass  # told to: by drain, displacement or revocation, and logged there
        finally:
            self._open.discard(task)
            writer.close()


class _Connection:
    def __init__(
        self, ctx: Context, registry: Registry, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._ctx = ctx
        self._registry = registry
        self._reader = reader
        self._writer = writer
        peer = writer.get_extra_info("peername")
        self._peer = f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) else "unix"
        self._dialogue = PublishDialogue(noise=os.urandom(SIZE - 8), time_ms=ctx.clock.now_ms())
        self._tracks = FlvTracks()
        self._live: LiveSession | None = None

    async def serve(self) -> None:
        event = Happening.LOST
        try:
            event = await self._converse()
        except Problem as problem:
            event = ending(problem)
            await self._refuse(problem)
        except OSError:  # also of TLS
            pass
        finally:
            if self._live is not None:
                event = self._live.cause or event
                self._registry.close(self._live, event)
        if self._dialogue.refused:
            await self._linger()

    async def _converse(self) -> Happening:
        """Until the connection ends; how it ended."""
        try:
            async with asyncio.timeout(HANDSHAKE_S):
                while self._dialogue.state is State.HANDSHAKE:
                    if not await self._step(SILENCE_S):
                        return Happening.LOST
        except TimeoutError:
            log.info("rtmp.silent", peer=self._peer, state="handshake")
            return Happening.SILENCE
        quiet_since = self._ctx.clock.monotonic()
        while self._dialogue.state is not State.CLOSING:
            try:
                if not await self._step(_TICK_S):
                    return Happening.LOST
            except TimeoutError:
                pass
            if self._live is not None:
                if self._live.tick():
                    return Happening.SILENCE
            elif self._ctx.clock.monotonic() - quiet_since > SILENCE_S:
                log.info("rtmp.silent", peer=self._peer, state=self._dialogue.state)
                return Happening.SILENCE
        return Happening.STOP

    async def _step(self, seconds: float) -> bool:
        """Read once and act on it; False at the end of the stream. Raises TimeoutError if nothing comes."""
        try:
            async with asyncio.timeout(seconds) as patience:
                data = await self._reader.read(_READ)
        except TimeoutError as fault:
            if patience.expired():
                raise
            raise ConnectionError("the network gave the connection up") from fault  # ETIMEDOUT, which stays
        if not data:
            return False
        wait = 0.0
        for event in self._dialogue.receive(data):
            match event:
                case Offer():
                    await self._offer(event)
                case Media():
                    if self._live is not None:
                        wait = max(wait, await self._media(self._live, event))
                case Metadata():
                    if self._live is not None:
                        self._tracks.metadata(event.values)
                        log.debug("rtmp.metadata", session=self._live.id, names=sorted(event.values)[:32])
                case Stopped():
                    pass
        await self._send()
        if wait:
            await asyncio.sleep(min(wait, SILENCE_S / 2))
        return True

    async def _media(self, live: LiveSession, media: Media) -> float:
        live.received(len(media.body))
        wait = 0.0
        for found in self._tracks.take(media.kind, media.timestamp, media.body):
            if isinstance(found, TrackConfig):
                live.config(found)
            else:
                wait = max(wait, await live.frame(found))
        return wait

    async def _offer(self, offer: Offer) -> None:
        task = asyncio.current_task()
        admission, live = await self._registry.offer(offer.key, offer.software, self._peer, task)
        self._ctx.metrics.counter("ingest_offers", outcome=admission.outcome).inc()
        channel = admission.channel.channel if admission.channel else ""
        if live is None:
            log.warning("rtmp.refused", peer=self._peer, outcome=admission.outcome, channel=channel)
            self._dialogue.refuse(admission.sentence)
            return
        self._live = live
        log.info("session.admitted", peer=self._peer, channel=channel, session=live.id, software=offer.software)
        self._dialogue.admit()

    async def _refuse(self, problem: Problem) -> None:
        """One line in the log, one sentence to the publisher, then the end."""
        channel = self._live.channel.spec.channel if self._live else ""
        log.warning("rtmp.closed", peer=self._peer, channel=channel, kind=problem.kind.name, why=problem.detail)
        if self._live is None:
            self._ctx.metrics.counter("ingest_offers", outcome="malformed").inc()
        self._dialogue.refuse(problem.detail, "NetStream.Publish.Rejected")
        with contextlib.suppress(OSError):
            await self._send()

    async def _linger(self) -> None:
        """Read and forget until the publisher has gone."""
        with contextlib.suppress(OSError):
            async with asyncio.timeout(_LINGER_S):
                while await self._reader.read(_READ):
                    pass

    async def _send(self) -> None:
        if out := self._dialogue.outgoing():
            self._writer.write(out)
            try:
                async with asyncio.timeout(SILENCE_S):
                    await self._writer.drain()
            except TimeoutError as fault:
                raise ConnectionError("the peer takes no answers") from fault
