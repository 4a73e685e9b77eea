"""SRT publishers that no one here wrote: FFmpeg and srt-live-transmit; and a path between that loses and delays."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from ingest.srt import libsrt
from tests.kit.optional import lacks, program


def libsrt_is_there() -> None:
    """Skip the calling test where the library is not installed."""
    try:
        libsrt.Library().close()
    except libsrt.Missing as fault:
        lacks("program", str(fault))


def free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ffmpeg_with_srt() -> str:
    """FFmpeg's path; skips where it was built without SRT."""
    path = program("ffmpeg")
    done = subprocess.run([path, "-hide_banner", "-protocols"], capture_output=True, text=True, check=True)
    if "srt" not in done.stdout.split():
        lacks("local encoder", "this FFmpeg has no SRT")
    return path


def made(path: Path, *, seconds: float = 6, gop: int = 25, options: tuple[str, ...] = ()) -> Path:
    """A transport stream of 25 pictures a second with B-frames and AAC."""
    words = [program("ffmpeg"), "-v", "error", "-nostdin", "-y"]
    words += ["-f", "lavfi", "-i", f"testsrc2=size=320x180:rate=25:duration={seconds}"]
    words += ["-f", "lavfi", "-i", f"sine=frequency=440:sample_rate=48000:duration={seconds}"]
    words += ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-bf", "2", "-g", str(gop)]
    words += ["-keyint_min", str(gop), "-sc_threshold", "0", "-c:a", "aac", "-ac", "2", *options, str(path)]
    subprocess.run(words, check=True)
    return path


class Sending:
    """A program that sends; `said` is what it wrote on standard error once it has ended."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.said = ""

    async def ends(self, seconds: float = 60) -> int:
        """Its exit code."""
        assert self._process.stderr is not None
        async with asyncio.timeout(seconds):
            self.said += (await self._process.stderr.read()).decode(errors="replace")
            return await self._process.wait()

    def dies(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()


@asynccontextmanager
async def sends(*words: str) -> AsyncIterator[Sending]:
    process = await asyncio.create_subprocess_exec(
        *words, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    sending = Sending(process)
    try:
        yield sending
    finally:
        sending.dies()
        await process.wait()


def publishing(file: Path, url: str) -> list[str]:
    """FFmpeg's words: the file in real time, as it is."""
    words = [ffmpeg_with_srt(), "-v", "info", "-nostdin", "-re", "-i", str(file)]
    return [*words, "-map", "0", "-c", "copy", "-f", "mpegts", url]


class _Relay(asyncio.DatagramProtocol):
    def __init__(self, path: LossyPath, out: bool) -> None:
        self._path = path
        self._out = out
        self.transport: Any = None  # asyncio's own is no asyncio.DatagramTransport

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._path.carry(data, addr, self._out)


class LossyPath:
    """Carries UDP between a caller and a listener; of each direction `loss` of the packets never arrive, chosen by a
    seed, and the others `delay_s` later. `lost` counts."""

    def __init__(self, port: int, *, loss: float, delay_s: float, seed: int) -> None:
        self._to = ("127.0.0.1", port)
        self._loss = loss
        self._delay_s = delay_s
        self._chance = random.Random(seed)
        self._caller: tuple[str, int] | None = None
        self._near = _Relay(self, out=True)
        self._far = _Relay(self, out=False)
        self.port = 0
        self.carried = self.lost = 0

    async def __aenter__(self) -> LossyPath:
        loop = asyncio.get_running_loop()
        near, _ = await loop.create_datagram_endpoint(lambda: self._near, local_addr=("127.0.0.1", 0))
        await loop.create_datagram_endpoint(lambda: self._far, local_addr=("127.0.0.1", 0))
        self.port = int(near.get_extra_info("sockname")[1])
        return self

    async def __aexit__(self, *_: object) -> None:
        for relay in (self._near, self._far):
            relay.transport.close()

    def carry(self, data: bytes, addr: tuple[str, int], out: bool) -> None:
        if out:
            self._caller = addr
        self.carried += 1
        # Handshakes (control type 0) pass: the subject is the stream.
        if data[:2] != b"\x80\x00" and self._chance.random() < self._loss:
            self.lost += 1
            return
        to = self._to if out else self._caller
        through = self._far.transport if out else self._near.transport
        if to is not None and through is not None:
            asyncio.get_running_loop().call_later(self._delay_s, _send, through, data, to)


def _send(transport: Any, data: bytes, to: tuple[str, int]) -> None:
    if not transport.is_closing():
        transport.sendto(data, to)
