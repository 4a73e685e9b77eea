"""Objects that are too large to be made whole: a row of elements whose lengths are known, so that any range can be cut.

What a range costs is a binary search and the elements that it touches. Nothing else of the object is made, however
long the title is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

I64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Run:
    """(offset, octets) ranges of the file that the samples of a track lie in, to be sent one behind the other."""

    track: str
    ranges: tuple[tuple[int, int], ...]


Piece = bytes | memoryview | Run


def edges(lengths: Sequence[int] | I64) -> I64:
    """The octet at which each of n elements begins, and where the last one ends (n + 1 values)."""
    found = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(np.asarray(lengths, np.int64), out=found[1:])
    return found


def cut(at: I64, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
    """The elements that octets [start, stop) touch: (element, first octet in it, octet in it after the last).

    `at` is of `edges`; the range lies within it.
    """
    element = int(np.searchsorted(at, start, "right")) - 1
    while start < stop:
        begin, end = int(at[element]), int(at[element + 1])
        if end > start:
            last = min(end, stop)
            yield element, start - begin, last - begin
            start = last
        element += 1


def trimmed(ranges: Sequence[tuple[int, int]], start: int, stop: int) -> tuple[tuple[int, int], ...]:
    """What octets [start, stop) of these ranges, taken as one piece, are in the file."""
    found = []
    at = 0
    for offset, size in ranges:
        first, last = max(start - at, 0), min(stop - at, size)
        if first < last:
            found.append((offset + first, last - first))
        at += size
        if at >= stop:
            break
    return tuple(found)
