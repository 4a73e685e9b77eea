"""One role process as a child: spawned, its log collected, told to stop, waited for.

It gets a process group of its own, so that Ctrl-C in a terminal reaches the supervisor alone, which then drains the
roles in order. Its standard input is a pipe that the supervisor holds open and never writes to: when the supervisor
is gone, whatever killed it, the pipe ends and so does the role (node/process.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from node.logfile import LogFile

# Room for a burst of log lines while the supervisor is busy (pipe(7)): a role must not wait for its log.
_PIPE_BYTES = 1 << 20
_LAST_LINES_S = 0.5


def command(module: str, arguments: Sequence[str]) -> list[str]:
    """How a role is started. -P: a folder named `edge` where the operator stands is not our edge."""
    return [sys.executable, "-P", "-m", module, *arguments]


class Child:
    """A running role process. `tail` holds the last lines that it wrote."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        life_pipe: int,
        log: LogFile,
        pump: asyncio.ReadTransport,
        log_ended: asyncio.Event,
    ) -> None:
        self.pid = process.pid
        self._process = process
        self._life_pipe = life_pipe
        self._log = log
        self._pump = pump
        self._log_ended = log_ended

    @classmethod
    async def start(
        cls,
        argv: Sequence[str],
        log_path: Path,
        *,
        keep_open: Sequence[int] = (),
        on_line: Callable[[str], None] | None = None,
    ) -> Child:
        """Raises OSError if it cannot be spawned. `keep_open`: file descriptors that the child inherits."""
        log = LogFile(log_path)
        life_read, life_write = os.pipe()
        log_read, log_write = os.pipe()
        with contextlib.suppress(OSError):  # beyond the user's share of pipe memory: the default size will do
            fcntl.fcntl(log_write, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        ended = asyncio.Event()
        pump, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: _Pump(log, ended, on_line), os.fdopen(log_read, "rb", buffering=0)
        )
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=life_read,
                stdout=log_write,
                stderr=log_write,
                process_group=0,
                pass_fds=tuple(keep_open),
            )
        except BaseException:
            pump.close()
            os.close(life_write)
            raise
        finally:
            os.close(life_read)
            os.close(log_write)
        return cls(process, life_write, log, pump, ended)

    @property
    def tail(self) -> list[str]:
        return list(self._log.tail)

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    def signal(self, sign: signal.Signals) -> None:
        if self.alive:
            self._process.send_signal(sign)

    async def wait(self) -> int:
        """The exit code, or -N for signal N, once the process has ended and its last lines are kept."""
        code = await self._process.wait()
        with contextlib.suppress(TimeoutError):  # a process that it started may still hold the pipe
            async with asyncio.timeout(_LAST_LINES_S):
                await self._log_ended.wait()
        self.close()
        return code

    def close(self) -> None:
        self._pump.close()
        self._log.close()
        if self._life_pipe >= 0:
            os.close(self._life_pipe)
            self._life_pipe = -1


class _Pump(asyncio.Protocol):
    def __init__(self, log: LogFile, ended: asyncio.Event, on_line: Callable[[str], None] | None) -> None:
        self._log, self._ended, self._on_line = log, ended, on_line

    def data_received(self, data: bytes) -> None:
        for line in self._log.write(data):
            if self._on_line is not None:
                self._on_line(line)

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended.set()
