"""The SRT port: who is let in, and each link's octets into its session until it ends."""

from __future__ import annotations

import asyncio
from pathlib import Path

import structlog

from base.problems import Problem
from ingest.live import LiveSession
from ingest.registry import Registry
from ingest.session import Happening, ending
from ingest.srt.access import Reject, Verdict, decide, read_passphrases
from ingest.srt.endpoint import Endpoint, LibsrtEndpoint, Link
from ingest.srt.libsrt import Missing
from ingest.ts.feed import Feed
from node.process import Context

log = structlog.get_logger("ingest")

SILENCE_S = 15.0
_TICK_S = 1.0
# SRTO_PEERIDLETIMEO: a link that ends sooner after its last packet was closed by the publisher.
_IDLE_S = 4.0


class SrtListener:
    """Accepts publishers until closed. Without the library it stays closed and says so, unless its address was set."""

    def __init__(self, ctx: Context, registry: Registry, address: tuple[str, int] | Path) -> None:
        self._ctx = ctx
        self._registry = registry
        self._address = address
        self._endpoint: Endpoint | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._open: set[asyncio.Task[None]] = set()
        self._secrets: dict[str, str] = {}

    @property
    def port(self) -> int:
        """The UDP port that it got."""
        assert self._endpoint is not None
        return self._endpoint.port

    async def start(self) -> None:
        """Raises OSError that names the address, the file of passphrases, or what is to be installed."""
        if isinstance(self._address, Path):
            raise OSError(f"SRT is carried by UDP: give ingest.srt_listen as HOST:PORT, not {self._address}")
        self._secrets = passphrases(self._ctx.settings.text("ingest.srt_passphrases"))
        host, port = self._address
        try:
            self._endpoint = LibsrtEndpoint(
                self._address,
                latency_ms=self._ctx.settings.number("ingest.srt_latency"),
                verdict=self._verdict,
                refused=self._refused,
                clock=self._ctx.clock,
                tasks=self._ctx.tasks,
            )
        except Missing as fault:
            if self._ctx.settings.text("ingest.srt_listen"):
                raise OSError(f"cannot listen for SRT on {host}:{port}: {fault}") from fault
            log.info("srt.off", why=str(fault))
            return
        except OSError as fault:
            raise OSError(f"cannot listen for SRT on {host}:{port}: {fault}") from fault
        self._accepting = self._ctx.tasks.start(self._accept(), "srt accept")

    async def close(self) -> None:
        """Take no more, end every link."""
        if self._endpoint is None:
            return
        assert self._accepting is not None
        self._accepting.cancel()
        own = {live.task: live for live in self._registry.living.values()}
        for task in list(self._open):
            if task in own:
                own[task].cancel(Happening.DRAIN)
            else:
                task.cancel()
        while self._open:
            await asyncio.wait(list(self._open))
        await self._endpoint.close()

    def _verdict(self, stream_id: str) -> Verdict:
        """In a thread of the SRT library."""
        if self._ctx.stopping.is_set():
            return Verdict(code=Reject.DOWN, outcome="busy", sentence="this node stops: use another one")
        now = self._ctx.clock.monotonic()
        living = {}
        for name, live in list(self._registry.living.items()):
            session = live.session
            due = session.due(now)
            living[name] = session.after(due, now) if due is not None else session
        return decide(stream_id, self._registry.allowed, living, self._secrets)

    def _refused(self, peer: str, verdict: Verdict) -> None:
        self._ctx.metrics.counter("ingest_offers", outcome=verdict.outcome).inc()
        log.warning(
            "srt.refused",
            peer=peer,
            outcome=verdict.outcome,
            channel=verdict.channel,
            code=verdict.code,
            why=verdict.sentence,
        )

    async def _accept(self) -> None:
        assert self._endpoint is not None
        while True:
            link = await self._endpoint.accept()
            task = self._ctx.tasks.start(self._serve(link), f"srt {link.peer}")
            self._open.add(task)
            task.add_done_callback(self._open.discard)

    async def _serve(self, link: Link) -> None:
        live: LiveSession | None = None
        event = Happening.LOST
        try:
            task = asyncio.current_task()
            admission, live = await self._registry.offer(link.claim.key, link.software, link.peer, task)
            if live is None:
                self._refused(link.peer, Verdict(code=-1, outcome=admission.outcome, sentence=admission.sentence))
                return
            self._ctx.metrics.counter("ingest_offers", outcome=admission.outcome).inc()
            channel = live.channel.spec.channel
            log.info("session.admitted", peer=link.peer, channel=channel, session=live.id, software=link.software)
            event = await self._receive(link, live)
        except Problem as problem:
            event = ending(problem)
            channel = live.channel.spec.channel if live else ""
            log.warning("srt.closed", peer=link.peer, channel=channel, kind=problem.kind.name, why=problem.detail)
        except asyncio.CancelledError:
            if live is None or live.cause is None:
                raise  # told to by who owns the task; a cause is drain, displacement or revocation
        finally:
            if live is not None:
                self._registry.close(live, live.cause or event)
            await link.close()

    async def _receive(self, link: Link, live: LiveSession) -> Happening:
        """Until the link ends; how it ended."""
        feed = Feed(live, self._ctx.metrics, link.claim.program)
        clock = self._ctx.clock
        counted = heard = clock.monotonic()
        while True:
            data = None
            try:
                async with asyncio.timeout(_TICK_S):
                    data = await link.read()
            except TimeoutError:
                pass
            now = clock.monotonic()
            if data:
                heard = now
                # Also for no time: reads of a link that sends more than is taken never wait by themselves.
                await asyncio.sleep(min(await feed.take(data), SILENCE_S / 2))
            if data == b"":
                if now - heard > _IDLE_S:
                    return Happening.LOST
                await feed.end()
                return Happening.STOP
            if now - counted >= _TICK_S:
                counted = now
                feed.count()
                self._count(link, live.channel.spec.channel)
                if live.tick():
                    return Happening.SILENCE

    def _count(self, link: Link, channel: str) -> None:
        figures = link.figures()
        if figures is None:
            return
        metrics = self._ctx.metrics
        metrics.gauge("ingest_srt_rtt_seconds", channel=channel).set(figures.rtt_s)
        for what in ("received", "lost", "retransmitted", "dropped", "undecrypted"):
            if count := getattr(figures, what):
                metrics.counter("ingest_srt_packets", channel=channel, what=what).inc(count)


def passphrases(path: str) -> dict[str, str]:
    """Of the file that the setting names, none if it names none. Raises OSError that names the file and the line."""
    if not path:
        return {}
    try:
        return read_passphrases(Path(path).read_text(encoding="utf-8"))
    except (ValueError, OSError) as fault:
        why = fault.strerror if isinstance(fault, OSError) else str(fault)
        raise OSError(f"ingest.srt_passphrases: {path}: {why}") from fault
