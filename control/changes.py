"""The sequence that is in force, and waiting for it to rise."""

from __future__ import annotations

import asyncio


class Changes:
    """One number that only rises. `close` lets every waiter go, so that a draining process answers at once."""

    def __init__(self, seq: int = 0) -> None:
        self.seq = seq
        self.closed = False
        self._moved = asyncio.Event()

    def move(self, seq: int) -> None:
        """Raise the number; a lower one (two writes that finished in another order) changes nothing."""
        if seq > self.seq:
            self.seq = seq
            self._wake()

    def close(self) -> None:
        self.closed = True
        self._wake()

    async def above(self, have: int, seconds: float) -> bool:
        """True as soon as the sequence is higher than `have`; False after `seconds`, or when closed."""
        try:
            async with asyncio.timeout(seconds):
                while self.seq <= have and not self.closed:
                    await self._moved.wait()
        except TimeoutError:
            pass
        return self.seq > have

    def _wake(self) -> None:
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()
