"""What the origin says of channels, remembered for a second: pages and lists ask often, the origin answers once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from base.problems import Problem
from base.reports import ChannelReport
from control.origin import Origin
from node.clock import Clock
from node.tasks import TaskSet

_REMEMBERED_S = 1.0
_MOST = 4096


class Reports:
    """`None`: the origin is away. A channel that it never heard of is idle. No page waits longer than `seconds`."""

    def __init__(self, origin: Origin, clock: Clock, tasks: TaskSet, seconds: float = 0.5) -> None:
        self._origin = origin
        self._clock = clock
        self._tasks = tasks
        self._seconds = seconds
        self._known: dict[str, tuple[float, asyncio.Task[ChannelReport | None]]] = {}

    async def channel(self, name: str) -> ChannelReport | None:
        now = self._clock.monotonic()
        when, asked = self._known.get(name, (0.0, None))
        if asked is None or (asked.done() and now - when >= _REMEMBERED_S):
            if len(self._known) >= _MOST:
                self._known.clear()
            asked = self._tasks.start(self._ask(name), f"report of {name}")
            self._known[name] = (now, asked)
        try:
            return await asyncio.shield(asked)
        except asyncio.CancelledError:
            if asked.cancelled():  # the process ends
                return None
            raise

    async def channels(self, names: Iterable[str]) -> dict[str, ChannelReport | None]:
        wanted = list(names)
        return dict(zip(wanted, await asyncio.gather(*map(self.channel, wanted)), strict=True))

    async def _ask(self, name: str) -> ChannelReport | None:
        try:
            found = await self._origin.channel(name, self._seconds)
        except Problem:
            return None
        return found or ChannelReport(channel=name, edition="", state="idle")
