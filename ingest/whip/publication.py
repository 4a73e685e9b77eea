"""One WHIP session: admission, the way through ICE and DTLS, media to its channel, its end."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections import deque
from concurrent.futures import ThreadPoolExecutor

import structlog
from aiortc import RTCCertificate

from base.problems import Problem
from ingest.live import LiveSession
from ingest.media import Frame, TrackConfig
from ingest.registry import Registry
from ingest.session import Admission, Happening
from ingest.whip.aac import AacCopy
from ingest.whip.door import Door
from ingest.whip.dtls import Secured
from ingest.whip.receiver import Outcome, Receiver
from ingest.whip.sdp import Offer
from node.process import Context

log = structlog.get_logger("ingest")

# How often gaps are looked at and feedback is sent.
_BEAT_S = 0.05
_MOST_OUTCOMES = 1000
# Packets of sound that are coded anew at once: the copy must not fall behind the pictures.
_MOST_COPIED = 4


class Publication:
    """`run` is the session's task. `admitted` has the admission as soon as it is known."""

    def __init__(self, ctx: Context, registry: Registry, door: Door, certificate: RTCCertificate, offer: Offer) -> None:
        self.id = secrets.token_urlsafe(16)
        self.offer = offer
        self.path = door.path(offer.ufrag)
        self.admitted: asyncio.Future[Admission] = asyncio.get_running_loop().create_future()
        self.over = asyncio.Event()
        self._ctx = ctx
        self._registry = registry
        self._certificate = certificate
        self._receiver: Receiver | None = None
        self._ending: Happening | None = None
        self._fault: Exception | None = None
        self._outcomes: deque[Outcome] = deque()
        self._copy: AacCopy | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="aac")  # starts with the first sound
        self._stirred = asyncio.Event()  # there is something for the session's task to do
        self._room = asyncio.Event()

    def stop(self) -> None:
        """The publisher said that it is done."""
        self._end(Happening.STOP)

    async def run(self, key: str, channel: str, software: str, peer: str) -> None:
        """Until the session is over."""
        event, live = Happening.LOST, None
        try:
            admission, live = await self._registry.offer(key, software, peer, asyncio.current_task())
            self.admitted.set_result(admission)
            if live is not None:
                event = await self._serve(live)
        except Problem as problem:
            event = Happening.REFUSE if problem.kind.name == "unplayable" else Happening.MALFORMED
            log.warning("whip.closed", peer=peer, channel=channel, kind=problem.kind.name, why=problem.detail)
        except ConnectionError as gone:
            log.info("whip.lost", peer=peer, channel=channel, why=str(gone))
        except asyncio.CancelledError:
            pass  # told to: by drain, displacement or revocation, and logged there
        finally:
            if not self.admitted.done():
                self.admitted.set_exception(Problem("busy", "this node stops, or the session was taken: try again"))
            if live is not None:
                self._registry.close(live, live.cause or event)
            self.path.close()
            self._sum_up(channel)
            self.over.set()

    def _sum_up(self, channel: str) -> None:
        """How the path was, for whoever looks for the cause of bad pictures."""
        if (found := self._receiver) is not None:
            log.info(
                "whip.path",
                channel=channel,
                refreshes_asked=found.asked,
                packets_asked_again=found.again,
                packets_lost=found.lost,
                datagrams_dropped=self.path.dropped,
            )

    async def _serve(self, live: LiveSession) -> Happening:
        """How the session ended. Raises Problem, ConnectionError."""
        ctx = self._ctx
        self._receiver = receiver = Receiver(
            self.offer,
            ssrc=secrets.randbits(32),
            key_interval_s=live.channel.spec.segment_ms / 1000,
            bits_per_second=ctx.settings.number("ingest.whip_bitrate") * 1000,
            now=ctx.clock.monotonic(),
        )
        dtls = Secured(self.path, self._certificate, self._rtp, self._rtcp)
        if self.offer.of("audio") is not None and ctx.settings.flag("ingest.whip_aac"):
            self._copy = AacCopy("a2")
        connecting = ctx.tasks.start(self._connect(dtls), f"whip {live.id}")
        try:
            while True:
                await self._deliver(live)
                if self._fault is not None:
                    raise self._fault
                if self._ending is not None:
                    return self._ending
                if receiver.bye:
                    return Happening.STOP
                if dtls.state in ("closed", "failed"):
                    return Happening.LOST
                if live.tick():
                    return Happening.SILENCE
                now = ctx.clock.monotonic()
                self._outcomes += receiver.tick(now)
                if dtls.state == "connected" and (said := receiver.feedback(now, ctx.clock.now_ms() / 1000)):
                    await dtls.send(said)
                if not self._outcomes:
                    self._stirred.clear()
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(_BEAT_S):
                            await self._stirred.wait()
        finally:
            connecting.cancel()
            await dtls.stop()
            self._thread.shutdown(wait=False, cancel_futures=True)

    async def _connect(self, dtls: Secured) -> None:
        try:
            await self.path.reachable.wait()
            await dtls.shake_hands(self.offer.fingerprints, active=self.offer.active)
        except ConnectionError as fault:
            self._failed(fault)

    async def _deliver(self, live: LiveSession) -> None:
        sounds: list[Frame] = []
        while self._outcomes:
            outcome = self._outcomes.popleft()
            if isinstance(outcome, TrackConfig):
                live.config(outcome)
                if outcome.track == "a1" and self._copy is not None:
                    live.config(TrackConfig(track="a2", format=self._copy.format))
                continue
            live.intake.asked = self._receiver is not None and self._receiver.keys_on_demand
            live.received(len(outcome.data))
            await live.frame(outcome)
            if outcome.track == "a1":
                sounds.append(outcome)
            if len(sounds) >= _MOST_COPIED:
                await self._code_anew(live, sounds)
                sounds = []
        await self._code_anew(live, sounds)
        self._room.set()

    async def _code_anew(self, live: LiveSession, sounds: list[Frame]) -> None:
        if self._copy is None or not sounds:
            return
        for frame in await asyncio.get_running_loop().run_in_executor(self._thread, self._copy.take, sounds):
            await live.frame(frame)

    async def _rtp(self, data: bytes) -> None:
        """Called by DTLS for one packet after the other."""
        if self._receiver is None or self._fault is not None:
            return
        try:
            self._outcomes += self._receiver.rtp(data, self.path.arrived)
        except Problem as problem:
            self._failed(problem)
            return
        if self._outcomes:
            self._stirred.set()
        if len(self._outcomes) > _MOST_OUTCOMES:
            # what cannot be delivered now waits in the door, and is dropped there: a loss like any other
            self._room.clear()
            await self._room.wait()

    async def _rtcp(self, data: bytes) -> None:
        if self._receiver is not None:
            self._receiver.rtcp(data, self.path.arrived)

    def _failed(self, fault: Exception) -> None:
        self._fault = self._fault or fault
        self._stirred.set()

    def _end(self, event: Happening) -> None:
        self._ending = event
        self._stirred.set()
