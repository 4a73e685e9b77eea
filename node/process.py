"""A role process: `python -m <role> --home DIR ...`, started by the supervisor and ended by it.

It ends on SIGTERM, on SIGINT, and when its standard input closes: that is how it learns that the supervisor is
gone, whatever killed it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from node import logs
from node.clock import Clock, SystemClock
from node.home import PORTS, Home, port_number
from node.metrics import Metrics
from node.settings import Settings, SettingsFault, listen_address, override, read
from node.tasks import TaskSet

log = structlog.get_logger("process")


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a role gets: everything it needs from the machine, and nothing module-level."""

    role: str
    worker: int = 0
    home: Home
    settings: Settings = field(default_factory=Settings)
    port_base: int = 0
    clock: Clock = field(default_factory=SystemClock)
    metrics: Metrics = field(default_factory=Metrics)
    tasks: TaskSet = field(default_factory=TaskSet)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    def listen(self, setting: str, port: str) -> tuple[str, int] | Path:
        """The address of a listener: the setting if it is given, else the ports table."""
        if text := self.settings.text(setting):
            found = listen_address(text)
            return Path(found) if isinstance(found, str) else found
        return PORTS[port].bind, port_number(port, self.port_base)

    def upstream(self, setting: str, socket: Path) -> str:
        """A peer's address: the setting if it is given, else `unix:/path` of this box's socket."""
        return self.settings.text(setting) or f"unix:{socket}"


Service = Callable[[Context], Awaitable[None]]


def main(role: str, service: Service) -> None:
    """Entry of a role's `__main__`. Exit codes: 0 told to stop, 1 fault, 2 settings or address unusable."""
    parser = argparse.ArgumentParser(prog=f"python -m {role}")
    parser.add_argument("--home", required=True, type=Path)
    parser.add_argument("--worker", type=int, default=0)
    parser.add_argument("--port-base", type=int, default=0)
    parser.add_argument("--config", type=Path)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="override one setting")
    given = parser.parse_args()
    try:
        settings = read(given.config) if given.config else Settings()
        for assignment in given.set:
            settings = settings.merged(override(assignment))
    except (SettingsFault, OSError) as fault:
        print(fault, file=sys.stderr)
        sys.exit(2)
    home = Home(given.home.absolute())
    logs.set_up(role, given.worker, settings.text("log.level"))
    sys.exit(_run(role, service, home, settings, given.worker, given.port_base))


def _run(role: str, service: Service, home: Home, settings: Settings, worker: int, port_base: int) -> int:
    import uvloop

    async def body() -> int:
        ctx = Context(role=role, worker=worker, home=home, settings=settings, port_base=port_base)
        ctx.metrics.gauge("role_start_time_seconds", role=role).set(ctx.clock.now_ms() / 1000)
        loop = asyncio.get_running_loop()
        for sign in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(sign, ctx.stopping.set)
        await _watch_supervisor(ctx.stopping)
        try:
            await service(ctx)
        except OSError as fault:
            log.error("role.cannot_run", fault=str(fault))
            print(f"{role}: {fault}", file=sys.stderr, flush=True)
            return 2
        finally:
            await ctx.tasks.close()
        return 0

    return uvloop.run(body())


async def _watch_supervisor(stopping: asyncio.Event) -> None:
    """Set `stopping` when standard input ends. A terminal or /dev/null is no supervisor and is not watched."""
    if not _is_pipe(0):
        return

    class Watch(asyncio.Protocol):
        def connection_lost(self, exc: Exception | None) -> None:
            stopping.set()

    await asyncio.get_running_loop().connect_read_pipe(Watch, os.fdopen(os.dup(0), "rb"))


def _is_pipe(fd: int) -> bool:
    try:
        return os.readlink(f"/proc/self/fd/{fd}").startswith("pipe:")
    except OSError:
        return False
