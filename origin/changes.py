"""How often assets were removed or changed, counted where every worker of the origin sees it at once.

A file of eight octets that all workers map. Worker 0, which alone removes and changes assets, counts up after a change
is on disk and before it is answered; the others compare before they use what they hold open. To look costs less than a
microsecond and no call of the system. Only equality says something: the count goes on through restarts.
"""

from __future__ import annotations

import mmap
import os
from pathlib import Path

_OCTETS = 8


class Changes:
    """The count in one file, made if it is not there. Raises OSError: the disk is full, or gone."""

    def __init__(self, path: Path) -> None:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            # its block is there from now on: a mapped page that has none on a full disk would end the process
            os.posix_fallocate(fd, 0, _OCTETS)
            self._mapped = mmap.mmap(fd, _OCTETS)
        finally:
            os.close(fd)
        self._count = memoryview(self._mapped).cast("Q")  # aligned, so read and written in one piece

    @property
    def count(self) -> int:
        return self._count[0]

    def bump(self) -> int:
        """Count up. For one process only, and one thread of it at a time: two might write the same number."""
        count = (self._count[0] + 1) % (1 << 64)
        self._count[0] = count
        return count
