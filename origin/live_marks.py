"""The marks of one live channel: in the journal first, then in the snapshot that playlists are printed from."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

import structlog

from base.push import MarkNote
from origin.journal import Journal
from packager.live_marks import LiveMark, merged, returning, within

log = structlog.get_logger("marks")

# More than a window should ever hold: the oldest go.
MOST = 5000


class LiveMarks:
    """`known`: what the journal holds."""

    def __init__(self, journal: Journal, channel: str, edition: str, known: Iterable[LiveMark] = ()) -> None:
        self._journal = journal
        self._channel = channel
        self._edition = edition
        self._marks = {mark.id: mark for mark in known}
        self._lock = asyncio.Lock()

    async def take(self, notes: Iterable[MarkNote]) -> bool:
        """True if they say anything new; it is on the disk then. Raises OSError."""
        async with self._lock:
            there = dict(self._marks)
            changed: dict[str, LiveMark] = {}
            for note in notes:
                mark = merged(there.values(), note)
                if mark is not None:
                    there[mark.id] = changed[mark.id] = mark
            if changed:
                await self._journal.put_marks(self._channel, self._edition, changed.values())
                self._marks = there
                for mark in changed.values():
                    log.info("mark.taken", channel=self._channel, mark=mark.id, ended=mark.end >= 0)
            return bool(changed)

    def within(self, begin_us: int) -> tuple[LiveMark, ...]:
        """Those that a window beginning then has to tell of, in order."""
        return within(self._marks.values(), begin_us)

    def returning(self, now_us: int) -> tuple[MarkNote, ...]:
        """Breaks that are on and will end by themselves."""
        return returning(self._marks.values(), now_us)

    async def drop(self, begin_us: int) -> None:
        """Forget what was over before then. Raises OSError."""
        async with self._lock:
            kept = within(self._marks.values(), begin_us)[-MOST:]
            gone: Sequence[str] = sorted(self._marks.keys() - {mark.id for mark in kept})
            if gone:
                await self._journal.forget_marks(self._channel, self._edition, gone)
                self._marks = {mark.id: mark for mark in kept}
