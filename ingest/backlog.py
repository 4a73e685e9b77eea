"""What the origin has not acknowledged yet, per track and segment, within bounds; no I/O.

The parts of an open segment stay until its last part is acknowledged, because an origin that lost its open segments
asks for them again (412). Over the bounds the oldest whole segment goes first: viewers lose one gap, not the end.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from packager.segmenter import Part

MAX_AGE_S = 60.0
MAX_BYTES = 64 << 20


@dataclass(slots=True, eq=False)
class Pending:
    """One segment on its way. `acked` parts from the front are at the origin; `since` is monotonic seconds."""

    number: int
    since: float
    parts: list[Part] = field(default_factory=list)
    came: list[float] = field(default_factory=list)  # when each part was added
    acked: int = 0
    attempts: int = 0  # times that the origin asked for it from the start

    @property
    def closed(self) -> bool:
        return bool(self.parts) and self.parts[-1].note.last

    def waits_since(self) -> float:
        """When the first part that is not acknowledged was added; for ever away if there is none."""
        return self.came[self.acked] if self.acked < len(self.came) else float("inf")

    @property
    def size(self) -> int:
        return sum(len(part.body) for part in self.parts)


class Backlog:
    """All tracks of one channel."""

    def __init__(self, *, max_age_s: float = MAX_AGE_S, max_bytes: int = MAX_BYTES) -> None:
        self._max_age_s = max_age_s
        self._max_bytes = max_bytes
        self._tracks: dict[str, deque[Pending]] = {}
        self._skipped: dict[str, int] = {}  # highest segment number that was given up, by track
        self.bytes = 0
        self.dropped_parts = 0

    @property
    def idle(self) -> bool:
        """True if everything that was added is acknowledged (parts of open segments included)."""
        return all(p.acked == len(p.parts) for queue in self._tracks.values() for p in queue)

    @property
    def generations(self) -> set[tuple[str, str]]:
        """(track, generation) of every init segment that pending parts need."""
        return {
            (part.track, part.note.init)
            for queue in self._tracks.values()
            for pending in queue
            for part in pending.parts
        }

    def add(self, part: Part, now: float) -> list[Pending]:
        """Take a part; returns the segments that were given up to keep the bounds."""
        if part.number <= self._skipped.get(part.track, -1):
            self.dropped_parts += 1
            return []
        queue = self._tracks.setdefault(part.track, deque())
        if not queue or queue[-1].number != part.number:
            queue.append(Pending(part.number, now))
        queue[-1].parts.append(part)
        queue[-1].came.append(now)
        self.bytes += len(part.body)
        return self._trim(now)

    def next(self, track: str) -> tuple[Pending, Part] | None:
        """The part to send now, in order; None while there is nothing to send."""
        queue = self._tracks.get(track)
        if not queue:
            return None
        head = queue[0]
        return (head, head.parts[head.acked]) if head.acked < len(head.parts) else None

    def acknowledged(self, track: str, pending: Pending, part: Part) -> None:
        if not self._is_head(track, pending):
            return  # given up meanwhile
        pending.acked = part.part + 1
        if pending.closed and pending.acked == len(pending.parts):
            self._remove(track, pending)

    def again(self, pending: Pending) -> None:
        """The origin lost this segment's parts: send them from the first."""
        pending.acked = 0
        pending.attempts += 1

    def skip(self, track: str, pending: Pending) -> None:
        """Give this segment up, and its parts that are still to come."""
        if self._is_head(track, pending):
            self._give_up(track, pending)

    def _is_head(self, track: str, pending: Pending) -> bool:
        queue = self._tracks.get(track)
        return bool(queue) and queue is not None and queue[0] is pending

    def _trim(self, now: float) -> list[Pending]:
        given_up: list[Pending] = []
        while heads := [(queue[0].since, track) for track, queue in self._tracks.items() if queue]:
            late = [track for _, track in heads if now - self._tracks[track][0].waits_since() > self._max_age_s]
            if late:
                track = late[0]
            elif self.bytes > self._max_bytes:
                track = min(heads)[1]
            else:
                break
            given_up.append(self._tracks[track][0])
            self._give_up(track, given_up[-1])
        return given_up

    def _give_up(self, track: str, pending: Pending) -> None:
        self.dropped_parts += len(pending.parts)
        self._skipped[track] = max(self._skipped.get(track, -1), pending.number)
        self._remove(track, pending)

    def _remove(self, track: str, pending: Pending) -> None:
        self._tracks[track].remove(pending)
        self.bytes -= pending.size
