"""The channels that this node may publish and the sessions that live on them: who is admitted, who has to go."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import aiohttp
import structlog

from base.desired import ChannelSpec, Desired, key_hash
from ingest.channel import Channel
from ingest.live import LiveSession
from ingest.publisher import Publisher
from ingest.session import Admission, Happening, Session, State, admit, by_key
from node.process import Context

log = structlog.get_logger("ingest")


class Registry:
    """Desired channels by key, living sessions by channel, and what channels keep between sessions."""

    def __init__(self, ctx: Context, client: aiohttp.ClientSession, base: str) -> None:
        self._ctx = ctx
        self._client = client
        self._base = base
        self._by_key: dict[str, ChannelSpec] = {}
        self._own: dict[str, ChannelSpec] = {}  # by channel: those that this node plays itself
        self._channels: dict[tuple[str, str], Channel] = {}  # by channel and edition
        self.living: dict[str, LiveSession] = {}

    def follow(self, desired: Desired) -> None:
        """A new desired state: sessions whose channel or key is gone end."""
        self._by_key = by_key(desired.channels)
        self._own = {spec.channel: spec for spec in desired.channels if spec.playout is not None or spec.source}
        for live in list(self.living.values()):
            mine = live.channel.spec
            spec = self._by_key.get(live.hashed) if live.hashed else self._own.get(mine.channel)
            if spec is None or (spec.channel, spec.edition) != (mine.channel, mine.edition):
                live.cancel(Happening.REVOKED)
            else:
                live.channel.follow(spec)
        for gone in self._channels.keys() - {(spec.channel, spec.edition) for spec in desired.channels}:
            self._channels.pop(gone).publisher.forget()

    def allowed(self, key: str) -> ChannelSpec | None:
        """The channel that a key opens, for sources that ask before they publish."""
        return self._by_key.get(key_hash(key))

    def knows(self, channel: str) -> bool:
        return any(spec.channel == channel for spec in self._by_key.values())

    async def offer(self, key: str, software: str, peer: str, task: Any) -> tuple[Admission, LiveSession | None]:
        """Decide an offer; an admitted one takes the place of a stalled session, which is closed first."""
        for live in self.living.values():
            live.tick()
        admission = admit(key, self._by_key, {name: live.session for name, live in self.living.items()})
        spec = admission.channel
        if admission.outcome != "admitted" or spec is None:
            return admission, None
        return await self._admit(spec, admission, key_hash(key), software, peer, task)

    async def offer_own(self, spec: ChannelSpec, software: str, task: Any) -> tuple[Admission, LiveSession | None]:
        """An offer of this node itself, which needs no key. An encoder that publishes goes on."""
        for live in self.living.values():
            live.tick()
        first = self.living.get(spec.channel)
        if first is not None and first.session.state is not State.STALLED:
            return Admission(outcome="busy", sentence="an encoder is publishing", channel=spec), None
        return await self._admit(spec, Admission(outcome="admitted", sentence="", channel=spec), "", software, "", task)

    async def _admit(
        self, spec: ChannelSpec, admission: Admission, hashed: str, software: str, peer: str, task: Any
    ) -> tuple[Admission, LiveSession | None]:
        stalled = self.living.get(spec.channel)
        if stalled is not None:
            stalled.cancel(Happening.DISPLACED)
            await stalled.ended.wait()
            if spec.channel in self.living:  # another one was quicker
                return Admission(outcome="busy", sentence="another encoder has just taken this channel"), None
        live = LiveSession(
            id=secrets.token_hex(8),
            channel=self.channel(spec),
            hashed=hashed,
            peer=peer,
            software=software,
            started_ms=self._ctx.clock.now_ms(),
            clock=self._ctx.clock,
            metrics=self._ctx.metrics,
            session=Session(heard=self._ctx.clock.monotonic()),
            task=task,
        )
        live.happen(Happening.ADMIT)
        self.living[spec.channel] = live
        return admission, live

    def channel(self, spec: ChannelSpec) -> Channel:
        found = self._channels.get((spec.channel, spec.edition))
        if found is None:
            publisher = Publisher(
                channel=spec.channel,
                edition=spec.edition,
                client=self._client,
                base=self._base,
                clock=self._ctx.clock,
                metrics=self._ctx.metrics,
                tasks=self._ctx.tasks,
            )
            found = self._channels[(spec.channel, spec.edition)] = Channel(spec, publisher)
        found.follow(spec)
        return found

    def close(self, live: LiveSession, event: Happening) -> None:
        """End a session; a proper stop is told to the origin when everything has arrived there."""
        try:
            live.close(event)
        finally:
            if self.living.get(live.channel.spec.channel) is live:
                del self.living[live.channel.spec.channel]
        log.info("session.ended", channel=live.channel.spec.channel, session=live.id, reason=event, bytes=live.bytes)
        if event is Happening.STOP:
            self._ctx.tasks.start(live.channel.publisher.end(60), f"end {live.id}")

    def publishers(self) -> Iterator[Publisher]:
        return (channel.publisher for channel in self._channels.values())

    def count(self) -> None:
        """Bring the session gauges up to date."""
        states = [live.session.state for live in self.living.values()]
        for state in State:
            if state is not State.ENDED:
                self._ctx.metrics.gauge("ingest_sessions", state=state).set(states.count(state))
