"""Control's desired state on a node: long-polled, kept on disk, served from disk while control is away.

desired = DesiredState(ctx, url)          # the last value from disk, or an empty one with sequence -1
desired.on_change(follow)                 # called with each new value, and by `run` with the first
ctx.tasks.start(desired.run(), "desired state")
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import msgspec
import structlog

from base.desired import CONTRACT, DESIRED_PATH, Desired

if TYPE_CHECKING:
    from node.process import Context

log = structlog.get_logger("sync")

_HOLD_S = 25  # control holds a request this long when there is nothing new
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 5.0
_MAX_BYTES = 16 << 20
_NOTHING = Desired(seq=-1)

Follower = Callable[[Desired], None]


class DesiredState:
    """The desired state in force. Control being away changes nothing but `away`."""

    def __init__(self, ctx: Context, url: str) -> None:
        """`url`: `http://host:port` or `unix:/path` of control's node socket."""
        self._ctx = ctx
        self._url = url
        self._path = ctx.home.state / f"desired-{ctx.role}-{ctx.worker}.json"
        self._followers: list[Follower] = []
        self._changed = asyncio.Condition()
        self.current = self._load()
        self.away = False

    def on_change(self, follower: Follower) -> None:
        """Called at once with the present value, then with each new one. Must not block."""
        self._followers.append(follower)
        follower(self.current)

    async def after(self, seq: int) -> Desired:
        """The first value whose sequence is above `seq`."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.current.seq > seq)
            return self.current

    async def run(self) -> None:
        """Follow control until cancelled."""
        pause = _FIRST_PAUSE_S
        async with self._client() as client:
            while True:
                try:
                    found = await self._ask(client)
                except (aiohttp.ClientError, TimeoutError, OSError, msgspec.MsgspecError, ValueError) as fault:
                    if not self.away:
                        self.away = True
                        log.warning("desired.away", fault=type(fault).__name__, seq=self.current.seq)
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, _LONGEST_PAUSE_S)
                    continue
                if self.away:
                    self.away = False
                    log.info("desired.back")
                pause = _FIRST_PAUSE_S
                if found is not None:
                    await self._take(found)

    def _client(self) -> aiohttp.ClientSession:
        timeout = aiohttp.ClientTimeout(total=_HOLD_S + 10, connect=5)
        if self._url.startswith("unix:"):
            return aiohttp.ClientSession(connector=aiohttp.UnixConnector(self._url[5:]), timeout=timeout)
        return aiohttp.ClientSession(timeout=timeout)

    async def _ask(self, client: aiohttp.ClientSession) -> Desired | None:
        """The newer value, or None (304). Raises what `run` takes for control being away."""
        base = "http://control" if self._url.startswith("unix:") else self._url.rstrip("/")
        async with client.get(base + DESIRED_PATH, params={"have": str(self.current.seq)}) as answer:
            if answer.status == 304:
                return None
            answer.raise_for_status()
            body = await answer.content.read(_MAX_BYTES + 1)
            while not answer.content.at_eof() and len(body) <= _MAX_BYTES:
                body += await answer.content.read(_MAX_BYTES + 1 - len(body))
        if len(body) > _MAX_BYTES:
            raise ValueError(f"desired state of over {_MAX_BYTES} octets")
        found = msgspec.json.decode(body, type=Desired)
        if found.seq <= self.current.seq:
            raise ValueError(f"sequence {found.seq} is not above {self.current.seq}")
        if found.contract > CONTRACT:
            raise ValueError(f"node contract {found.contract}: this node knows {CONTRACT}")
        return found

    async def _take(self, found: Desired) -> None:
        """On disk first: what is in force must be there after kill -9."""
        try:
            await asyncio.to_thread(write_whole, self._path, msgspec.json.encode(found))
        except OSError as fault:
            log.error("desired.not_kept", path=str(self._path), fault=str(fault))
        self.current = found
        self._ctx.metrics.gauge("desired_seq").set(found.seq)
        log.info("desired.taken", seq=found.seq, channels=len(found.channels))
        for follower in self._followers:
            follower(found)
        async with self._changed:
            self._changed.notify_all()

    def _load(self) -> Desired:
        try:
            found = msgspec.json.decode(self._path.read_bytes(), type=Desired)
        except FileNotFoundError:
            return _NOTHING
        except (OSError, msgspec.MsgspecError) as fault:
            log.error("desired.unreadable", path=str(self._path), fault=str(fault))
            return _NOTHING
        self._ctx.metrics.gauge("desired_seq").set(found.seq)
        return found


def write_whole(path: Path, data: bytes) -> None:
    """Replace a file so that after a crash it is the old or the new one, never a part (rename(2))."""
    beside = path.with_name(path.name + ".new")
    with beside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
