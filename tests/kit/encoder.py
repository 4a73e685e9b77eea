"""An encoder: FFmpeg publishes a test picture over RTMP in real time, and connects again when it is told to."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from types import TracebackType
from typing import Self

from tests.kit.optional import program


class Encoder:
    """`async with Encoder(url): ...` publishes to `rtmp://host:port/live/{channel}?key=...` until the block ends.

    `reconnects`: like an encoder in the field, start again a moment after a connection is lost. A start is a new
    FFmpeg: its media clock begins at 0 again, as with most encoders.
    """

    def __init__(
        self,
        url: str,
        *,
        size: str = "320x180",
        rate: int = 25,
        keyframe_s: float = 2,
        bframes: int = 0,
        audio: bool = True,
        reconnects: bool = False,
        options: tuple[str, ...] = (),
    ) -> None:
        self._url = url
        self._reconnects = reconnects
        self._ending = False
        self._task: asyncio.Task[None] | None = None
        self.process: asyncio.subprocess.Process | None = None
        self.started = asyncio.Event()
        self.starts = 0
        self.said = ""
        gop = str(round(rate * keyframe_s))
        self._command = [program("ffmpeg"), "-v", "error", "-nostdin", "-re"]
        self._command += ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate={rate}"]
        if audio:
            self._command += ["-re", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"]
            self._command += ["-c:a", "aac", "-b:a", "96k", "-ac", "2"]
        self._command += ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-threads", "1"]
        self._command += ["-g", gop, "-keyint_min", gop, "-sc_threshold", "0", "-bf", str(bframes)]
        self._command += ["-tune", "zerolatency"] if not bframes else []
        self._command += [*options, "-flvflags", "no_duration_filesize", "-f", "flv"]

    async def __aenter__(self) -> Self:
        self._task = asyncio.get_running_loop().create_task(self._publish(), name="encoder")
        await self.started.wait()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stops()

    async def stops(self) -> None:
        """End the stream in good order (SIGINT: FFmpeg unpublishes)."""
        self._ending = True
        await self._end(2)

    async def dies(self) -> None:
        """SIGKILL: the connection breaks without a word."""
        self._ending = True
        await self._end(9)

    def runs_until_it_ends(self, within: float) -> int:
        """Publish without an event loop, for an offer that is refused; FFmpeg's exit code."""
        done = subprocess.run([*self._command, self._url], capture_output=True, timeout=within, check=False)
        return done.returncode

    async def ended(self, timeout_s: float = 20) -> int:
        """Wait until FFmpeg ends by itself (the publish was refused); its exit code."""
        assert self.process is not None
        async with asyncio.timeout(timeout_s):
            return await self.process.wait()

    async def _end(self, sign: int) -> None:
        process, task = self.process, self._task
        if process is not None and process.returncode is None:
            process.send_signal(sign)
            try:
                async with asyncio.timeout(5):
                    await process.wait()
            except TimeoutError:
                process.kill()
        if task is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _publish(self) -> None:
        while not self._ending:
            self.process = await asyncio.create_subprocess_exec(
                *self._command,
                self._url,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
            )
            self.starts += 1
            self.started.set()
            assert self.process.stderr is not None
            self.said += (await self.process.stderr.read()).decode(errors="replace")
            await self.process.wait()
            if not self._reconnects:
                return
            await asyncio.sleep(0.5)  # a pause between attempts, as encoders make it
