"""Whether octets of a mapped file are in memory, and bringing them in: a page that is not stops who touches it.

The event loop must not wait for a disk, so it asks first (mincore, some microseconds) and leaves the reading to a
thread (madvise with MADV_POPULATE_READ, Linux 5.14; before that, a read of each page).
"""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Sequence

import numpy as np

_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.mincore.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p)
_LIBC.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
_POPULATE_READ = 22
_PAGE = mmap.PAGESIZE
# Ranges of an interleaved file lie near each other, and to ask for what is between is cheaper than to ask for each.
_NEAR = 1 << 20
_MOST_NEAR = 32
_MOST_PAGES = 1 << 14

Ranges = Sequence[tuple[int, int]]


class Pages:
    """Of one mapping. `media`: it all; kept alive by whoever holds this."""

    def __init__(self, media: memoryview) -> None:
        self._media = np.frombuffer(media, np.uint8)
        self._at = int(self._media.ctypes.data)
        self._seen = ctypes.create_string_buffer(_MOST_PAGES)

    def resident(self, ranges: Ranges) -> bool:
        """True if no page of the ranges (offset, octets) has to be read. Not for several threads at once."""
        for begin, end in _spans(ranges):
            first = begin // _PAGE * _PAGE
            count = -(-(end - first) // _PAGE)
            if count > _MOST_PAGES:
                return False
            if _LIBC.mincore(self._at + first, end - first, self._seen):
                return False
            if 0 in ctypes.string_at(self._seen, count):
                return False
        return True

    def bring_in(self, ranges: Ranges) -> None:
        """Read what is not in memory. Blocking; other threads run."""
        for begin, end in _spans(ranges):
            first = begin // _PAGE * _PAGE
            if _LIBC.madvise(self._at + first, end - first, _POPULATE_READ):
                self._media[begin:end:_PAGE].max()


def _spans(ranges: Ranges) -> list[tuple[int, int]]:
    """(begin, end) of what lies near each other; whole segments of an interleaved file mostly do."""
    begin, size = ranges[0]
    last, octets = ranges[-1]
    if 0 <= last - begin <= _NEAR * min(len(ranges), _MOST_NEAR):
        return [(begin, last + octets)]
    end, spans = begin + size, []
    for at, octets in ranges[1:]:
        if not 0 <= at - end <= _NEAR:
            spans.append((begin, end))
            begin = at
        end = at + octets
    spans.append((begin, end))
    return spans
